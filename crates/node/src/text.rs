//! Numbers and days, as people read them.

use std::fmt::{self, Write as _};

use jiff::ToSpan as _;
use jiff::civil::Date;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A count with commas between its thousands.
pub(crate) struct Grouped<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Grouped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            let left = digits.len().saturating_sub(place);
            if place > 0 && left % 3 == 0 {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// What somebody else wrote, without the characters that would command a terminal.
pub(crate) fn plain(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().map(|it| if it.is_control() { char::REPLACEMENT_CHARACTER } else { it }).collect()
}

/// The calendar date of a day since 1970-01-01, if the calendar has it.
pub(crate) fn civil(day: i64) -> Option<Date> {
    let days = 0.days().try_days(day).ok()?;
    EPOCH.checked_add(days).ok()
}

/// The day since 1970-01-01 of a calendar date.
pub(crate) fn day_of(date: Date) -> Option<i64> {
    EPOCH.until(date).ok().map(|span| span.get_days().into())
}

/// A day as `YYYY-MM-DD`, or as its number where the calendar ends.
pub(crate) fn iso(day: i64) -> String {
    civil(day).map_or_else(|| format!("day {day}"), |date| date.to_string())
}

/// `1 record`, `2 records`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", Grouped(number))
}
