//! What each status looks like: colour, texture and height, so that none rests on colour alone.

use std::fmt;

use holobiont_policy::{Standing, Status};

use super::text::Escaped;

/// Every status, in the legend's order.
pub(super) const STATUSES: [Status; 11] = [
    Status::Live,
    Status::Late,
    Status::Stalled(Standing::Carried),
    Status::Stalled(Standing::Skipped),
    Status::Stalled(Standing::Held),
    Status::CatchingUp,
    Status::Gapped,
    Status::Quarantined,
    Status::Joining,
    Status::Absent,
    Status::Retired,
];

/// How a status is drawn.
pub(super) struct Look {
    /// Its class in the style sheet.
    pub(super) class: &'static str,
    /// The bar's height in viewBox units.
    pub(super) height: f64,
    /// Narrower bars are drawn this wide: a stall of three days in thirty years must be seen.
    pub(super) least_width: f64,
    /// What it means, in one line.
    pub(super) meaning: &'static str,
}

/// The look of a status.
pub(super) fn look(status: Status) -> Look {
    let (class, height, least_width, meaning) = match status {
        Status::Live => ("live", 9.0, 0.0, "its records arrive in time"),
        Status::Late => ("late", 12.0, 3.0, "no record for a while; still waited for"),
        Status::Stalled(Standing::Carried) => {
            ("carried", 13.0, 3.0, "stalled; its last value is kept")
        }
        Status::Stalled(Standing::Skipped) => {
            ("skipped", 13.0, 3.0, "stalled; the organism goes on without it")
        }
        Status::Stalled(Standing::Held) => {
            ("held", 13.0, 3.0, "stalled; the organism waits for it")
        }
        Status::CatchingUp => ("catching-up", 12.0, 3.0, "back; not yet trusted to keep up"),
        Status::Gapped => ("gapped", 13.0, 3.0, "its next records are no longer retained"),
        Status::Quarantined => ("quarantined", 15.0, 3.0, "lied, or its clock jumped"),
        Status::Joining => ("joining", 6.0, 0.0, "expected; no record yet"),
        Status::Absent => ("absent", 1.0, 0.0, "not started, or never came"),
        Status::Retired => ("retired", 2.0, 0.0, "ended by an order"),
    };
    Look { class, height, least_width, meaning }
}

/// The textures that the style sheet fills bars with.
pub(super) struct Patterns;

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n",
        )?;
        for (id, size, stroke) in [
            ("carried", 5.0, "M0 0V5"),
            ("gapped", 4.0, "M0 0V4M0 0H4"),
            ("degraded", 7.0, "M0 0V7"),
        ] {
            writeln!(
                f,
                "<pattern id=\"fill-{id}\" width=\"{size}\" height=\"{size}\" \
                 patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
                 <rect class=\"{id}-pale\" width=\"{size}\" height=\"{size}\"/>\
                 <path class=\"{id}-line\" d=\"{stroke}\"/></pattern>"
            )?;
        }
        f.write_str("</defs></svg>\n")
    }
}

/// A swatch, a name and a meaning for every status.
pub(super) struct Legend;

impl fmt::Display for Legend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<ul class=\"legend\" aria-label=\"Legend\">\n")?;
        for status in STATUSES {
            let Look { class, height, meaning, .. } = look(status);
            let y = 8.0 - height / 2.0;
            writeln!(
                f,
                "<li title=\"{meaning}\"><svg viewBox=\"0 0 26 16\" aria-hidden=\"true\">\
                 <rect class=\"{class}\" x=\"1\" y=\"{y}\" width=\"24\" height=\"{height}\"/></svg>\
                 {}</li>",
                Escaped(status.name())
            )?;
        }
        f.write_str("</ul>\n")
    }
}
