use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Wakes the node's loops; a wake that nobody waits for is kept.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) duty: Notify,
    pub(crate) fold: Notify,
    /// Only where the node ends.
    pub(crate) asking: Notify,
    /// The node ends.
    stopping: AtomicBool,
}

impl Wakes {
    pub(crate) fn all(&self) {
        self.duty.notify_one();
        self.fold.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.all();
        self.asking.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
