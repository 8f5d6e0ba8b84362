//! The index over time, with degraded stretches shaded.

use std::fmt::{self, Write as _};

use super::Point;
use super::degraded::{Run, Shade};
use super::extremes::Extremes;
use super::scale::{Axis, Days, LEFT, RIGHT, WIDTH};
use super::text::fixed;
use crate::text::iso;

/// Heights in viewBox units.
const TOP: f64 = 26.0;
const BOTTOM: f64 = 336.0;
const HEIGHT: f64 = 362.0;
/// Most ticks on the value axis.
const MAX_TICKS: i128 = 7;
/// The index starts from here.
const BASE_E8: i128 = 100 * ONE_E8;
const ONE_E8: i128 = 100_000_000;
/// A longer time without a commit breaks the line.
const PAUSE_DAYS: i64 = 14;
/// Width of the invisible columns that carry the tooltips, in viewBox units.
const PROBE_COLUMNS: i128 = 4;
/// Width of a character of a label.
const LABEL_CHARACTER: f64 = 6.5;

/// The plot of an index.
pub(super) struct IndexPlot<'a> {
    pub(super) points: &'a [Point],
    pub(super) degraded: &'a [Run],
    pub(super) days: Days,
}

impl fmt::Display for IndexPlot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(extremes) = Extremes::of(self.points) else {
            return f.write_str("<p class=\"nothing\">No commit was made in this time.</p>\n");
        };
        let values = Values::around(&extremes);
        write!(
            f,
            "<svg class=\"figure\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"The index by day\"><desc>{extremes}"
        )?;
        for run in self.degraded {
            write!(f, "; {run}")?;
        }
        f.write_str("</desc>\n")?;
        let ticks = self.days.ticks();
        let shade = Shade { runs: self.degraded, days: self.days, top: TOP - 20.0, bottom: BOTTOM };
        let labels_at = [BOTTOM + 18.0];
        let axis = Axis { ticks: &ticks, top: TOP, bottom: BOTTOM, labels_at: &labels_at };
        write!(f, "{shade}{axis}{values}")?;
        self.degraded_labels(f)?;
        writeln!(f, "<path class=\"line\" d=\"{}\"/>", self.line(&values))?;
        self.probes(f, &values)?;
        self.marks(f, &values, &extremes)?;
        f.write_str("</svg>\n")
    }
}

impl IndexPlot<'_> {
    fn degraded_labels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let y = TOP - 6.0;
        for run in self.degraded {
            let (from, to) = (self.days.x(run.from_day), self.days.x(run.to_day));
            let long = run.to_string();
            let short = long.split_once(", ").map_or("", |(short, _)| short);
            let labels = [long.as_str(), short, "degraded"];
            let fits = |label: &&str| label.len() as f64 * LABEL_CHARACTER <= to - from - 12.0;
            if let Some(label) = labels.into_iter().find(fits) {
                let x = from + 6.0;
                writeln!(
                    f,
                    "<text class=\"degraded-label\" x=\"{x:.1}\" y=\"{y}\">{label}</text>"
                )?;
            }
        }
        Ok(())
    }

    /// The least and the greatest value of each column, in the order they came.
    fn line(&self, values: &Values) -> String {
        let mut path = String::new();
        let column = |point: &Point| self.days.column(point.day);
        let near = |a: &Point, b: &Point| b.day.saturating_sub(a.day) <= PAUSE_DAYS;
        for stretch in self.points.chunk_by(near) {
            let mut command = 'M';
            for points in stretch.chunk_by(|a, b| column(a) == column(b)) {
                let Some(Extremes { least, greatest, .. }) = Extremes::of(points) else {
                    continue;
                };
                let (a, b) =
                    if least.day <= greatest.day { (least, greatest) } else { (greatest, least) };
                let ends = if std::ptr::eq(a, b) { &[a][..] } else { &[a, b][..] };
                for point in ends {
                    let (x, y) = (self.days.x(point.day), values.y(point.value_e8));
                    let _ = write!(path, "{command}{x:.1} {y:.1}");
                    command = 'L';
                }
            }
            // A lone point has no line; a line of no length shows it as a dot.
            path.push_str("h0");
        }
        path
    }

    /// Invisible columns whose tooltips give the values below them.
    fn probes(&self, f: &mut fmt::Formatter<'_>, values: &Values) -> fmt::Result {
        let column = |point: &Point| self.days.column(point.day).div_euclid(PROBE_COLUMNS);
        for points in self.points.chunk_by(|a, b| column(a) == column(b)) {
            let Some(extremes) = Extremes::of(points) else {
                continue;
            };
            let left = LEFT + (column(extremes.first).saturating_mul(PROBE_COLUMNS)) as f64;
            let (x, y) = (self.days.x(extremes.last.day), values.y(extremes.last.value_e8));
            let height = BOTTOM - TOP;
            writeln!(
                f,
                "<g class=\"probe\"><rect x=\"{left}\" y=\"{TOP}\" width=\"{PROBE_COLUMNS}\" \
                 height=\"{height}\"/><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>\
                 <title>{extremes}</title></g>"
            )?;
        }
        Ok(())
    }

    fn marks(
        &self,
        f: &mut fmt::Formatter<'_>,
        values: &Values,
        extremes: &Extremes<'_>,
    ) -> fmt::Result {
        let last = extremes.last;
        for (point, name, drop) in
            [(extremes.least, "min", 19.0), (extremes.greatest, "max", -11.0)]
        {
            if point.day == last.day {
                continue;
            }
            let (x, y) = (self.days.x(point.day), values.y(point.value_e8));
            let (anchor, label_x) = if x < LEFT + 80.0 {
                ("", x.max(LEFT + 6.0))
            } else if x > RIGHT - 80.0 {
                ("end", x.min(RIGHT - 4.0))
            } else {
                ("mid", x)
            };
            writeln!(
                f,
                "<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"/><text class=\"note \
                 {anchor}\" x=\"{label_x:.1}\" y=\"{:.1}\">{name} {} · {}</text>",
                y + drop,
                fixed(point.value_e8, 2),
                iso(point.day)
            )?;
        }
        let (x, y) = (self.days.x(last.day), values.y(last.value_e8));
        writeln!(
            f,
            "<circle class=\"last\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.6\"/><text class=\"value\" \
             x=\"{:.1}\" y=\"{:.1}\">{}</text><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            RIGHT + 15.0,
            y + 3.0,
            fixed(last.value_e8, 2),
            RIGHT + 15.0,
            y + 20.0,
            iso(last.day)
        )
    }
}

/// The value axis: what it shows, and where its round values are.
struct Values {
    low: i128,
    high: i128,
    step: i128,
}

impl Values {
    /// All values and the base, with room for the labels of the least and the greatest.
    fn around(extremes: &Extremes<'_>) -> Self {
        let low = extremes.least.value_e8.min(BASE_E8);
        let high = extremes.greatest.value_e8.max(BASE_E8);
        let room = high.saturating_sub(low).max(ONE_E8).div_euclid(9);
        let (low, high) = (low.saturating_sub(room), high.saturating_add(room));
        let step = round_step(high.saturating_sub(low).div_euclid(MAX_TICKS));
        Self { low, high, step }
    }

    fn y(&self, value_e8: i128) -> f64 {
        let share = value_e8.saturating_sub(self.low) as f64
            / self.high.saturating_sub(self.low).max(1) as f64;
        BOTTOM - share * (BOTTOM - TOP)
    }

    fn ticks(&self) -> impl Iterator<Item = i128> {
        let step = self.step;
        let below = self.low.checked_rem_euclid(step).unwrap_or_default();
        let first = self.low.saturating_sub(below);
        std::iter::successors(Some(first), move |tick| tick.checked_add(step))
            .take_while(|tick| *tick <= self.high)
            .filter(|tick| *tick >= self.low)
    }

    /// As many decimals as the step has.
    fn decimals(&self) -> u32 {
        let whole = |decimals: &u32| {
            let unit = 10_i128.pow(8_u32.saturating_sub(*decimals));
            self.step.rem_euclid(unit) == 0
        };
        (0..8).find(whole).unwrap_or(8)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.decimals();
        let base = self.y(BASE_E8);
        let label_x = LEFT - 10.0;
        for tick in self.ticks() {
            let y = self.y(tick);
            if (y - base).abs() < 14.0 {
                continue;
            }
            writeln!(
                f,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text class=\"tick end\" \
                 x=\"{label_x}\" y=\"{:.1}\">{}</text>",
                y + 4.5,
                fixed(tick, decimals)
            )?;
        }
        writeln!(
            f,
            "<path class=\"base\" d=\"M{LEFT} {base:.1}H{RIGHT}\"/><text class=\"tick end strong\" \
             x=\"{label_x}\" y=\"{:.1}\">{}</text>",
            base + 4.5,
            fixed(BASE_E8, decimals)
        )
    }
}

/// The least of 1, 2, 5, 10, 20, 50, … that is not less.
fn round_step(least: i128) -> i128 {
    let powers = std::iter::successors(Some(1_i128), |power| power.checked_mul(10));
    powers
        .flat_map(|power| [1, 2, 5].map(|digit| power.saturating_mul(digit)))
        .find(|step| *step >= least)
        .unwrap_or(i128::MAX)
}
