//! How the page writes names and index values.

use std::fmt::{self, Write as _};

/// Decimals in an index value.
const SCALE: u32 = 8;

/// Text that may hold anything, safe between tags and in quoted attributes.
///
/// Control characters and those that turn the direction of writing are shown as U+FFFD: they
/// could make one name look like another.
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

/// An index value with up to eight decimals, rounded half away from zero.
pub(super) fn fixed(value_e8: i128, decimals: u32) -> String {
    let decimals = decimals.min(SCALE);
    let power = |exponent: u32| 10_u128.pow(exponent);
    let unit = power(SCALE.saturating_sub(decimals));
    let rounded = value_e8.unsigned_abs().saturating_add(unit.div_euclid(2)).div_euclid(unit);
    let sign = if value_e8 < 0 && rounded > 0 { "−" } else { "" };
    let whole = rounded.div_euclid(power(decimals));
    if decimals == 0 {
        return format!("{sign}{whole}");
    }
    let width = usize::try_from(decimals).unwrap_or_default();
    let fraction = rounded.rem_euclid(power(decimals));
    format!("{sign}{whole}.{fraction:0width$}")
}
