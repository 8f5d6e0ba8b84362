mod activity;
mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use holobiont_attestation_tls::{Endpoint, Session};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::limits::{ACCEPT_REST_MS, MAX_BODY_BYTES, MAX_CONNECTIONS};
use crate::{Observer, PlatformBook, Stop};

/// Gives the session for a new connection: terms move with the roster and the organism's config.
pub trait Sessions: Send + Sync {
    /// What this side demands and offers from now on.
    fn session(&self) -> Arc<Session>;
}

impl<F: Fn() -> Arc<Session> + Send + Sync> Sessions for F {
    fn session(&self) -> Arc<Session> {
        self()
    }
}

/// What a server is made of.
#[derive(Clone)]
pub struct ServerParts {
    /// This node's end of attested TLS.
    pub endpoint: Endpoint,
    /// What is demanded and offered.
    pub sessions: Arc<dyn Sessions>,
    /// What is answered; every request carries an `Extension<Arc<PeerInfo>>`.
    pub router: Router,
    /// Which nodes are on which machines, shared with this node's clients.
    pub book: PlatformBook,
    /// Hears of peers.
    pub observer: Arc<dyn Observer>,
    /// Ends it.
    pub stop: Stop,
}

impl std::fmt::Debug for ServerParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerParts").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Accepts connections, attests, and answers HTTP/2 requests.
///
/// At most [`MAX_CONNECTIONS`] are open, at most
/// [`MAX_CONNECTIONS_PER_NODE`](crate::limits::MAX_CONNECTIONS_PER_NODE) to one node; those that
/// have not attested yet are bounded by the endpoint's own limits.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Stop,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves this listener, on the runtime that it is called in, until it is stopped.
    ///
    /// # Errors
    ///
    /// What the system says where the listener has no address.
    pub fn start(listener: TcpListener, parts: ServerParts) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = parts.stop.clone();
        let accepting = tokio::spawn(accept(listener, parts));
        Ok(Self { address, stop, accepting })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no further connection, lets requests that are under way come to their ends for
    /// [`DRAIN_MS`](crate::limits::DRAIN_MS), and returns when every connection is closed.
    pub async fn stop(self) {
        self.stop.stop();
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the server ended early");
        }
    }
}

async fn accept(listener: TcpListener, mut parts: ServerParts) {
    parts.router = parts.router.layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let parts = Arc::new(parts);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        refuse_busy(&parts, from);
                        continue;
                    };
                    let parts = Arc::clone(&parts);
                    connections.spawn(async move {
                        serve(&parts, stream, from).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_REST_MS)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = parts.stop.stopped() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn refuse_busy(parts: &ServerParts, from: SocketAddr) {
    tracing::warn!(%from, limit = MAX_CONNECTIONS, "connection refused: no place is left");
    parts.observer.refused(from, "busy");
}

async fn serve(parts: &ServerParts, stream: TcpStream, from: SocketAddr) {
    if let Err(refused) = connection::serve(parts, stream, from).await {
        tracing::warn!(%from, code = refused.code, reason = %refused.reason, "peer refused");
        parts.observer.refused(from, &refused.code);
    }
}
