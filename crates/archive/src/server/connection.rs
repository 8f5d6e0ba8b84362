use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use holobiont_attestation_tls::{Attested, Session, Terms, TlsError};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt as _;

use super::ServerParts;
use super::activity::Activity;
use crate::limits::{
    CONNECTION_WINDOW_BYTES, DRAIN_MS, FRAME_BYTES, IDLE_MS, MAX_CONNECTIONS_PER_NODE,
    MAX_HEADER_BYTES, MAX_STREAMS, PING_ANSWER_MS, PING_EVERY_MS, SEND_BUFFER_BYTES,
    STREAM_WINDOW_BYTES,
};
use crate::noted::{Noted, code_of};
use crate::platform_book::SamePlatform;
use crate::{Held, PeerInfo};

/// Why there is no connection to serve.
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) reason: String,
}

impl From<TlsError> for Refused {
    fn from(error: TlsError) -> Self {
        Self { code: code_of(&error).to_owned(), reason: error.to_string() }
    }
}

/// One connection from its first byte to its last.
pub(super) async fn serve(
    parts: &ServerParts,
    stream: TcpStream,
    from: SocketAddr,
) -> Result<(), Refused> {
    // Heartbeats are small, and must not wait for one another.
    if let Err(error) = stream.set_nodelay(true) {
        return Err(Refused { code: "broken".to_owned(), reason: error.to_string() });
    }
    let session = parts.sessions.session();
    let terms = session.demands;
    let attesting = async {
        let handshaken = parts.endpoint.accept(stream, from.ip()).await?;
        handshaken.attest(booked(parts, &session)).await
    };
    let attested = tokio::select! {
        attested = attesting => attested?,
        () = parts.stop.stopped() => return Ok(()),
    };
    let (peer, held) = admitted(parts, &attested, terms, from)?;
    tracing::info!(node = %peer.node, %from, "peer attested");
    parts.observer.attested(&peer);
    answer(parts, attested, &peer).await;
    drop(held);
    parts.observer.ended(&peer);
    Ok(())
}

fn booked(parts: &ServerParts, session: &Session) -> Arc<Session> {
    let appraiser = parts.book.over(Arc::clone(&session.appraiser));
    Arc::new(Session { appraiser, ..session.clone() })
}

fn admitted(
    parts: &ServerParts,
    attested: &Attested<TcpStream>,
    terms: Terms,
    from: SocketAddr,
) -> Result<(Arc<PeerInfo>, Held), Refused> {
    let peer = PeerInfo::of(attested, terms, from).shared();
    // The appraiser asked, but two may have attested at once.
    let held = parts.book.hold(peer.node, &peer.admission().verdict).map_err(|error| Refused {
        code: SamePlatform::CODE.to_owned(),
        reason: error.to_string(),
    })?;
    if parts.book.connections(&peer.node) > MAX_CONNECTIONS_PER_NODE {
        let reason = format!(
            "node {} has {MAX_CONNECTIONS_PER_NODE} connections open: no more are taken",
            peer.node
        );
        return Err(Refused { code: "busy".to_owned(), reason });
    }
    Ok((peer, held))
}

async fn answer(parts: &ServerParts, attested: Attested<TcpStream>, peer: &Arc<PeerInfo>) {
    let activity = Activity::new();
    let service = {
        let (router, peer, activity) = (parts.router.clone(), Arc::clone(peer), activity.clone());
        service_fn(move |mut request: Request<Incoming>| {
            let (router, busy) = (router.clone(), activity.begin());
            request.extensions_mut().insert(Arc::clone(&peer));
            async move {
                let answered = router.oneshot(request).await;
                // The request is under way until the last byte of its answer.
                answered.map(|response: Response| {
                    response.map(|body| {
                        Body::new(body.map_frame(move |frame| {
                            let _ = &busy;
                            frame
                        }))
                    })
                })
            }
        })
    };
    let (stream, reason) = Noted::new(attested);
    let connection = builder().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let idle = activity.idle_for(Duration::from_millis(IDLE_MS));
    let mut idle = std::pin::pin!(idle);
    let mut deadline = None;
    let ended = loop {
        let end_at = deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = parts.stop.stopped(), if deadline.is_none() => {}
            () = idle.as_mut(), if deadline.is_none() => {}
            () = sleep_until(end_at), if deadline.is_some() => break Ok(()),
        }
        connection.as_mut().graceful_shutdown();
        deadline = Instant::now().checked_add(Duration::from_millis(DRAIN_MS));
    };
    match (reason.get(), ended) {
        // A peer that is gone is an everyday thing, one that no longer attests is not.
        (Some(error), _) if !matches!(error, TlsError::Io { .. }) => {
            tracing::warn!(node = %peer.node, code = code_of(error), %error, "peer's connection ended");
        }
        (_, Err(error)) => tracing::info!(node = %peer.node, %error, "peer's connection ended"),
        (_, Ok(())) => tracing::info!(node = %peer.node, "peer's connection ended"),
    }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(Duration::from_millis(PING_EVERY_MS))
        .keep_alive_timeout(Duration::from_millis(PING_ANSWER_MS));
    builder
}
