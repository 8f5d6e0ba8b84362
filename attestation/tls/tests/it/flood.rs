//! A peer that sends more than anybody can read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use holobiont_attestation_tls::exchange::ExchangeError;
use holobiont_attestation_tls::transport::{SERVER_NAME, client_config};
use holobiont_attestation_tls::{BootKey, TlsError};
use rustls::ClientConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::world::{HERE, World, within};

/// Seconds of reading, where a refusal lingers for milliseconds.
const MOST_READS: usize = 200_000;

/// The other end of a connection, which always has something more to be read.
struct Flood {
    peer: ClientConnection,
    on_the_way: Vec<u8>,
    reads: usize,
    reader: Option<Waker>,
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.on_the_way.is_empty() && !this.peer.is_handshaking() {
            this.reads += 1;
            assert!(this.reads < MOST_READS, "it reads without end");
            io::Write::write_all(&mut this.peer.writer(), &[0xff; 4096])?;
        }
        while this.peer.wants_write() {
            this.peer.write_tls(&mut this.on_the_way)?;
        }
        if this.on_the_way.is_empty() {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buf.remaining().min(this.on_the_way.len());
        buf.put_slice(&this.on_the_way[..count]);
        this.on_the_way.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let all = bytes.len();
        while !bytes.is_empty() {
            self.peer.read_tls(&mut bytes)?;
            self.peer.process_new_packets().map_err(io::Error::other)?;
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(all))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_refused_peer_that_goes_on_sending_holds_nobody_up() {
    let mut world = World::new();
    world.limits.linger_ms = 20;
    let server = world.node(2);
    let config = client_config(&BootKey::generate().unwrap(), true).unwrap();
    let peer = ClientConnection::new(Arc::new(config), SERVER_NAME.try_into().unwrap()).unwrap();
    let flood = Flood { peer, on_the_way: Vec::new(), reads: 0, reader: None };
    let session = Arc::new(server.session.clone());
    let refused = within(async {
        server.endpoint.accept(flood, HERE).await.unwrap().attest(session).await.unwrap_err()
    })
    .await;
    let what = "it is told why all the same";
    assert!(
        matches!(&refused, TlsError::Exchange { source: ExchangeError::UnknownKind { kind: 255 } }),
        "{what}: {refused:?}"
    );
}
