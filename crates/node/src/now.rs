use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's clock, in seconds since 1970. A guest's clock is its host's: verdicts take the
/// greater of it and what signed data proves.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The same in milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
