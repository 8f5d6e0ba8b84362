use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Channel, soon};
use crate::TlsError;
use crate::exchange::Frame;

/// So many chunks are thrown away before others have their turn.
const CHUNKS_AT_ONCE: usize = 32;

/// The end of a connection: the peer is told why, and given a moment to read it.
///
/// A socket that is closed with unread bytes resets the connection, and a reset may overtake what
/// was sent last. So what the peer still sends is read and thrown away until it ends too.
pub(super) struct Ending {
    error: TlsError,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Telling,
    Draining,
    Over,
}

impl Ending {
    pub(super) fn error(&self) -> TlsError {
        self.error.clone()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// From here on every read and write gives this error.
    pub(crate) fn end(&mut self, error: TlsError) {
        if self.ending.is_some() {
            return;
        }
        self.round = None;
        match error.farewell() {
            Some(refusal) if !self.has_shut_down => self.outbox.push(&Frame::Refuse(refusal)),
            // Nothing to tell: closing is all.
            _ => self.outbox.clear(),
        }
        self.timer.as_mut().reset(soon(Duration::from_millis(self.tls.limits.linger_ms)));
        self.ending = Some(Ending { error, stage: Stage::Telling });
    }

    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>> {
        // The timer first: behind a peer that sends without end it would never have its turn, since
        // those reads use up all that tokio lets a task do before it yields.
        let over = self.timer.as_mut().poll(cx).is_ready() || self.poll_farewell(cx).is_ready();
        let Some(ending) = &mut self.ending else { return Poll::Ready(Ok(())) };
        if !over {
            return Poll::Pending;
        }
        ending.stage = Stage::Over;
        Poll::Ready(Err(ending.error()))
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let stream = &mut self.tls.stream;
        let Some(ending) = &mut self.ending else { return Poll::Ready(()) };
        if ending.stage == Stage::Telling {
            let told = ready!(self.outbox.poll_send(stream, cx));
            let closed = ready!(Pin::new(&mut *stream).poll_shutdown(cx));
            let heard = told.is_ok() && closed.is_ok() && ending.error.farewell().is_some();
            ending.stage = if heard { Stage::Draining } else { Stage::Over };
        }
        let mut chunks = CHUNKS_AT_ONCE;
        while ending.stage == Stage::Draining {
            if chunks == 0 {
                // More may be there at once, and always: the timer gets its turn in between.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            chunks = chunks.saturating_sub(1);
            let mut waste = [0; 4096];
            let mut waste = ReadBuf::new(&mut waste);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut waste));
            if read.is_err() || waste.filled().is_empty() {
                ending.stage = Stage::Over;
            }
        }
        Poll::Ready(())
    }
}
