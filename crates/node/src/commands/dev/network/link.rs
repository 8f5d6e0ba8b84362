//! One way between two processes, and what becomes of the bytes on it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// What becomes of the bytes that go one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Flow {
    /// They go on at once.
    #[default]
    Open,
    /// They go on later, and not many a second.
    Slow { delay_ms: u64, bytes_per_s: u64 },
    /// They are kept until the way opens again, as by a network that loses every packet.
    Held,
    /// Connections on it are closed, and new ones too.
    Cut,
}

/// The way from one process to another, whoever has dialled whom.
#[derive(Debug)]
pub(super) struct Way(watch::Sender<Flow>);

/// One connection's look at a way.
#[derive(Clone, Debug)]
pub(super) struct OnWay(watch::Receiver<Flow>);

impl Way {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Flow::Open))
    }

    pub(super) fn set(&self, flow: Flow) {
        self.0.send_if_modified(|now| std::mem::replace(now, flow) != flow);
    }

    pub(super) fn watch(&self) -> OnWay {
        OnWay(self.0.subscribe())
    }
}

impl OnWay {
    /// Returns when so many bytes may go on.
    pub(super) async fn pass(&mut self, size_bytes: usize) {
        loop {
            let flow = *self.0.borrow_and_update();
            match flow {
                Flow::Open => return,
                Flow::Slow { delay_ms, bytes_per_s } => {
                    let size_bytes = u64::try_from(size_bytes).unwrap_or(u64::MAX);
                    let sending_ms = size_bytes.saturating_mul(1_000) / bytes_per_s.max(1);
                    sleep(Duration::from_millis(delay_ms.saturating_add(sending_ms))).await;
                    return;
                }
                // A way that is gone opens no more: whoever waits on it is ended with it.
                Flow::Held | Flow::Cut => {
                    if self.0.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }

    /// Returns when the way is cut, or is there no longer.
    pub(super) async fn cut(&mut self) {
        let _ = self.0.wait_for(|flow| *flow == Flow::Cut).await;
    }
}
