//! The demo's page: what an organism's members did over the years, and the index made of them.
//!
//! One HTML file with everything inside it: no script, no font, no network. A content security
//! policy in the page says so to the browser, and all text that comes from a config is escaped.

mod changes;
mod degraded;
mod extremes;
mod index;
mod look;
mod scale;
mod text;
mod timelines;

#[cfg(test)]
mod tests;

use std::fmt;

use holobiont_policy::Status;

use crate::text::{Grouped, iso};
use changes::Changes;
use degraded::{ShadeKey, runs};
use index::IndexPlot;
use look::{Legend, Patterns};
use scale::Days;
use text::Escaped;
use timelines::Timelines;

/// Everything that the page shows.
pub(crate) struct Page<'a> {
    /// The organism's name.
    pub(crate) organism: &'a str,
    /// The organism's stable id, 64 hex digits.
    pub(crate) stable_id: String,
    /// The digest of its config, 64 hex digits.
    pub(crate) content_hash: String,
    /// The head of its output after the last cut, 64 hex digits.
    pub(crate) output_head: String,
    /// The digest of the whole state after the last cut, 64 hex digits.
    pub(crate) state_digest: String,
    /// Label and value, in the order shown. A part in brackets at the end is set smaller.
    pub(crate) facts: Vec<(String, String)>,
    /// The first day shown, in days since 1970-01-01.
    pub(crate) first_day: i64,
    /// The last day shown, inclusive.
    pub(crate) last_day: i64,
    /// In the config's order.
    pub(crate) members: Vec<Timeline>,
    /// Ascending by day.
    pub(crate) index: Vec<Point>,
    /// Where the data comes from, as its licence wants it said.
    pub(crate) source_note: &'a str,
}

/// One member's life.
pub(crate) struct Timeline {
    /// Its name in the config.
    pub(crate) name: String,
    /// How many of its records were taken.
    pub(crate) records: u64,
    /// Contiguous, ascending.
    pub(crate) spans: Vec<Span>,
}

/// A time that a member spent in one status.
pub(crate) struct Span {
    /// Its first day, in days since 1970-01-01.
    pub(crate) from_day: i64,
    /// The day after its last.
    pub(crate) to_day: i64,
    /// Where the member stood.
    pub(crate) status: Status,
}

/// The index as one commit published it.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// The commit's clock, in days since 1970-01-01.
    pub(crate) day: i64,
    /// The index, in units of 10⁻⁸.
    pub(crate) value_e8: i128,
    /// Whether the commit's grade is `degraded`.
    pub(crate) degraded: bool,
}

const STYLE: &str = include_str!("page/style.css");

impl Page<'_> {
    /// The page as one HTML document.
    pub(crate) fn render(&self) -> String {
        self.to_string()
    }

    fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<header>\n<p class=\"kicker\">Holobiont · composite organism</p>\n<h1>{}</h1>\n\
             <p class=\"lead\">One index from {} members, {} to {}. Every commit names the members \
             it stood on; a stall, a recovery and a retirement are committed facts that replay \
             bit for bit.</p>\n</header>\n<dl class=\"facts\">\n",
            Escaped(self.organism),
            Grouped(self.members.len()),
            iso(self.first_day),
            iso(self.last_day),
        )?;
        for (label, value) in &self.facts {
            let (main, aside) = match value.strip_suffix(')').and_then(|v| v.split_once(" (")) {
                Some((main, aside)) => (main, aside),
                None => (value.as_str(), ""),
            };
            writeln!(
                f,
                "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>",
                Escaped(label),
                Escaped(main),
                Escaped(aside)
            )?;
        }
        f.write_str("</dl>\n")
    }

    fn footer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<footer>\n<p>The same config and the same records give these values on every \
             machine:</p>\n<dl class=\"ids\">\n",
        )?;
        for (label, id) in [
            ("stable id", &self.stable_id),
            ("content hash", &self.content_hash),
            ("output head", &self.output_head),
            ("state digest", &self.state_digest),
        ] {
            writeln!(f, "<dt>{label}</dt><dd>{}</dd>", Escaped(id))?;
        }
        writeln!(f, "</dl>\n<p class=\"source\">{}</p>\n</footer>", Escaped(self.source_note))
    }
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = Days::new(self.first_day, self.last_day);
        let degraded = runs(&self.index, days.end());
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; img-src data:\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{} · Holobiont</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{Patterns}\
             <main>\n",
            Escaped(self.organism)
        )?;
        self.header(f)?;
        let plot = IndexPlot { points: &self.index, degraded: &degraded, days };
        let timelines = Timelines { members: &self.members, degraded: &degraded, days };
        write!(
            f,
            "<section>\n<h2>Index <small>first day = 100</small>{ShadeKey}</h2>\n{plot}</section>\n\
             <section>\n<h2>Members <small>status by day, decided by the log alone</small></h2>\n\
             {Legend}{timelines}{}</section>\n",
            Changes(&self.members)
        )?;
        self.footer(f)?;
        f.write_str("</main>\n</body>\n</html>\n")
    }
}
