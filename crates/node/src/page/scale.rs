//! The time axis that the plot and the timelines share.

use std::fmt;

use jiff::civil::Date;

use crate::text::{civil, day_of, iso};

/// The figures' width in viewBox units.
pub(super) const WIDTH: f64 = 1200.0;
/// Where the time axis starts: names and values are left of it.
pub(super) const LEFT: f64 = 76.0;
/// Where the time axis ends: what holds on the last day is right of it.
pub(super) const RIGHT: f64 = 996.0;
/// From the one to the other, in whole viewBox units.
const COLUMNS: i128 = 920;

/// Least distance between two labels, in viewBox units.
const LABEL_ROOM: f64 = 64.0;
const DATE_LABEL_ROOM: f64 = 104.0;
/// Least distance between two ticks without a label.
const TICK_ROOM: f64 = 7.0;
const DAYS_A_MONTH: f64 = 30.437;
/// Distances between labels that a reader counts on without thinking, in months and days.
const MONTH_STEPS: [i32; 11] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000];
const DAY_STEPS: [i64; 5] = [1, 2, 5, 10, 20];

/// The days shown, across the page.
#[derive(Clone, Copy)]
pub(super) struct Days {
    first: i64,
    end: i64,
}

/// A mark on the time axis.
pub(super) struct Tick {
    pub(super) x: f64,
    pub(super) label: Option<String>,
}

impl Days {
    /// From the first day to the last, inclusive. At least one day is shown.
    pub(super) fn new(first: i64, last: i64) -> Self {
        let first = first.min(i64::MAX.saturating_sub(1));
        let end = last.max(first).saturating_add(1);
        Self { first, end }
    }

    /// The day after the last one shown.
    pub(super) fn end(self) -> i64 {
        self.end
    }

    /// Where a day starts. Days outside of the axis are at its ends.
    pub(super) fn x(self, day: i64) -> f64 {
        let at = day.clamp(self.first, self.end).saturating_sub(self.first);
        LEFT + at as f64 * self.units_a_day()
    }

    /// The column of the figure, one viewBox unit wide, that a day falls into.
    pub(super) fn column(self, day: i64) -> i128 {
        let at = day.clamp(self.first, self.end).saturating_sub(self.first);
        let days = self.end.saturating_sub(self.first);
        i128::from(at).saturating_mul(COLUMNS).div_euclid(i128::from(days.max(1)))
    }

    fn units_a_day(self) -> f64 {
        (RIGHT - LEFT) / self.end.saturating_sub(self.first) as f64
    }

    /// Round dates, labelled where there is room.
    pub(super) fn ticks(self) -> Vec<Tick> {
        let month = self.units_a_day() * DAYS_A_MONTH;
        if month > (RIGHT - LEFT) / 3.0 {
            return self.day_ticks();
        }
        let fits = |room: f64| move |step: &i32| f64::from(*step) * month >= room;
        let step = MONTH_STEPS.into_iter().find(fits(LABEL_ROOM));
        let step = step.unwrap_or(i32::MAX);
        let years = step.min(12);
        let small = if fits(TICK_ROOM)(&years) { years } else { step };
        self.month_ticks(step, small)
    }

    fn day_ticks(self) -> Vec<Tick> {
        let day = self.units_a_day();
        let step = DAY_STEPS.into_iter().find(|step| *step as f64 * day >= DATE_LABEL_ROOM);
        let step = usize::try_from(step.unwrap_or(i64::MAX)).unwrap_or(usize::MAX);
        (self.first..self.end)
            .step_by(step)
            .map(|day| Tick { x: self.x(day), label: Some(iso(day)) })
            .collect()
    }

    fn month_ticks(self, step: i32, small: i32) -> Vec<Tick> {
        let (Some(first), Some(last)) = (civil(self.first), civil(self.end)) else {
            return Vec::new();
        };
        let mut ticks = Vec::new();
        for month in month_number(first)..=month_number(last) {
            let Some((day, date)) = first_of_month(month) else {
                continue;
            };
            if day < self.first || day >= self.end || month.checked_rem_euclid(small) != Some(0) {
                continue;
            }
            let label = (month.checked_rem_euclid(step) == Some(0)).then(|| {
                let format = if step < 12 { "%Y-%m" } else { "%Y" };
                date.strftime(format).to_string()
            });
            ticks.push(Tick { x: self.x(day), label });
        }
        ticks
    }
}

/// Months since the year 0.
fn month_number(date: Date) -> i32 {
    i32::from(date.year())
        .saturating_mul(12)
        .saturating_add(i32::from(date.month()))
        .saturating_sub(1)
}

fn first_of_month(month: i32) -> Option<(i64, Date)> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12).saturating_add(1)).ok()?;
    let date = Date::new(year, month, 1).ok()?;
    Some((day_of(date)?, date))
}

/// The time axis drawn between two heights: a line a tick, and labels where it has a place for them.
pub(super) struct Axis<'a> {
    pub(super) ticks: &'a [Tick],
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Baselines of the labels.
    pub(super) labels_at: &'a [f64],
}

impl fmt::Display for Axis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (top, bottom) = (self.top, self.bottom);
        for Tick { x, label } in self.ticks {
            let class = if label.is_some() { "grid major" } else { "grid" };
            writeln!(f, "<path class=\"{class}\" d=\"M{x:.1} {top}V{bottom}\"/>")?;
            for y in self.labels_at {
                if let Some(label) = label {
                    writeln!(f, "<text class=\"tick mid\" x=\"{x:.1}\" y=\"{y}\">{label}</text>")?;
                }
            }
        }
        Ok(())
    }
}
