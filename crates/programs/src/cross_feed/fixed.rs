//! Decimal numbers as whole numbers: 8 decimals outside, 12 inside.

/// What 1 is in values, in the published index and in correlations: 8 decimals.
pub(crate) const COARSE: i64 = 100_000_000;

const UNIT: u64 = COARSE.unsigned_abs();

/// What 1 is in ratios, their mean and the index as it is kept: 12 decimals.
pub(crate) const FINE: i128 = 1_000_000_000_000;

/// The decimals of [`COARSE`].
const DECIMALS: usize = 8;

/// The largest value that a member's record may carry, in units of 10^-8: ten thousand million.
/// A record with a larger one counts as malformed.
pub const MAX_VALUE: i64 = 1_000_000_000_000_000_000;

/// Reads `[0-9]+(\.[0-9]{1,8})?`, more than zero and at most [`MAX_VALUE`], in units of 10^-8.
/// Anything else is no value.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => {
            let (whole, rest) = text.split_at_checked(point)?;
            let (_, fraction) = rest.split_first()?;
            (whole, Some(fraction))
        }
        None => (text, None),
    };
    let is_short = fraction.is_none_or(|digits| (1..=DECIMALS).contains(&digits.len()));
    if whole.is_empty() || !is_short {
        return None;
    }
    let fraction = fraction.unwrap_or_default();
    let zeros = std::iter::repeat_n(&b'0', DECIMALS.saturating_sub(fraction.len()));
    let mut value = 0_i64;
    for digit in whole.iter().chain(fraction).chain(zeros) {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        value = value.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    (1..=MAX_VALUE).contains(&value).then_some(value)
}

/// Writes units of 10^-8 with all 8 decimals.
pub(crate) fn decimal(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let magnitude = number.unsigned_abs();
    format!("{sign}{}.{:08}", magnitude / UNIT, magnitude % UNIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_a_rate_table_holds() {
        for (text, value) in [
            ("1.1172", 111_720_000),
            ("136", 13_600_000_000),
            ("20275.17", 2_027_517_000_000),
            ("0.00000001", 1),
            ("007.50", 750_000_000),
            ("10000000000", MAX_VALUE),
            ("10000000000.00000000", MAX_VALUE),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "0",
            "0.00000000",
            "-1",
            "+1",
            "1e3",
            " 1",
            "1 ",
            "1,5",
            "1.2.3",
            "1.123456789",
            "N/A",
            "1\n",
            "１",
            "10000000000.00000001",
            "99999999999",
            "9223372036854775807",
            "99999999999999999999999999999999999999999999",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn writes_eight_decimals_and_the_sign() {
        assert_eq!(decimal(111_720_000), "1.11720000");
        assert_eq!(decimal(-1), "-0.00000001");
        assert_eq!(decimal(0), "0.00000000");
        assert_eq!(decimal(i64::MIN), "-92233720368.54775808");
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(value in 1..=MAX_VALUE) {
            prop_assert_eq!(parse(decimal(value).as_bytes()), Some(value));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(value) = parse(&bytes) {
                prop_assert!((1..=MAX_VALUE).contains(&value));
            }
        }
    }
}
