use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

/// A reader who does not take the next piece of a long answer within this time gets no more of it, in
/// milliseconds: the thread and the place are others' then.
const SLOW_MS: u64 = 30_000;
/// Pieces that are made before the reader takes them.
const PIECES_AHEAD: usize = 2;

/// A long answer that is made piece by piece on a blocking thread, no faster than it is taken. Only
/// one that was [ended](Self::end) ends well for its reader.
pub(crate) struct Giving {
    sender: mpsc::Sender<Bytes>,
    is_whole: Arc<AtomicBool>,
    runtime: Handle,
    limit: Duration,
}

impl Giving {
    /// The answer's two ends; called on the runtime.
    pub(crate) fn new() -> (Self, Body) {
        let (giving, receiver) = Self::within(Duration::from_millis(SLOW_MS));
        let is_whole = Arc::clone(&giving.is_whole);
        let next = |state: Option<(mpsc::Receiver<Bytes>, Arc<AtomicBool>)>| async move {
            let (mut receiver, is_whole) = state?;
            match receiver.recv().await {
                Some(piece) => Some((Ok(piece), Some((receiver, is_whole)))),
                None if is_whole.load(Ordering::Acquire) => None,
                None => Some((Err(io::Error::other("the answer broke off")), None)),
            }
        };
        let pieces = futures_util::stream::unfold(Some((receiver, is_whole)), next);
        (giving, Body::from_stream(pieces))
    }

    fn within(limit: Duration) -> (Self, mpsc::Receiver<Bytes>) {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let (is_whole, runtime) = (Arc::default(), Handle::current());
        (Self { sender, is_whole, runtime, limit }, receiver)
    }

    /// Hands out the next piece; called on a blocking thread.
    ///
    /// # Errors
    ///
    /// The reader is gone, or too slow.
    pub(crate) fn give(&self, piece: Bytes) -> io::Result<()> {
        let given = self.runtime.block_on(self.sender.send_timeout(piece, self.limit));
        given.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => {
                let what = format!("the reader takes nothing for {} ms", self.limit.as_millis());
                io::Error::new(io::ErrorKind::TimedOut, what)
            }
            SendTimeoutError::Closed(_) => io::ErrorKind::BrokenPipe.into(),
        })
    }

    /// That was all of it.
    pub(crate) fn end(self) {
        self.is_whole.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_takes_nothing_gets_nothing_more() {
        let (giving, mut receiver) = Giving::within(Duration::from_millis(10));
        let gave = tokio::task::spawn_blocking(move || {
            let pieces = (0..PIECES_AHEAD).map(|_| giving.give(Bytes::from_static(b"piece")));
            assert!(pieces.collect::<io::Result<()>>().is_ok());
            giving.give(Bytes::from_static(b"one too many"))
        });
        let error = gave.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        for _ in 0..PIECES_AHEAD {
            assert_eq!(receiver.recv().await.unwrap(), Bytes::from_static(b"piece"));
        }
        assert!(receiver.recv().await.is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_answer_that_breaks_off_never_looks_whole() {
        for ends in [true, false] {
            let (giving, body) = Giving::new();
            let gave = tokio::task::spawn_blocking(move || {
                giving.give(Bytes::from_static(b"piece")).unwrap();
                if ends {
                    giving.end();
                }
            });
            let read = to_bytes(body, 100).await;
            gave.await.unwrap();
            assert_eq!(read.is_ok(), ends);
        }
    }
}
