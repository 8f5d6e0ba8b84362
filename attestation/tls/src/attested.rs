use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::channel::Channel;
use crate::{Peer, Standing};

/// A connection on which both sides have attested, to each other and for this very connection.
///
/// Only this type reads and writes application bytes. It attests again in band, while bytes flow
/// both ways, and ends when the peer's verdict expires, at the latest when the clock is next looked
/// at. Every error is final and holds a [`TlsError`](crate::TlsError).
///
/// *Limits*: it has no task of its own, so somebody must be reading or writing (a pending read is
/// enough) for a re-attestation to go on, and bytes that nobody reads hold up the peer's frames
/// behind them. After `shutdown` of either side the other direction lives on without another
/// re-attestation, until the next one would have had to end. After an error, dropping it at once may cost the peer
/// the reason; reading until the error comes gives the peer a moment to hear it.
///
/// ```
/// use holobiont_attestation_tls::Attested;
/// use tokio::io::AsyncReadExt;
///
/// async fn first_byte(mut peer: Attested<tokio::net::TcpStream>) -> std::io::Result<u8> {
///     println!("from {:02x?}, pin {}", peer.peer().node, peer.peer().admission.pin);
///     peer.read_u8().await
/// }
/// ```
pub struct Attested<S> {
    channel: Channel<S>,
    standing: Standing,
}

impl<S> Attested<S> {
    pub(crate) const fn new(channel: Channel<S>, standing: Standing) -> Self {
        Self { channel, standing }
    }

    /// The peer, by its newest attestation.
    pub fn peer(&self) -> Arc<Peer> {
        self.standing.peer()
    }

    /// A view that can be kept where the stream is split or moved away.
    pub fn standing(&self) -> Standing {
        self.standing.clone()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Attested<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.channel.poll_data(cx))?;
        let taken = bytes.get(..buf.remaining()).unwrap_or(bytes);
        buf.put_slice(taken);
        let count = taken.len();
        self.channel.consume_data(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Attested<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.channel.poll_write(cx, bytes).map_err(io::Error::from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.channel.poll_flush(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.channel.poll_shutdown(cx).map_err(io::Error::from)
    }
}

impl<S> fmt::Debug for Attested<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attested").field("peer", &self.peer()).finish_non_exhaustive()
    }
}
