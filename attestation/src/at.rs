use std::fmt;

use jiff::Timestamp;

/// Seconds since 1970, shown as RFC 3339 in UTC.
///
/// ```
/// use holobiont_attestation::At;
///
/// assert_eq!(At(1_800_000_000).to_string(), "2027-01-15T08:00:00Z");
/// assert_eq!(At(u64::MAX).to_string(), "second 18446744073709551615 since 1970");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub u64);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|s| Timestamp::from_second(s).ok());
        match time {
            Some(time) => write!(f, "{time}"),
            None => write!(f, "second {} since 1970", self.0),
        }
    }
}
