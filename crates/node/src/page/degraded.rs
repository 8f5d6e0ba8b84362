//! Stretches of time in which commits were degraded.

use std::fmt;

use super::Point;
use super::scale::Days;
use crate::text::{Grouped, iso};

/// Narrower stretches are drawn this wide, in viewBox units.
const LEAST_WIDTH: f64 = 1.5;

/// Degraded commits without a normal one between them.
pub(super) struct Run {
    pub(super) from_day: i64,
    /// The day of the next normal commit, or the end of the page.
    pub(super) to_day: i64,
    pub(super) commits: usize,
}

/// The degraded stretches of an index, up to `end`.
pub(super) fn runs(points: &[Point], end: i64) -> Vec<Run> {
    let mut after = points.iter().skip(1).map(|point| point.day);
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for point in points {
        let to_day = after.next().unwrap_or(end);
        match runs.last_mut().filter(|_| open && point.degraded) {
            Some(run) => {
                run.to_day = to_day;
                run.commits = run.commits.saturating_add(1);
            }
            None if point.degraded => runs.push(Run { from_day: point.day, to_day, commits: 1 }),
            None => {}
        }
        open = point.degraded;
    }
    runs
}

/// The stretches shaded between two heights.
pub(super) struct Shade<'a> {
    pub(super) runs: &'a [Run],
    pub(super) days: Days,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl fmt::Display for Shade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let height = self.bottom - self.top;
        for run in self.runs {
            let x = self.days.x(run.from_day);
            let width = (self.days.x(run.to_day) - x).max(LEAST_WIDTH);
            writeln!(
                f,
                "<rect class=\"degraded\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" \
                 height=\"{height}\"><title>{run}</title></rect>",
                self.top
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = iso(self.to_day.saturating_sub(1));
        let commits = Grouped(self.commits);
        let plural = if self.commits == 1 { "" } else { "s" };
        write!(f, "degraded: {commits} commit{plural}, {} to {last}", iso(self.from_day))
    }
}

/// The shade's entry beside the plot's heading.
pub(super) struct ShadeKey;

impl fmt::Display for ShadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<small class=\"key\" title=\"members that count weigh less than the floor\">\
             <svg viewBox=\"0 0 26 16\" aria-hidden=\"true\"><rect class=\"degraded\" x=\"1\" \
             y=\"1\" width=\"24\" height=\"14\"/></svg>commits degraded</small>",
        )
    }
}
