use std::sync::Arc;

use tokio::sync::watch;

/// Says once, to everybody who holds a clone, that it is time to end.
///
/// ```
/// use holobiont_archive::Stop;
///
/// let stop = Stop::default();
/// let seen = stop.clone();
/// stop.stop();
/// assert!(seen.is_stopped());
/// ```
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Ends it, for good.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has ended.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Comes when it has ended.
    pub async fn stopped(&self) {
        // The sender is in `self`: it cannot be gone.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}
