use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// One quote at a time in this process: the guest has one quote buffer, and a second request only
/// makes the first one slower.
static TURN: Turn = Turn { taken: Mutex::new(false), freed: Condvar::new() };

struct Turn {
    taken: Mutex<bool>,
    freed: Condvar,
}

/// Held while a quote is made; the next one starts when it is dropped.
#[derive(Debug)]
pub(crate) struct Held(());

/// Waits for the turn, at most `within`.
pub(crate) fn take(within: Duration) -> Option<Held> {
    // A panic elsewhere leaves nothing half done in a flag.
    let taken = TURN.taken.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = TURN.freed.wait_timeout_while(taken, within, |taken| *taken);
    let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
    if *taken {
        return None;
    }
    *taken = true;
    Some(Held(()))
}

impl Drop for Held {
    fn drop(&mut self) {
        *TURN.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        TURN.freed.notify_one();
    }
}
