//! Whole-number arithmetic with stated rounding, and the proof that none of it can overflow.
//!
//! `i128` holds 1.7·10^38. With values of at most 10^18 and the limits below:
//!
//! - a ratio is value·10^12 / base ≤ 10^30 / 1, and one that is used lies in 10^11..=10^13;
//! - a weighted sum is at most 2^16 members · 2^64 · 10^13 < 1.3·10^37;
//! - the index is kept at 10^22 at most, so index·mean ≤ 10^35;
//! - a pair's x and y are at most 9·10^12 in size, so with 1,000 of them N·Σxy, Σx·Σy, Sxx and
//!   Syy are at most 8.1·10^31, and so is Sxy, |Sxy| ≤ √(Sxx·Syy); Sxy·10^6 ≤ 8.1·10^37;
//! - sx ≥ 1 lies within ½ of √Sxx, so t = Sxy·10^6 / sx < 2·10^6·√Syy < 2·10^22.
//!
//! The arithmetic is checked all the same: an overflow would be a defect of this file, and stops
//! the program instead of committing a wrong number.

use std::cmp::Ordering;

use holobiont_replay::ProgramError;

use super::fixed::FINE;

/// The least ratio that is a movement: a tenth.
pub(crate) const MIN_RATIO: i128 = 100_000_000_000;

/// The greatest ratio that is a movement: tenfold.
pub(crate) const MAX_RATIO: i128 = 10_000_000_000_000;

/// Turns an overflow, which the limits exclude, into the error that stops the program.
pub(crate) fn within<T>(value: Option<T>, what: &'static str) -> Result<T, ProgramError> {
    value.ok_or_else(|| ProgramError::Limit { why: format!("{what} left its bounds") })
}

/// `numerator / denominator`, rounded half to even. None on overflow, or unless the denominator is
/// positive.
pub(crate) fn divide(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator <= 0 {
        return None;
    }
    let floor = numerator.checked_div_euclid(denominator)?;
    let rest = numerator.checked_rem_euclid(denominator)?;
    let is_up = match rest.cmp(&denominator.checked_sub(rest)?) {
        Ordering::Less => false,
        Ordering::Equal => floor & 1 == 1,
        Ordering::Greater => true,
    };
    floor.checked_add(i128::from(is_up))
}

/// The square root, rounded to the nearest whole number. There is no tie: (r + ½)² is never whole.
/// None of a negative number.
pub(crate) fn root(number: i128) -> Option<i128> {
    let floor = number.checked_isqrt()?;
    let rest = number.checked_sub(floor.checked_mul(floor)?)?;
    floor.checked_add(i128::from(rest > floor))
}

/// `value / base` in 12 decimals.
pub(crate) fn ratio(value: i64, base: i64) -> Option<i128> {
    divide(i128::from(value).checked_mul(FINE)?, i128::from(base))
}

/// The mean of ratios by weight, in 12 decimals; 1 where nothing has weight.
pub(crate) fn mean(weighted: impl Iterator<Item = (u64, i128)>) -> Option<i128> {
    let (mut total, mut sum) = (0_i128, 0_i128);
    for (weight, ratio) in weighted {
        let weight = i128::from(weight);
        total = total.checked_add(weight)?;
        sum = sum.checked_add(weight.checked_mul(ratio)?)?;
    }
    if total == 0 { Some(FINE) } else { divide(sum, total) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (numerator, denominator, quotient) in [
            (5, 10, 0),
            (15, 10, 2),
            (25, 10, 2),
            (26, 10, 3),
            (24, 10, 2),
            (-5, 10, 0),
            (-15, 10, -2),
            (-25, 10, -2),
            (-26, 10, -3),
            (-24, 10, -2),
            (-35, 10, -4),
            (1, 3, 0),
            (2, 3, 1),
            (-2, 3, -1),
            (7, 1, 7),
            (i128::MAX, 1, i128::MAX),
            (i128::MIN, 1, i128::MIN),
            (i128::MAX, i128::MAX, 1),
            (i128::MIN, i128::MAX, -1),
        ] {
            assert_eq!(divide(numerator, denominator), Some(quotient), "{numerator}/{denominator}");
        }
    }

    #[test]
    fn divides_by_positive_numbers_only() {
        assert_eq!(divide(1, 0), None);
        assert_eq!(divide(1, -2), None);
        assert_eq!(divide(i128::MIN, -1), None);
    }

    #[test]
    fn roots_go_to_the_nearest() {
        for (number, nearest) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (3, 2),
            (6, 2),
            (7, 3),
            (12, 3),
            (13, 4),
            (10_i128.pow(36), 10_i128.pow(18)),
        ] {
            assert_eq!(root(number), Some(nearest), "{number}");
        }
        assert_eq!(root(-1), None);
    }

    #[test]
    fn the_extremes_of_every_step_fit() {
        let value = crate::MAX_VALUE;
        assert_eq!(ratio(value, 1), Some(10_i128.pow(30)));
        assert_eq!(ratio(1, value), Some(0));
        let heaviest = std::iter::repeat_n((u64::MAX, MAX_RATIO), usize::from(u16::MAX) + 1);
        assert_eq!(mean(heaviest), Some(MAX_RATIO));
    }

    #[test]
    fn without_weight_the_mean_is_one() {
        assert_eq!(mean(std::iter::empty()), Some(FINE));
        assert_eq!(mean([(0, 3 * FINE), (0, FINE)].into_iter()), Some(FINE));
        assert_eq!(mean([(0, 3 * FINE), (2, FINE / 2)].into_iter()), Some(FINE / 2));
    }

    proptest! {
        /// 2·|n − q·d| ≤ d says that q is nearest; a tie must be even; −n must mirror n.
        #[test]
        fn the_quotient_is_the_nearest_one(
            numerator in -10_i128.pow(37)..10_i128.pow(37),
            denominator in 1..10_i128.pow(30),
        ) {
            let quotient = divide(numerator, denominator).unwrap();
            let distance = (numerator - quotient * denominator).abs();
            prop_assert!(2 * distance <= denominator);
            prop_assert!(2 * distance < denominator || quotient % 2 == 0);
            prop_assert_eq!(divide(-numerator, denominator), Some(-quotient));
        }

        /// Small denominators meet ties often.
        #[test]
        fn ties_are_even(numerator in -1_000_i128..1_000, denominator in 1_i128..8) {
            let quotient = divide(numerator, denominator).unwrap();
            let distance = 2 * (numerator - quotient * denominator).abs();
            prop_assert!(distance < denominator || (distance == denominator && quotient % 2 == 0));
        }

        /// (2r − 1)² ≤ 4n ≤ (2r + 1)² says that r is within a half of the root.
        #[test]
        fn the_root_is_the_nearest_one(number in 0..10_i128.pow(36)) {
            let nearest = root(number).unwrap();
            prop_assert!((2 * nearest + 1).pow(2) > 4 * number);
            prop_assert!(nearest == 0 || (2 * nearest - 1).pow(2) < 4 * number);
        }
    }
}
