//! The report as one page: what was measured, against what, and whether the targets hold.
//!
//! One HTML file with everything inside it: no script, no font, no network. A content security
//! policy in the page says so to the browser, and all text of the report is escaped.

mod chart;
mod look;
mod tables;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::report::{Kind, Outcome, Row, Scenario};
use crate::{Report, Sum};
use chart::Chart;
use look::{Legend, Patterns};
use tables::{Figures, Limits, Ratios};
use text::{Escaped, Grouped, memory, millions};

const STYLE: &str = include_str!("page/style.css");

/// The report as one self-contained HTML document, for a screen of any width, light or dark.
#[must_use]
pub fn page(report: &Report) -> String {
    Page(report).to_string()
}

struct Page<'a>(&'a Report);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; img-src data:\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>Replay benchmark · Holobiont</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n{Patterns}<main>\n"
        )?;
        self.header(f)?;
        self.verdict(f)?;
        self.facts(f)?;
        f.write_str(
            "<h2>How to read it <small>records a second, the median of all rounds; the thin line \
             goes from the least to the most</small></h2>\n",
        )?;
        write!(f, "{Legend}")?;
        for scenario in &self.0.scenarios {
            section(scenario, f)?;
        }
        write!(f, "{}", Limits(&self.0.limits))?;
        self.footer(f)?;
        f.write_str("</main>\n</body>\n</html>\n")
    }
}

fn section(scenario: &Scenario, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Scenario { name, title, sum, stored_bytes, .. } = scenario;
    write!(
        f,
        "<section>\n<h2>{} <small>{}; {} records, {} stored</small></h2>\n{}{}{}</section>\n",
        Escaped(name),
        Escaped(title),
        Grouped(sum.records),
        memory(*stored_bytes),
        Chart(scenario),
        Ratios(scenario),
        Figures(scenario),
    )
}

impl Page<'_> {
    fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<header>\n<p class=\"kicker\">Holobiont · replay benchmark</p>\n<h1>")?;
        match headline(self.0) {
            Some((scenario, row)) => write!(
                f,
                "{} M records/s</h1>\n<p class=\"lead\">{}; {}. Checked: {}.{}</p>\n",
                millions(row.records_per_s.median),
                Escaped(&row.title),
                Escaped(&scenario.title),
                Escaped(&row.checks),
                match row.ratios.first() {
                    Some(it) => format!(
                        " {:.2} of what the same machine can do: {}.",
                        it.ratio.median,
                        Escaped(title_of(scenario, &it.against))
                    ),
                    None => String::new(),
                }
            ),
            None => {
                f.write_str("Replay</h1>\n<p class=\"lead\">Nothing of ours was measured.</p>\n")
            }
        }?;
        f.write_str("</header>\n")
    }

    /// What nobody may overlook, before any figure.
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.valid {
            f.write_str(
                "<div class=\"verdict bad\" role=\"alert\"><p><strong>INVALID.</strong> A reader \
                 arrived at something other than what was written: no figure here counts.</p>\n\
                 <ul>\n",
            )?;
            for (name, why) in self.0.invalid() {
                writeln!(f, "<li><b>{}</b>: {}</li>", Escaped(&name), Escaped(why))?;
            }
            f.write_str("</ul></div>\n")?;
        }
        if self.0.settings.quick {
            f.write_str(
                "<div class=\"verdict\"><p><strong>A quick run.</strong> It shows that everything \
                 works; its figures say nothing about speed.</p></div>\n",
            )?;
        }
        Ok(())
    }

    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { machine, settings, .. } = self.0;
        let (hold, set) = targets(self.0);
        f.write_str("<dl class=\"facts\">\n")?;
        for (label, main, aside) in [
            ("targets that hold", format!("{hold} of {set}"), String::new()),
            (
                "machine",
                format!("{} cores, {}", machine.cores, memory(machine.memory_bytes)),
                machine.cpu.clone(),
            ),
            ("system", machine.kernel.clone(), format!("records on {}", machine.filesystem)),
            (
                "rounds",
                settings.repeat.to_string(),
                format!("interleaved, after one more; seed {}", settings.seed),
            ),
            (
                "run",
                self.0.started.get(..10).unwrap_or(&self.0.started).to_owned(),
                format!("version {}, {:.0} s", self.0.version, self.0.took_s),
            ),
        ] {
            writeln!(
                f,
                "<div><dt>{label}</dt><dd>{}<small>{}</small></dd></div>",
                Escaped(&main),
                Escaped(&aside)
            )?;
        }
        f.write_str("</dl>\n")
    }

    fn footer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<footer>\n")?;
        if !self.0.notes.is_empty() {
            f.write_str("<ul class=\"notes\">\n")?;
            for note in &self.0.notes {
                writeln!(f, "<li>{}</li>", Escaped(note))?;
            }
            f.write_str("</ul>\n")?;
        }
        f.write_str(
            "<p>The same seed gives the same records on every machine, and every reader of them \
             must arrive at:</p>\n\
             <dl class=\"ids\">\n",
        )?;
        for scenario in &self.0.scenarios {
            let Sum { records, payload_bytes, mix } = scenario.sum;
            write!(
                f,
                "<dt>{}</dt><dd>{mix:016x} <small>{} records, {} payload bytes</small>",
                Escaped(&scenario.name),
                Grouped(records),
                Grouped(payload_bytes)
            )?;
            if let Some(head) = &scenario.head {
                write!(f, "<br>{} <small>output head</small>", Escaped(head))?;
            }
            f.write_str("</dd>\n")?;
        }
        f.write_str("</dl>\n</footer>\n")
    }
}

/// The figure to put first: the widest verified replay of the first scenario that has one.
fn headline(report: &Report) -> Option<(&Scenario, &Row)> {
    let valid = |row: &&Row| row.kind == Kind::Ours && row.outcome == Outcome::Valid;
    report.scenarios.iter().find_map(|scenario| {
        let mut ours = scenario.rows.iter().filter(valid);
        let replay = ours.clone().rfind(|row| row.name.starts_with("replay"));
        replay.or_else(|| ours.next()).map(|row| (scenario, row))
    })
}

/// How many targets hold, and how many there are.
fn targets(report: &Report) -> (usize, usize) {
    let rows = report.scenarios.iter().flat_map(|scenario| &scenario.rows);
    let ratios = rows.flat_map(|row| &row.ratios).filter(|it| it.at_least.is_some());
    let verdicts = ratios.map(|it| it.holds == Some(true));
    let verdicts: Vec<bool> = verdicts.chain(report.limits.iter().map(|it| it.holds)).collect();
    (verdicts.iter().filter(|holds| **holds).count(), verdicts.len())
}

/// What the row of that name is; the name itself where there is none.
fn title_of<'a>(scenario: &'a Scenario, name: &'a str) -> &'a str {
    scenario.rows.iter().find(|row| row.name == name).map_or(name, |row| row.title.as_str())
}
