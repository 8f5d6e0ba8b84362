//! The figures behind the bars, and what was held against what.

use std::fmt;

use super::look::{KINDS, look};
use super::text::{Escaped, digits, memory, millions, range};
use super::title_of;
use crate::report::{Limit, Outcome, Ratio, Row, Scenario};

/// Every ratio of a scenario: those with a target, and folded away those without.
pub(super) struct Ratios<'a>(pub(super) &'a Scenario);

/// Every row of a scenario.
pub(super) struct Figures<'a>(pub(super) &'a Scenario);

/// Limits on memory and on time.
pub(super) struct Limits<'a>(pub(super) &'a [Limit]);

impl fmt::Display for Ratios<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.0.rows.iter().filter(|row| row.outcome == Outcome::Valid);
        let all = rows.flat_map(|row| row.ratios.iter().map(move |ratio| (row, ratio)));
        let (set, rest): (Vec<_>, Vec<_>) = all.partition(|(_, it)| it.at_least.is_some());
        if !set.is_empty() {
            f.write_str("<h3>Against others in the same rounds</h3>\n")?;
            self.table(&set, f)?;
        }
        if !rest.is_empty() {
            let many = rest.len();
            writeln!(f, "<details><summary>No target set <small>{many}</small></summary>")?;
            self.table(&rest, f)?;
            f.write_str("</details>\n")?;
        }
        Ok(())
    }
}

impl Ratios<'_> {
    fn table(&self, ratios: &[(&Row, &Ratio)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<table>\n<thead><tr><th>what</th><th>against</th><th class=\"num\">ratio</th>\
             <th class=\"num\">least–most</th><th class=\"num\">at least</th><th>target</th></tr>\
             </thead>\n<tbody>\n",
        )?;
        ratios.iter().try_for_each(|(row, ratio)| self.ratio(row, ratio, f))?;
        f.write_str("</tbody></table>\n")
    }

    fn ratio(&self, row: &Row, ratio: &Ratio, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (ratio.holds, ratio.at_least) {
            (Some(holds), _) => holds_or_not(holds),
            (None, Some(_)) => "<span class=\"muted\">too short to say</span>",
            (None, None) => "<span class=\"muted\">–</span>",
        };
        let at_least = ratio.at_least.map_or_else(|| "–".to_owned(), digits);
        writeln!(
            f,
            "<tr><td class=\"head\">{}</td><td class=\"wide\" data-label=\"against\">{}</td>\
             <td class=\"num strong\" data-label=\"ratio\">{}</td>\
             <td class=\"num\" data-label=\"least–most\">{}</td>\
             <td class=\"num\" data-label=\"at least\">{at_least}</td>\
             <td data-label=\"target\">{verdict}</td></tr>",
            Escaped(&row.title),
            Escaped(title_of(self.0, &ratio.against)),
            digits(ratio.ratio.median),
            range(ratio.ratio, digits),
        )
    }
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<h3>Figures</h3>\n<table>\n<thead><tr><th>what</th><th>checks while reading</th>\
             <th class=\"num\">M records/s</th><th class=\"num\">least–most</th>\
             <th class=\"num\">GB/s</th><th class=\"num\">cores busy</th>\
             <th class=\"num\">peak memory</th></tr></thead>\n",
        )?;
        for kind in KINDS {
            let mut rows = self.0.rows.iter().filter(|row| row.kind == kind).peekable();
            if rows.peek().is_none() {
                continue;
            }
            let (_, name) = look(kind);
            writeln!(f, "<tbody>\n<tr><th class=\"group\" colspan=\"7\">{name}</th></tr>")?;
            rows.try_for_each(|row| figures(row, f))?;
            f.write_str("</tbody>\n")?;
        }
        f.write_str("</table>\n")
    }
}

fn figures(row: &Row, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "<tr><td class=\"head\">{}", Escaped(&row.title))?;
    if !row.note.is_empty() {
        write!(f, "<small>{}</small>", Escaped(&row.note))?;
    }
    write!(f, "</td><td class=\"wide\" data-label=\"checks\">{}</td>", Escaped(&row.checks))?;
    let (word, why) = match &row.outcome {
        Outcome::Valid => {
            let busy = row.cpu_seconds.median / row.seconds.median;
            let busy = if busy.is_finite() { digits(busy) } else { "–".to_owned() };
            let peak = row.peak_bytes.map_or_else(|| "–".to_owned(), memory);
            return writeln!(
                f,
                "<td class=\"num strong\" data-label=\"M records/s\">{}</td>\
                 <td class=\"num\" data-label=\"least–most\">{}</td>\
                 <td class=\"num\" data-label=\"GB/s\">{}</td>\
                 <td class=\"num\" data-label=\"cores busy\">{busy}</td>\
                 <td class=\"num\" data-label=\"peak memory\">{peak}</td></tr>",
                millions(row.records_per_s.median),
                range(row.records_per_s, millions),
                digits(row.gb_per_s.median),
            );
        }
        Outcome::Invalid(why) => ("INVALID", why),
        Outcome::Skipped(why) => ("not measured", why),
    };
    writeln!(f, "<td colspan=\"5\"><b>{word}</b>: {}</td></tr>", Escaped(why))
}

impl fmt::Display for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(
            "<section>\n<h2>Limits</h2>\n<table>\n<thead><tr><th>what</th>\
             <th class=\"num\">found</th><th class=\"num\">at most</th><th>target</th></tr>\
             </thead>\n<tbody>\n",
        )?;
        for limit in self.0 {
            let unit = Escaped(&limit.unit);
            writeln!(
                f,
                "<tr><td class=\"head\">{}</td>\
                 <td class=\"num strong\" data-label=\"found\">{} {unit}</td>\
                 <td class=\"num\" data-label=\"at most\">{} {unit}</td>\
                 <td data-label=\"target\">{}</td></tr>",
                Escaped(&limit.title),
                digits(limit.found),
                digits(limit.at_most),
                holds_or_not(limit.holds),
            )?;
        }
        f.write_str("</tbody></table>\n</section>\n")
    }
}

const fn holds_or_not(holds: bool) -> &'static str {
    if holds {
        "<span class=\"holds\">✓ holds</span>"
    } else {
        "<span class=\"missed\">✗ missed</span>"
    }
}
