mod body;
mod connection;
mod error;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use holobiont_attestation_tls::Endpoint;
use http_body_util::Full;
use hyper::{Method, Request, header};
use tokio::time::{Instant, timeout};

use self::connection::Connection;
use crate::limits::{ANSWER_MS, LEAST_REST_MS, MAX_BODY_BYTES, MAX_SMALL_BYTES, MOST_REST_MS};
use crate::{Observer, PeerInfo, PlatformBook, Problem, Sessions};

pub use body::Body;
pub use error::ClientError;

/// Gives the ticket that a client shows, as it is now: tickets are renewed.
pub trait Bearer: Send + Sync {
    /// The compact form; none where there is none.
    fn bearer(&self) -> Option<String>;
}

impl<F: Fn() -> Option<String> + Send + Sync> Bearer for F {
    fn bearer(&self) -> Option<String> {
        self()
    }
}

/// What a client is made of.
#[derive(Clone)]
pub struct ClientParts {
    /// `host:port`. Who is there, attestation says.
    pub address: String,
    /// This node's end of attested TLS.
    pub endpoint: Endpoint,
    /// What is demanded and offered, anew for each connection.
    pub sessions: Arc<dyn Sessions>,
    /// Which nodes are on which machines, shared with this node's server.
    pub book: PlatformBook,
    /// The ticket to show, where one is wanted.
    pub bearer: Option<Arc<dyn Bearer>>,
    /// Hears of peers.
    pub observer: Arc<dyn Observer>,
}

/// Asks one peer, over one attested connection that is made when needed and remade when it has
/// ended.
///
/// Cheap to clone; clones share the connection. Requests run side by side. While the peer cannot be
/// had, requests fail at once with the last reason, and the next attempt is made after a rest that
/// doubles from [`LEAST_REST_MS`] to [`MOST_REST_MS`]. An attempt goes on when whoever asked for it
/// has given up waiting: making a quote may take longer than a heartbeat may.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    parts: ClientParts,
    state: Mutex<State>,
    /// Failed attempts since the last answer.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    attempt: Option<Attempt>,
    /// No new attempt before.
    rest_until: Option<Instant>,
    /// The last failure that was logged: the same one is not said again.
    said: String,
}

type Attempt = Shared<BoxFuture<'static, Result<Arc<Connection>, ClientError>>>;

impl Client {
    /// A client that has not dialled yet.
    pub fn new(parts: ClientParts) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner { parts, state, failures: AtomicU64::new(0) }))
    }

    /// Where it dials.
    pub fn address(&self) -> &str {
        &self.0.parts.address
    }

    /// Connects where it is not connected: who is there.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn connect(&self) -> Result<Arc<PeerInfo>, ClientError> {
        Ok(Arc::clone(&self.connection().await?.peer))
    }

    /// `POST`s a body to `path` and takes the whole answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: anything but a success is one.
    pub async fn call(&self, path: &str, body: Vec<u8>) -> Result<Bytes, ClientError> {
        let body = self.send(Method::POST, path, body.into()).await?;
        body.whole(MAX_BODY_BYTES).await
    }

    /// `GET`s a small document.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn get(&self, path: &str) -> Result<Bytes, ClientError> {
        self.send(Method::GET, path, Bytes::new()).await?.whole(MAX_SMALL_BYTES).await
    }

    /// `GET`s something long, to be read piece by piece.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn stream(&self, path: &str) -> Result<Body, ClientError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Ends the connection once its requests have: the next one is under new terms.
    pub fn reconnect(&self) {
        *self.0.lock() = State::default();
    }

    /// The peer has shown that it is there: the next request dials, whatever rest there was to be.
    pub fn hurry(&self) {
        self.0.failures.store(0, Ordering::Relaxed);
        self.0.lock().rest_until = None;
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Body, ClientError> {
        let connection = self.connection().await?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", holobiont_attestation_tls::transport::SERVER_NAME));
        if let Some(ticket) = self.0.parts.bearer.as_ref().and_then(|bearer| bearer.bearer()) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", ticket.trim()));
        }
        let request = request.body(Full::new(body)).map_err(|error| ClientError::Request {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        let answering = connection.sender.clone().send_request(request);
        let answered = timeout(Duration::from_millis(ANSWER_MS), answering).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(connection.broken(&error)),
            Err(_) => return Err(ClientError::TimedOut { what: "answer", limit_ms: ANSWER_MS }),
        };
        self.0.failures.store(0, Ordering::Relaxed);
        let status = response.status();
        let body = Body::new(response.into_body(), connection);
        if status.is_success() {
            return Ok(body);
        }
        let said = body.whole(MAX_SMALL_BYTES).await.unwrap_or_default();
        Err(ClientError::Status { problem: Box::new(Problem::read(status.as_u16(), &said)) })
    }

    async fn connection(&self) -> Result<Arc<Connection>, ClientError> {
        let attempt = {
            let mut state = self.0.lock();
            match state.attempt.as_ref().map(|attempt| (attempt.peek().cloned(), attempt.clone())) {
                Some((None, under_way)) => under_way,
                Some((Some(Ok(connection)), _)) if !connection.has_ended() => {
                    return Ok(connection);
                }
                Some((Some(ended), _)) if state.is_resting() => {
                    return Err(ended.map_or_else(|error| error, |it| it.why_ended()));
                }
                _ => self.begin(&mut state),
            }
        };
        attempt.await
    }

    /// A new attempt, which goes on by itself.
    fn begin(&self, state: &mut State) -> Attempt {
        let parts = self.0.parts.clone();
        let weak = Arc::downgrade(&self.0);
        let attempt = async move {
            let dialled = connection::dial(&parts).await.map(Arc::new);
            // Also after a success: a peer that takes connections and answers nothing is no better.
            if let Some(inner) = weak.upgrade() {
                inner.rest();
                inner.say(&dialled);
            }
            dialled
        };
        let attempt = attempt.boxed().shared();
        tokio::spawn(attempt.clone());
        state.attempt = Some(attempt.clone());
        attempt
    }
}

impl State {
    fn is_resting(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let rest_ms = LEAST_REST_MS.saturating_mul(1 << failures).min(MOST_REST_MS);
        self.lock().rest_until = Instant::now().checked_add(Duration::from_millis(rest_ms));
    }

    fn say(&self, dialled: &Result<Arc<Connection>, ClientError>) {
        let error = dialled.as_ref().err().map_or_else(String::new, ToString::to_string);
        let mut state = self.lock();
        if !error.is_empty() && state.said != error {
            tracing::warn!(error, "no connection");
        }
        state.said = error;
    }
}

impl fmt::Debug for ClientParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientParts").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.0.parts.address).finish_non_exhaustive()
    }
}
