use tokio::sync::Notify;

/// Wakes the node's loops; a wake that nobody waits for is kept.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    pub(crate) duty: Notify,
    pub(crate) fold: Notify,
}

impl Wakes {
    pub(crate) fn all(&self) {
        self.duty.notify_one();
        self.fold.notify_one();
    }
}
