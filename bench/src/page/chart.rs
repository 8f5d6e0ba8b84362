//! One scenario's speeds as horizontal bars on one scale.

use std::fmt;

use super::look::{KINDS, look};
use super::text::{Escaped, digits, millions};
use crate::report::{Outcome, Row, Scenario};

/// Most ticks of the scale.
const TICKS: f64 = 6.0;

/// Bars by kind, each kind in the order measured.
pub(super) struct Chart<'a>(pub(super) &'a Scenario);

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = Scale::of(&self.0.rows);
        f.write_str("<div class=\"chart\">\n")?;
        for kind in KINDS {
            let mut rows = self.0.rows.iter().filter(|row| row.kind == kind).peekable();
            if rows.peek().is_none() {
                continue;
            }
            let (class, name) = look(kind);
            writeln!(f, "<h3>{name}</h3>\n<ul>")?;
            for row in rows {
                bar(row, class, &scale, f)?;
            }
            f.write_str("</ul>\n")?;
        }
        writeln!(f, "{scale}</div>")
    }
}

fn bar(row: &Row, class: &str, scale: &Scale, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "<li><span class=\"what\">{}</span>", Escaped(&row.title))?;
    let (word, why) = match &row.outcome {
        Outcome::Valid => {
            let speed = row.records_per_s;
            let [median, least, most] =
                [speed.median, speed.least, speed.most].map(|it| scale.percent(it));
            write!(f, "<svg class=\"bar\" aria-hidden=\"true\">")?;
            scale.grid(f)?;
            return writeln!(
                f,
                "<rect class=\"{class}\" y=\"4\" width=\"{median:.2}%\" height=\"12\"/>\
                 <g class=\"whisker\"><line x1=\"{least:.2}%\" x2=\"{most:.2}%\" y1=\"10\" \
                 y2=\"10\"/><line x1=\"{least:.2}%\" x2=\"{least:.2}%\" y1=\"7\" y2=\"13\"/>\
                 <line x1=\"{most:.2}%\" x2=\"{most:.2}%\" y1=\"7\" y2=\"13\"/></g></svg>\
                 <span class=\"speed\">{} M/s</span></li>",
                millions(speed.median)
            );
        }
        Outcome::Invalid(why) => ("INVALID", why),
        Outcome::Skipped(why) => ("not measured", why),
    };
    writeln!(f, "<span class=\"none\"><b>{word}</b>: {}</span></li>", Escaped(why))
}

/// From nothing to past the fastest, in records a second.
struct Scale {
    step: f64,
    end: f64,
}

impl Scale {
    fn of(rows: &[Row]) -> Self {
        let valid = rows.iter().filter(|row| row.outcome == Outcome::Valid);
        let most = valid.map(|row| row.records_per_s.most).filter(|it| it.is_finite());
        let most = most.fold(1.0, f64::max);
        let least_step = most / TICKS;
        let power = 10_f64.powf(least_step.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|it| it * power).into_iter();
        let step =
            step.fold(
                f64::INFINITY,
                |least, it| {
                    if it >= least_step && it < least { it } else { least }
                },
            );
        Self { step, end: (most / step).ceil() * step }
    }

    fn percent(&self, speed: f64) -> f64 {
        (speed / self.end * 100.0).clamp(0.0, 100.0)
    }

    /// Where the ticks are, and their speeds.
    fn ticks(&self) -> impl Iterator<Item = (f64, f64)> {
        let last = (self.end / self.step).round();
        let numbers = std::iter::successors(Some(0.0), |it| Some(it + 1.0));
        let speeds = numbers.take_while(move |it| *it <= last).map(|it| it * self.step);
        speeds.map(|speed| (self.percent(speed), speed))
    }

    fn grid(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (x, _) in self.ticks() {
            write!(f, "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y2=\"100%\"/>")?;
        }
        Ok(())
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<div class=\"scale\"><svg aria-hidden=\"true\">")?;
        for (x, speed) in self.ticks() {
            let class = match x {
                _ if x < 1.0 => "tick",
                _ if x > 99.0 => "tick end",
                _ => "tick mid",
            };
            // In three digits, and shorter where that says the same.
            let label = digits(speed / 1e6).parse().unwrap_or(speed / 1e6);
            write!(f, "<text class=\"{class}\" x=\"{x:.2}%\" y=\"14\">{label}</text>")?;
        }
        f.write_str("</svg><span class=\"unit\">M records/s</span></div>\n")
    }
}
