use jiff::civil::Date;

use crate::cli::ClockFormat;
use crate::text::{day_of, iso};

impl ClockFormat {
    /// A clock event as people write it.
    pub(crate) fn show(self, clock: u64) -> String {
        match (self, i64::try_from(clock)) {
            (Self::Days, Ok(day)) => iso(day),
            _ => clock.to_string(),
        }
    }

    /// Reads a clock event; the error says what it should look like.
    pub(crate) fn read(self, text: &str) -> Result<u64, &'static str> {
        match self {
            Self::Number => text.parse().map_err(|_| "is no whole number of 0 or more"),
            Self::Days => Some(text)
                .filter(|text| is_plain_date(text))
                .and_then(|text| text.parse::<Date>().ok())
                .and_then(day_of)
                .and_then(|day| u64::try_from(day).ok())
                .ok_or("is no date from 1970-01-01 on, written YYYY-MM-DD"),
        }
    }

    /// The time of a clock event, in ms since 1970, where the clock says.
    pub(crate) fn time_ms(self, clock: u64) -> u64 {
        const DAY_MS: u64 = 86_400_000;
        match self {
            Self::Number => 0,
            Self::Days => clock
                .checked_mul(DAY_MS)
                .filter(|ms| *ms <= holobiont_surface::MAX_TIME_MS)
                .unwrap_or(0),
        }
    }
}

/// `YYYY-MM-DD`, and none of the other forms that a calendar library takes.
fn is_plain_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_and_show() {
        assert_eq!(ClockFormat::Days.read("2026-10-30"), Ok(20_756));
        assert_eq!(ClockFormat::Days.show(20_756), "2026-10-30");
        assert!(ClockFormat::Days.read("1969-12-31").is_err());
        for other in ["30.10.2026", "20261030", "2026-10-30T01:00:00", "2026-W44-5"] {
            assert!(ClockFormat::Days.read(other).is_err(), "{other}");
        }
        assert_eq!(ClockFormat::Number.read("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(ClockFormat::Days.show(u64::MAX), u64::MAX.to_string());
    }
}
