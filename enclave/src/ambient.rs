use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Monotonic time, waiting and randomness: what a test replaces to run retries without a wait.
pub trait Ambient: Send + Sync {
    /// Time since some fixed point, never going back.
    fn elapsed(&self) -> Duration;

    /// Waits about this long.
    fn pause(&self, duration: Duration);

    /// Sixteen random bytes.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    fn random(&self) -> io::Result<[u8; 16]>;
}

/// The machine's own clock and randomness.
#[derive(Clone, Copy)]
pub struct System {
    started: Instant,
}

impl System {
    /// Its time begins now.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("System")
    }
}

impl Ambient for System {
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn pause(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}
