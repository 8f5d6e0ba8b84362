use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use holobiont_attestation_tls::{Session, TlsError};
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{ClientError, ClientParts};
use crate::PeerInfo;
use crate::limits::{
    CONNECTION_WINDOW_BYTES, DIAL_MS, FRAME_BYTES, MAX_HEADER_BYTES, PING_ANSWER_MS, PING_EVERY_MS,
    SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};
use crate::noted::{Noted, Reason, code_of};

/// One attested HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: Arc<PeerInfo>,
    pub(super) sender: SendRequest<Full<Bytes>>,
    address: String,
    reason: Reason,
    /// Set by the task that drives it, at its end.
    ended: Arc<OnceLock<String>>,
}

impl Connection {
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get().is_some() || self.sender.is_closed()
    }

    pub(super) fn why_ended(&self) -> ClientError {
        let why = self.ended.get().cloned().unwrap_or_else(|| "the peer closed it".to_owned());
        self.because(why)
    }

    /// What a request failed of.
    pub(super) fn broken(&self, error: &hyper::Error) -> ClientError {
        self.because(error.to_string())
    }

    fn because(&self, why: String) -> ClientError {
        let address = self.address.clone();
        match self.reason.get() {
            Some(source) => ClientError::Attestation { address, source: source.clone() },
            None => ClientError::Broken { address, why },
        }
    }
}

/// Dials, attests, and has a task drive the connection.
pub(super) async fn dial(parts: &ClientParts) -> Result<Connection, ClientError> {
    let address = parts.address.clone();
    let stream = tcp(&address).await?;
    let from = stream.peer_addr().map_err(|source| unreachable(&address, source))?;
    let session = parts.sessions.session();
    let terms = session.demands;
    let appraiser = parts.book.over(Arc::clone(&session.appraiser));
    let session = Arc::new(Session { appraiser, ..(*session).clone() });
    let attested = match parts.endpoint.connect(stream).await {
        Ok(handshaken) => handshaken.attest(session).await,
        Err(error) => Err(error),
    };
    let attested = attested.map_err(|source: TlsError| {
        parts.observer.refused(from, code_of(&source));
        ClientError::Attestation { address: address.clone(), source }
    })?;
    let peer = PeerInfo::of(&attested, terms, from).shared();
    let held = parts
        .book
        .hold(peer.node, &peer.admission().verdict)
        .map_err(|source| ClientError::SamePlatform { address: address.clone(), source })?;
    let (stream, reason) = Noted::new(attested);
    let (sender, driving) = builder().handshake(TokioIo::new(stream)).await.map_err(|error| {
        ClientError::Broken { address: address.clone(), why: error.to_string() }
    })?;
    tracing::info!(node = %peer.node, address, "peer attested");
    parts.observer.attested(&peer);
    let ended = Arc::new(OnceLock::new());
    let connection =
        Connection { peer: Arc::clone(&peer), sender, address, reason, ended: Arc::clone(&ended) };
    let observer = Arc::clone(&parts.observer);
    tokio::spawn(async move {
        let why = match driving.await {
            Ok(()) => "it was closed".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::info!(node = %peer.node, why, "connection ended");
        drop(held);
        // Nobody else sets it.
        let _ = ended.set(why);
        observer.ended(&peer);
    });
    Ok(connection)
}

async fn tcp(address: &str) -> Result<TcpStream, ClientError> {
    let dialled = timeout(Duration::from_millis(DIAL_MS), TcpStream::connect(address)).await;
    let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = dialled.map_err(|source| unreachable(address, source))?;
    // Heartbeats are small, and must not wait for one another.
    stream.set_nodelay(true).map_err(|source| unreachable(address, source))?;
    Ok(stream)
}

fn unreachable(address: &str, source: io::Error) -> ClientError {
    ClientError::Unreachable { address: address.to_owned(), source: Arc::new(source) }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(Duration::from_millis(PING_EVERY_MS))
        .keep_alive_timeout(Duration::from_millis(PING_ANSWER_MS))
        .keep_alive_while_idle(true);
    builder
}
