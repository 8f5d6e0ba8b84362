use toml::Spanned;
use toml::de::DeValue;

use super::PARTS_PER_BILLION;
use crate::config::{Context, Place, Read, wrong_kind};

/// How many decimals a promise may have.
const DECIMALS: usize = 9;

/// The key `availability`, in parts per billion.
#[derive(Clone, Copy)]
pub(super) struct Availability(pub(super) u32);

impl<'i> Read<'i> for Availability {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let parts = match value.get_ref() {
            DeValue::String(text) => parts_per_billion(text),
            // The digits as written: a binary fraction would not be exact.
            DeValue::Float(fraction) => parts_per_billion(fraction.as_str()),
            DeValue::Integer(whole) => parts_per_billion(whole.as_str()),
            _ => {
                wrong_kind(&value, "a number from 0 to 1", place, cx);
                return None;
            }
        };
        if parts.is_none() {
            cx.advise(
                Some(value.span()),
                format!("{place} is not a number from 0 to 1 with at most {DECIMALS} decimals"),
                "write it as a plain decimal, such as 0.995",
            );
        }
        parts.map(Self)
    }
}

/// Reads a plain decimal from 0 to 1.
fn parts_per_billion(text: &str) -> Option<u32> {
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if decimals.len() > DECIMALS || !are_digits(decimals) {
        return None;
    }
    let whole: u32 = match whole {
        "0" => 0,
        "1" => PARTS_PER_BILLION,
        _ => return None,
    };
    let part: u32 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
    whole.checked_add(part).filter(|parts| *parts <= PARTS_PER_BILLION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let cases = [("0.995", 995_000_000), ("0.000000001", 1), ("0", 0), ("1", 1_000_000_000)];
        for (text, parts) in cases {
            assert_eq!(parts_per_billion(text), Some(parts), "{text}");
        }
        assert_eq!(parts_per_billion("1.000000000"), Some(PARTS_PER_BILLION));
        assert_eq!(parts_per_billion("0.999999999"), Some(999_999_999));
    }

    #[test]
    fn whatever_is_no_plain_decimal_from_0_to_1_is_refused() {
        for text in
            ["", ".", "1.", ".5", "1.000000001", "0.1234567890", "-0.5", "9e-1", "inf", "2", "0.5%"]
        {
            assert_eq!(parts_per_billion(text), None, "{text}");
        }
    }
}
