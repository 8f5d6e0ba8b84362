//! Moments of the file: RFC 3339 with an offset, as unix seconds.

use toml::Spanned;
use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use crate::config::{Context, Place, Read, wrong_kind};

/// The last second that a file can name: 9999-12-31T23:59:59Z.
pub(super) const LAST_MOMENT_S: u64 = 253_402_300_799;

const DAY_S: u64 = 86_400;
const MONTH_DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A moment, in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) u64);

impl<'i> Read<'i> for Moment {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        const HELP: &str = "write it like 2026-11-24T12:00:00Z or 2026-11-24T13:00:00+01:00";
        let DeValue::Datetime(datetime) = value.get_ref() else {
            wrong_kind(&value, "a date and time without quotes", place, cx);
            return None;
        };
        let seconds = unix_seconds(datetime);
        if let Err(why) = seconds {
            cx.advise(Some(value.span()), format!("{place} is {datetime}, {why}"), HELP);
        }
        seconds.ok().map(Self)
    }
}

impl std::fmt::Display for Moment {
    /// RFC 3339 in UTC; what lies past [`LAST_MOMENT_S`] is written as that.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.min(LAST_MOMENT_S);
        let (year, month, day) = civil(seconds / DAY_S);
        let of_day = seconds % DAY_S;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn unix_seconds(datetime: &Datetime) -> Result<u64, &'static str> {
    let (Some(date), Some(time)) = (datetime.date, datetime.time) else {
        return Err("which is no moment: it needs a date, a time and an offset");
    };
    let Some(offset) = datetime.offset else {
        return Err("which has no offset: machines in two places would read it differently");
    };
    if time.nanosecond.is_some_and(|nanosecond| nanosecond != 0) {
        return Err("which has a fraction of a second: whole seconds are compared");
    }
    let days = days(date.year.into(), date.month.into(), date.day.into());
    let of_day = u64::from(time.hour)
        .saturating_mul(3600)
        .saturating_add(u64::from(time.minute).saturating_mul(60))
        .saturating_add(time.second.unwrap_or(0).into());
    let east_minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    days.map(|days| days.saturating_mul(DAY_S).saturating_add(of_day))
        .and_then(|local| local.checked_add_signed(east_minutes.saturating_mul(-60)))
        .filter(|seconds| *seconds <= LAST_MOMENT_S)
        .ok_or("which is not between 1970 and 9999")
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; none before that.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let before_year = days_before(year).checked_sub(days_before(1970))?;
    let months = 1..month;
    let before_month = months.map(|month| month_days(year, month)).fold(0, u64::saturating_add);
    Some(before_year.saturating_add(before_month).saturating_add(day.checked_sub(1)?))
}

/// The date so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_zero = days.saturating_add(days_before(1970));
    // No year is longer than 366 days, so this is never too late, and at most a few years early.
    let mut year = since_zero / 366;
    while days_before(year.saturating_add(1)) <= since_zero {
        year = year.saturating_add(1);
    }
    let mut left = since_zero.saturating_sub(days_before(year));
    let mut month = 1;
    while left >= month_days(year, month) && month < 12 {
        left = left.saturating_sub(month_days(year, month));
        month = month.saturating_add(1);
    }
    (year, month, left.saturating_add(1))
}

/// Days before the first of January of a year.
fn days_before(year: u64) -> u64 {
    let last = year.saturating_sub(1);
    let leap_days = (last / 4).saturating_sub(last / 100).saturating_add(last / 400);
    last.saturating_mul(365).saturating_add(leap_days)
}

fn month_days(year: u64, month: u64) -> u64 {
    let is_leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let place = usize::try_from(month.saturating_sub(1)).unwrap_or(usize::MAX);
    let days = MONTH_DAYS.get(place).copied().unwrap_or(0);
    days.saturating_add(u64::from(is_leap && month == 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<u64, &'static str> {
        unix_seconds(&text.parse().expect("a TOML date"))
    }

    #[test]
    fn known_moments_are_right_both_ways() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0),
            ("1972-02-29T00:00:00Z", 68_169_600),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-24T12:00:00Z", 1_795_521_600),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", LAST_MOMENT_S),
        ];
        for (text, seconds) in cases {
            assert_eq!(read(text), Ok(seconds), "{text}");
            assert_eq!(Moment(seconds).to_string(), text);
        }
        assert_eq!(Moment(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn every_day_for_eight_centuries_comes_back() {
        for days_since in 0..292_194 {
            let (year, month, day) = civil(days_since);
            assert_eq!(days(year, month, day), Some(days_since), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn offsets_are_taken_off() {
        assert_eq!(read("1970-01-01T02:30:00+02:30"), Ok(0));
        assert_eq!(read("1969-12-31T19:00:00-05:00"), Err("which is not between 1970 and 9999"));
        assert_eq!(read("1970-01-01T00:00:00-05:00"), Ok(18_000));
    }

    #[test]
    fn what_is_no_whole_second_anywhere_on_earth_is_refused() {
        for (text, part) in [
            ("2026-11-24T12:00:00", "no offset"),
            ("2026-11-24", "no moment"),
            ("12:00:00", "no moment"),
            ("2026-11-24T12:00:00.5Z", "a fraction"),
            ("9999-12-31T23:59:59-00:01", "1970 and 9999"),
            ("1970-01-01T00:00:00+00:01", "1970 and 9999"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
