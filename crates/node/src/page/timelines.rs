//! One row a member: its status by day, where it stands now, and how much it brought.

use std::fmt;

use holobiont_policy::Status;

use super::degraded::{Run, Shade};
use super::look::{Look, look};
use super::scale::{Axis, Days, LEFT, RIGHT, WIDTH};
use super::text::{Escaped, Grouped, iso};
use super::{Span, Timeline};

/// Heights and places in viewBox units.
const TOP: f64 = 26.0;
const PITCH: f64 = 19.0;
const FOOT: f64 = 26.0;
const STATUS_AT: f64 = RIGHT + 30.0;
/// Longer names are cut here; the tooltip has them whole.
const NAME_CHARACTERS: usize = 9;
/// Width of a character of a label inside the figure.
const LABEL_CHARACTER: f64 = 5.7;

/// The members' rows, under one time axis.
pub(super) struct Timelines<'a> {
    pub(super) members: &'a [Timeline],
    pub(super) degraded: &'a [Run],
    pub(super) days: Days,
}

impl fmt::Display for Timelines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bottom = TOP + self.members.len() as f64 * PITCH + 4.0;
        let last_day = self.days.end().saturating_sub(1);
        writeln!(
            f,
            "<svg class=\"figure\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" \
             aria-label=\"Timelines: every member's status by day\">\
             <desc>One row a member, in the config's order. The table of status changes below has \
             the same facts in words.</desc>",
            bottom + FOOT
        )?;
        let ticks = self.days.ticks();
        let labels_at = [TOP - 11.0, bottom + 18.0];
        let axis = Axis { ticks: &ticks, top: TOP - 5.0, bottom, labels_at: &labels_at };
        let shade = Shade { runs: self.degraded, days: self.days, top: TOP - 5.0, bottom };
        writeln!(
            f,
            "{shade}{axis}<text class=\"tick\" x=\"{STATUS_AT}\" y=\"{y}\">on {}</text>\
             <text class=\"tick end\" x=\"{WIDTH}\" y=\"{y}\">records</text>",
            iso(last_day),
            y = TOP - 11.0
        )?;
        let mut y = TOP + PITCH / 2.0;
        for member in self.members {
            self.row(f, member, y)?;
            y += PITCH;
        }
        f.write_str("</svg>\n")
    }
}

impl Timelines<'_> {
    fn row(&self, f: &mut fmt::Formatter<'_>, member: &Timeline, y: f64) -> fmt::Result {
        let top = y - PITCH / 2.0;
        let baseline = y + 4.5;
        writeln!(
            f,
            "<g class=\"row\"><rect class=\"band\" x=\"0\" y=\"{top}\" width=\"{WIDTH}\" \
             height=\"{PITCH}\"/><text class=\"name\" x=\"4\" y=\"{baseline}\">{}<title>{}</title>\
             </text>",
            Escaped(&shortened(&member.name)),
            Escaped(&member.name)
        )?;
        // Brief times are drawn wider than they are, so they go on top of their long neighbours.
        let mut spans: Vec<&Span> = member.spans.iter().collect();
        spans.sort_by_key(|span| std::cmp::Reverse(span.to_day.saturating_sub(span.from_day)));
        for span in spans {
            self.bar(f, &member.name, span, y)?;
        }
        if let Some(last) = member.spans.last() {
            let Look { class, .. } = look(last.status);
            let weight = if is_trouble(last.status) { "now trouble" } else { "now" };
            write!(
                f,
                "<rect class=\"{class} dot\" x=\"{}\" y=\"{}\" width=\"9\" height=\"9\"/>\
                 <text class=\"{weight}\" x=\"{STATUS_AT}\" y=\"{baseline}\">{}</text>",
                STATUS_AT - 15.0,
                y - 4.5,
                Escaped(last.status.name())
            )?;
        }
        writeln!(
            f,
            "<text class=\"count end\" x=\"{WIDTH}\" y=\"{baseline}\">{}</text></g>",
            Grouped(member.records)
        )
    }

    fn bar(&self, f: &mut fmt::Formatter<'_>, name: &str, span: &Span, y: f64) -> fmt::Result {
        let Look { class, height, least_width, meaning } = look(span.status);
        let (from, to) = (self.days.x(span.from_day), self.days.x(span.to_day));
        let width = (to - from).max(least_width);
        let x = ((from + to - width) / 2.0).clamp(LEFT, RIGHT - width);
        writeln!(
            f,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{height}\">\
             <title>{}: {}, {}: {meaning}</title></rect>",
            y - height / 2.0,
            Escaped(name),
            Escaped(span.status.name()),
            self.period(span)
        )?;
        if span.status == Status::Retired {
            let (top, bottom) = (y - 6.0, y + 6.0);
            writeln!(f, "<path class=\"end-mark\" d=\"M{from:.1} {top}V{bottom}\"/>")?;
        }
        self.bar_label(f, span, from + 7.0, to - 7.0, y)
    }

    /// Writes what a long outage is, and when it was, into its bar.
    fn bar_label(
        &self,
        f: &mut fmt::Formatter<'_>,
        span: &Span,
        left: f64,
        right: f64,
        y: f64,
    ) -> fmt::Result {
        if !is_trouble(span.status) && span.status != Status::Retired {
            return Ok(());
        }
        let name = span.status.name();
        let label = match span.status {
            Status::Retired => format!("{name} {}", iso(span.from_day)),
            _ => format!("{name} {}", self.period(span)),
        };
        if label.chars().count() as f64 * LABEL_CHARACTER > right - left {
            return Ok(());
        }
        let baseline = y + 3.8;
        writeln!(f, "<text class=\"bar-label\" x=\"{left:.1}\" y=\"{baseline}\">{label}</text>")
    }

    fn period(&self, span: &Span) -> String {
        let from = iso(span.from_day);
        if span.to_day >= self.days.end() {
            return format!("since {from}");
        }
        let last = iso(span.to_day.saturating_sub(1));
        if last == from { from } else { format!("{from} to {last}") }
    }
}

/// Whether a status is one that an operator has to look into.
fn is_trouble(status: Status) -> bool {
    matches!(status, Status::Stalled(_) | Status::Gapped | Status::Quarantined)
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS {
        return name.to_owned();
    }
    let kept = name.chars().take(NAME_CHARACTERS.saturating_sub(1));
    kept.chain(['…']).collect()
}
