//! How the page writes text and numbers.

use std::fmt::{self, Write as _};

use crate::report::Spread;

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// Text that may hold anything, safe between tags and in quoted attributes.
///
/// Control characters and those that turn the direction of writing are shown as U+FFFD.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                _ if character.is_control() => f.write_char('\u{fffd}')?,
                _ => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A number with a comma every three digits.
pub(super) struct Grouped(pub(super) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// Millions, in three digits or so.
pub(super) fn millions(number: f64) -> String {
    digits(number / 1e6)
}

/// A number in three digits or so.
pub(super) fn digits(number: f64) -> String {
    match number {
        _ if number >= 99.95 => format!("{number:.0}"),
        _ if number >= 9.995 => format!("{number:.1}"),
        _ if number >= 0.0995 || number == 0.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

/// The least and the most, as `8.1–9.4`.
pub(super) fn range(spread: Spread, write: impl Fn(f64) -> String) -> String {
    format!("{}–{}", write(spread.least), write(spread.most))
}

/// Bytes in the unit that fits.
pub(super) fn memory(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= GIB => format!("{} GiB", digits(bytes / GIB)),
        bytes => format!("{} MiB", digits(bytes / MIB)),
    }
}
