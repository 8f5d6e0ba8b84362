use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use holobiont_archive::Stop;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use super::places::{Place, Places};

/// Open connections of one plain listener; further ones wait until one ends.
const MAX_CONNECTIONS: usize = 256;
/// Open connections of one address to one plain listener; further ones are closed.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 64;
/// A connection on which nothing moves for so long ends, in milliseconds.
const IDLE_MS: u64 = 60_000;

/// Serves plain HTTP until it is stopped: so many connections, and none that hangs.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: Stop) {
    let bounded = Bounded {
        listener,
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        of_addresses: Places::new(MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS),
    };
    let ended = async move { stop.stopped().await };
    let router = router.into_make_service_with_connect_info::<Caller>();
    if let Err(error) = axum::serve(bounded, router).with_graceful_shutdown(ended).await {
        tracing::error!(%error, "a listener has ended");
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) IpAddr);

impl Connected<IncomingStream<'_, Bounded>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    of_addresses: Arc<Places>,
}

impl Listener for Bounded {
    type Io = Placed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Placed, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // Nobody closes it.
                std::future::pending::<()>().await;
                continue;
            };
            let (stream, from) = Listener::accept(&mut self.listener).await;
            let Ok(own) = self.of_addresses.take(from.ip()) else {
                tracing::debug!(%from, limit = MAX_CONNECTIONS_PER_ADDRESS, "connection closed");
                continue;
            };
            let idle = Box::pin(sleep(Duration::from_millis(IDLE_MS)));
            return (Placed { stream, idle, _places: (place, own) }, from);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, its places, and for how long it may be still.
struct Placed {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    _places: (OwnedSemaphorePermit, Place),
}

impl Placed {
    /// What moved starts the wait anew; what did not may not last.
    fn noting<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let until = Instant::now().checked_add(Duration::from_millis(IDLE_MS));
            if let Some(until) = until {
                self.idle.as_mut().reset(until);
            }
            return polled;
        }
        match self.idle.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.noting(cx, polled)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.noting(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
