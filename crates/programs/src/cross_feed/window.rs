use std::collections::VecDeque;

use holobiont_replay::ProgramError;
use serde::{Deserialize, Serialize};

use super::arithmetic::{MAX_RATIO, MIN_RATIO, divide, root, within};
use super::fixed::{COARSE, FINE};

/// One close: how far the member moved, and how far the mean did, in 12 decimals.
pub(crate) type Pair = (i64, i64);

/// A member's last pairs, and the sums over them that its correlation needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pairs: VecDeque<Pair>,
    // Follow from the pairs, so a snapshot leaves them out and they cannot disagree.
    #[serde(skip)]
    sums: Sums,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    x: i128,
    y: i128,
    xx: i128,
    yy: i128,
    xy: i128,
}

impl Sums {
    /// With the pair counted `times` more (−1: once less).
    fn with(self, (x, y): Pair, times: i128) -> Option<Self> {
        let (x, y) = (i128::from(x), i128::from(y));
        let add = |sum: i128, term: Option<i128>| sum.checked_add(term?.checked_mul(times)?);
        Some(Self {
            x: add(self.x, Some(x))?,
            y: add(self.y, Some(y))?,
            xx: add(self.xx, x.checked_mul(x))?,
            yy: add(self.yy, y.checked_mul(y))?,
            xy: add(self.xy, x.checked_mul(y))?,
        })
    }
}

impl Window {
    /// Takes the newest pair and lets the oldest go when there are more than `capacity`.
    pub(crate) fn push(&mut self, pair: Pair, capacity: usize) -> Result<(), ProgramError> {
        let mut sums = self.sums.with(pair, 1);
        if self.pairs.len() >= capacity
            && let Some(oldest) = self.pairs.pop_front()
        {
            sums = sums.and_then(|sums| sums.with(oldest, -1));
        }
        self.sums = within(sums, "a window's sum")?;
        self.pairs.push_back(pair);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Forgets every pair.
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
        self.sums = Sums::default();
    }

    /// Pearson's correlation over a full window in 8 decimals; none while it is not full, or when
    /// one side never moved.
    pub(crate) fn correlation(&self, capacity: usize) -> Result<Option<i64>, ProgramError> {
        if self.pairs.len() < capacity {
            return Ok(None);
        }
        let (xx, yy, xy) = within(self.products(), "a window's product")?;
        if xx <= 0 || yy <= 0 {
            return Ok(None);
        }
        within(quotient(xx, yy, xy), "a correlation").map(Some)
    }

    /// Sxx, Syy and Sxy, each N² times a covariance.
    fn products(&self) -> Option<(i128, i128, i128)> {
        let count = i128::try_from(self.pairs.len()).ok()?;
        let spread = |sum: i128, left: i128, right: i128| {
            count.checked_mul(sum)?.checked_sub(left.checked_mul(right)?)
        };
        let Sums { x, y, xx, yy, xy } = self.sums;
        Some((spread(xx, x, x)?, spread(yy, y, y)?, spread(xy, x, y)?))
    }

    /// After decoding: sums up again. False when no window of this capacity can hold these pairs.
    pub(crate) fn rebuild(&mut self, capacity: usize) -> bool {
        let movement = |ratio: i128| (MIN_RATIO..=MAX_RATIO).contains(&ratio);
        let is_pair = |(x, y): &Pair| {
            [x, y].iter().all(|part| movement(FINE.saturating_add(i128::from(**part))))
        };
        if self.pairs.len() > capacity || !self.pairs.iter().all(is_pair) {
            return false;
        }
        let sums = self.pairs.iter().try_fold(Sums::default(), |sums, pair| sums.with(*pair, 1));
        self.sums = sums.unwrap_or_default();
        sums.is_some()
    }
}

fn quotient(xx: i128, yy: i128, xy: i128) -> Option<i64> {
    let over_x = divide(xy.checked_mul(1_000_000)?, root(xx)?)?;
    let over_both = divide(over_x.checked_mul(100)?, root(yy)?)?;
    // The roots' rounding can carry a perfect correlation past 1.
    let limit = i128::from(COARSE);
    i64::try_from(over_both.clamp(limit.saturating_neg(), limit)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXTREMES: [i64; 2] = [-900_000_000_000, 9_000_000_000_000];

    fn window(pairs: &[Pair], capacity: usize) -> Window {
        let mut window = Window::default();
        for pair in pairs {
            window.push(*pair, capacity).unwrap();
        }
        window
    }

    /// Straight from the definition, over the last `capacity` pairs.
    fn reference(pairs: &[Pair], capacity: usize) -> Option<i64> {
        let last = &pairs[pairs.len().checked_sub(capacity)?..];
        let count = capacity as i128;
        let sum = |of: fn(&Pair) -> i128| last.iter().map(of).sum::<i128>();
        let (x, y) = (sum(|pair| i128::from(pair.0)), sum(|pair| i128::from(pair.1)));
        let xx = count * sum(|pair| i128::from(pair.0).pow(2)) - x * x;
        let yy = count * sum(|pair| i128::from(pair.1).pow(2)) - y * y;
        let xy = count * sum(|pair| i128::from(pair.0) * i128::from(pair.1)) - x * y;
        (xx > 0 && yy > 0).then(|| quotient(xx, yy, xy).unwrap())
    }

    #[test]
    fn a_member_that_moves_as_the_mean_correlates_fully() {
        let pairs: Vec<Pair> = (1..=5).map(|n| (n * 1_000, n * 2_000)).collect();
        assert_eq!(window(&pairs, 5).correlation(5).unwrap(), Some(COARSE));
        let against: Vec<Pair> = pairs.iter().map(|(x, y)| (*x, -y)).collect();
        assert_eq!(window(&against, 5).correlation(5).unwrap(), Some(-COARSE));
    }

    #[test]
    fn there_is_none_before_the_window_is_full_or_when_nothing_moves() {
        let pairs: Vec<Pair> = vec![(1, 2), (2, 1), (3, 5)];
        assert_eq!(window(&pairs, 4).correlation(4).unwrap(), None);
        assert_eq!(window(&[(7, 1), (7, 2), (7, 3)], 3).correlation(3).unwrap(), None);
        assert_eq!(window(&[(1, 7), (2, 7), (3, 7)], 3).correlation(3).unwrap(), None);
    }

    #[test]
    fn known_case() {
        // x = 1, 2, 3 and y = 2, 1, 5: Sxx = 6, Syy = 26, Sxy = 9; the roots round to 2 and 5.
        // t = 9·10^6 / 2 = 4,500,000; t·10^2 / 5 = 90,000,000.
        assert_eq!(window(&[(1, 2), (2, 1), (3, 5)], 3).correlation(3).unwrap(), Some(90_000_000));
    }

    #[test]
    fn the_greatest_window_of_the_greatest_moves_fits() {
        let pairs: Vec<Pair> =
            (0..1_000).map(|n| (EXTREMES[n % 2], EXTREMES[(n / 2) % 2])).collect();
        assert!(window(&pairs, 1_000).correlation(1_000).unwrap().is_some());
        let alike: Vec<Pair> = (0..1_000).map(|n| (EXTREMES[n % 2], EXTREMES[n % 2])).collect();
        assert_eq!(window(&alike, 1_000).correlation(1_000).unwrap(), Some(COARSE));
    }

    #[test]
    fn cleared_is_empty() {
        let mut cleared = window(&[(1, 2), (2, 1), (3, 5)], 3);
        cleared.clear();
        assert_eq!(cleared, Window::default());
    }

    proptest! {
        #[test]
        fn sums_kept_are_sums_recomputed(
            pairs in prop::collection::vec(
                (EXTREMES[0]..=EXTREMES[1], EXTREMES[0]..=EXTREMES[1]),
                0..40,
            ),
            capacity in 2_usize..12,
        ) {
            let kept = window(&pairs, capacity);
            prop_assert_eq!(kept.correlation(capacity).unwrap(), reference(&pairs, capacity));
            let mut rebuilt = Window { pairs: kept.pairs.clone(), sums: Sums::default() };
            prop_assert!(rebuilt.rebuild(capacity));
            prop_assert_eq!(rebuilt, kept);
        }

        #[test]
        fn refuses_pairs_that_no_program_pushes(x in any::<i64>(), y in any::<i64>()) {
            let mut window = Window { pairs: [(x, y)].into(), sums: Sums::default() };
            let is_pair = (EXTREMES[0]..=EXTREMES[1]).contains(&x)
                && (EXTREMES[0]..=EXTREMES[1]).contains(&y);
            prop_assert_eq!(window.rebuild(2), is_pair);
        }
    }
}
