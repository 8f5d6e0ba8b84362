use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// This machine's clock, in seconds since 1970. A guest's clock is its host's: verdicts take the
/// greater of it and what signed data proves.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Seconds since 1970, as people write them.
pub(crate) fn in_words(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|it| Timestamp::from_second(it).ok());
    time.map_or_else(|| format!("second {seconds} since 1970"), |time| time.to_string())
}
