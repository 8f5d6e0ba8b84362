use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many requests a connection has under way.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<watch::Sender<usize>>);

/// One request, from its head to the end of its answer.
pub(super) struct Busy(Arc<watch::Sender<usize>>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> Busy {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        Busy(Arc::clone(&self.0))
    }

    /// Comes when there was no request for so long.
    pub(super) async fn idle_for(&self, long: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender is in `self`: it cannot be gone.
            let _ = count.wait_for(|count| *count == 0).await;
            if timeout(long, count.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
