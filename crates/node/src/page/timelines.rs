//! One row a member: its status by day, where it stands now, and how much it brought.

use std::fmt;

use holobiont_policy::Status;

use super::degraded::{Run, Shade};
use super::look::{Look, look};
use super::scale::{Axis, Days, LEFT, RIGHT, WIDTH};
use super::text::Escaped;
use super::{Span, Timeline};
use crate::text::{Grouped, iso};

/// Heights and places in viewBox units.
const TOP: f64 = 26.0;
const PITCH: f64 = 19.0;
const FOOT: f64 = 26.0;
const STATUS_AT: f64 = RIGHT + 28.0;
/// Longer names are cut here; the tooltip has them whole.
const NAME_CHARACTERS: usize = 9;
/// Width of a character of a label inside the figure.
const LABEL_CHARACTER: f64 = 6.2;
const LABEL_MARGIN: f64 = 7.0;

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
                STATUS_AT - 14.0,
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
        let label = self.bar_label(span, to - from);
        // A retirement's line is thinner than its label, and starts behind it.
        let taken = match &label {
            Some(label) if span.status == Status::Retired => LABEL_MARGIN + label_width(label),
            _ => 0.0,
        };
        let width = (to - from - taken).max(least_width);
        let x = ((from + taken + to - width) / 2.0).clamp(LEFT, RIGHT - width);
        write!(
            f,
            "<g><title>{}: {}, {}: {meaning}</title><rect class=\"{class}\" x=\"{x:.1}\" \
             y=\"{}\" width=\"{width:.1}\" height=\"{height}\"/>",
            Escaped(name),
            Escaped(span.status.name()),
            self.period(span),
            y - height / 2.0
        )?;
        if span.status == Status::Retired {
            let (top, bottom) = (y - 6.0, y + 6.0);
            write!(f, "<path class=\"end-mark\" d=\"M{from:.1} {top}V{bottom}\"/>")?;
        }
        if let Some(label) = label {
            let (x, baseline) = (from + LABEL_MARGIN, y + 4.0);
            write!(
                f,
                "<text class=\"bar-label on-{class}\" x=\"{x:.1}\" y=\"{baseline}\">{label}</text>"
            )?;
        }
        f.write_str("</g>\n")
    }

    /// What a long outage is, and when it was, if its bar has room for that.
    fn bar_label(&self, span: &Span, room: f64) -> Option<String> {
        let name = span.status.name();
        let labels = match span.status {
            Status::Retired => [format!("{name} {}", iso(span.from_day)), name.to_owned()],
            status if is_trouble(status) => {
                [format!("{name} {}", self.period(span)), name.to_owned()]
            }
            _ => return None,
        };
        let fits = |label: &String| label_width(label) + 2.0 * LABEL_MARGIN <= room;
        labels.into_iter().find(fits)
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

fn label_width(label: &str) -> f64 {
    label.chars().count() as f64 * LABEL_CHARACTER
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS {
        return name.to_owned();
    }
    let kept = name.chars().take(NAME_CHARACTERS.saturating_sub(1));
    kept.chain(['…']).collect()
}
