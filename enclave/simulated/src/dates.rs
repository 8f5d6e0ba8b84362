use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::SimulatedError;

/// The earliest time a fake Intel can be made at: its root is some years older.
pub const MIN_NOW_S: u64 = 10 * YEAR_S;
/// The latest time a fake Intel can be made at, the year 2100: its root is valid for decades more.
pub const MAX_NOW_S: u64 = 4_102_444_800;

pub(crate) const DAY_S: u64 = 86_400;
pub(crate) const YEAR_S: u64 = 365 * DAY_S;

/// A validity, in unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from_s: u64,
    pub(crate) until_s: u64,
}

/// Where a validity lies, seen from now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Span {
    #[default]
    Now,
    Expired,
    NotYet,
}

impl Span {
    /// From `before_s` ago until `after_s` from now; or one of the same kind that ended a day ago,
    /// or that begins in a day.
    pub(crate) const fn around(self, now_s: u64, before_s: u64, after_s: u64) -> Validity {
        let (past_s, future_s) = (now_s.saturating_sub(DAY_S), now_s.saturating_add(DAY_S));
        match self {
            Self::Now => Validity {
                from_s: now_s.saturating_sub(before_s),
                until_s: now_s.saturating_add(after_s),
            },
            Self::Expired => Validity { from_s: past_s.saturating_sub(before_s), until_s: past_s },
            Self::NotYet => {
                Validity { from_s: future_s, until_s: future_s.saturating_add(after_s) }
            }
        }
    }
}

pub(crate) fn checked(now_s: u64) -> Result<u64, SimulatedError> {
    if (MIN_NOW_S..=MAX_NOW_S).contains(&now_s) {
        Ok(now_s)
    } else {
        Err(SimulatedError::Clock { now_s })
    }
}

/// As certificates and revocation lists want it.
pub(crate) fn moment(at_s: u64) -> Result<OffsetDateTime, SimulatedError> {
    i64::try_from(at_s)
        .ok()
        .and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok())
        .ok_or(SimulatedError::Clock { now_s: at_s })
}

/// As Intel's documents want it: RFC 3339, in UTC, to the second.
pub(crate) fn rfc3339(at_s: u64) -> Result<String, SimulatedError> {
    moment(at_s)?.format(&Rfc3339).map_err(|_| SimulatedError::Clock { now_s: at_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_span_of_now_has_now_in_it() {
        let now_s = 1_800_000_000;
        let holds = |span: Span| {
            let validity = span.around(now_s, DAY_S, DAY_S);
            assert!(validity.from_s < validity.until_s);
            (validity.from_s..=validity.until_s).contains(&now_s)
        };
        assert_eq!([Span::Now, Span::Expired, Span::NotYet].map(holds), [true, false, false]);
    }

    #[test]
    fn dates_are_written_as_intel_writes_them() {
        assert_eq!(rfc3339(1_800_000_000).unwrap(), "2027-01-15T08:00:00Z");
        assert!(rfc3339(u64::MAX).is_err());
        assert_eq!(moment(0).unwrap(), OffsetDateTime::UNIX_EPOCH);
    }

    #[test]
    fn times_without_room_around_them_are_refused() {
        assert!(checked(MIN_NOW_S).is_ok() && checked(MAX_NOW_S).is_ok());
        for now_s in [0, MIN_NOW_S - 1, MAX_NOW_S + 1, u64::MAX] {
            let error = checked(now_s).unwrap_err();
            assert!(error.to_string().contains(&now_s.to_string()), "{error}");
        }
    }
}
