use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::{ExchangeError, Frame, FrameHeader, HEADER_BYTES};

const CHUNK_BYTES: usize = 16 * 1024;
/// A buffer keeps this much when it is empty: what a long frame took beyond it is given back.
const KEPT_BYTES: usize = 64 * 1024;

fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES);
}

/// Received bytes that nobody has used yet. Bounded by the longest frame and one chunk, since a
/// header is judged before its body is awaited.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    used: usize,
}

impl Inbox {
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    pub(super) fn header(&self) -> Result<Option<FrameHeader>, ExchangeError> {
        self.rest().first_chunk::<HEADER_BYTES>().map(|it| FrameHeader::decode(*it)).transpose()
    }

    pub(super) fn frame(&self) -> Result<Option<(Frame<'_>, usize)>, ExchangeError> {
        Frame::decode(self.rest())
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.used = self.used.saturating_add(count).min(self.bytes.len());
        if self.used == self.bytes.len() {
            empty(&mut self.bytes);
            self.used = 0;
        }
    }

    /// Reads a chunk; how many bytes came, 0 at the end.
    pub(super) fn poll_fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut chunk = [0; CHUNK_BYTES];
        let mut read = ReadBuf::new(&mut chunk);
        ready!(Pin::new(stream).poll_read(cx, &mut read))?;
        self.bytes.drain(..self.used);
        self.used = 0;
        self.bytes.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }
}

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    flushed: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        frame.encode_to(&mut self.bytes);
        self.flushed = false;
    }

    /// Forgets what has not been sent.
    pub(super) fn clear(&mut self) {
        *self = Self { flushed: true, ..Self::default() };
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
    }

    /// Sends everything that waits, down to the socket.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent = self.sent.saturating_add(count),
            }
        }
        empty(&mut self.bytes);
        self.sent = 0;
        if !self.flushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}
