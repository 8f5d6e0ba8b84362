//! What stands out in a stretch of the index.

use std::fmt;

use super::Point;
use super::text::fixed;
use crate::text::iso;

/// The points that stand out in a stretch, in the order of their days where several are equal.
#[derive(Clone, Copy)]
pub(super) struct Extremes<'a> {
    pub(super) first: &'a Point,
    pub(super) last: &'a Point,
    pub(super) least: &'a Point,
    pub(super) greatest: &'a Point,
}

impl<'a> Extremes<'a> {
    /// None where there are no points.
    pub(super) fn of(points: &'a [Point]) -> Option<Self> {
        Some(Self {
            first: points.first()?,
            last: points.last()?,
            least: points.iter().min_by_key(|point| point.value_e8)?,
            greatest: points.iter().rev().max_by_key(|point| point.value_e8)?,
        })
    }
}

impl fmt::Display for Extremes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |point: &Point| fixed(point.value_e8, 2);
        let last = iso(self.last.day);
        if self.first.day == self.last.day {
            write!(f, "{last}: {}", fixed(self.last.value_e8, 8))?;
        } else {
            write!(
                f,
                "{} to {last}: last {}, least {}, greatest {}",
                iso(self.first.day),
                value(self.last),
                value(self.least),
                value(self.greatest)
            )?;
        }
        f.write_str(if self.last.degraded { ", degraded" } else { "" })
    }
}
