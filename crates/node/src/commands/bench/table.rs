use std::fmt::Write as _;

use holobiont_bench::report::{Kind, Outcome, Ratio, Row, Scenario, Spread};
use holobiont_bench::{Compared, Report};

use crate::print;
use crate::text::{Grouped, count};

const HEADER: [&str; 9] =
    ["", "M records/s", "least-most", "GB/s", "peak MiB", "ratio", "least-most", "target", "what"];

/// A report as people read it.
pub(super) fn render(report: &Report, compared: &[Compared]) -> String {
    let mut text = String::new();
    for scenario in &report.scenarios {
        text.push_str(&of_scenario(scenario));
        text.push('\n');
    }
    for limit in &report.limits {
        let (found, at_most) = (limit.found, limit.at_most);
        let holds = if limit.holds { "ok" } else { "NOT REACHED" };
        let unit = &limit.unit;
        let _ = writeln!(text, "{}: {found:.1} {unit}, at most {at_most:.0}: {holds}", limit.title);
    }
    if !compared.is_empty() {
        text.push_str("\nagainst the baseline\n");
        text.push_str(&print::table(
            ["", "floor", "then", "now", "worse by", ""],
            compared.iter().map(of_compared),
        ));
    }
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "\n{}; {}; {:.1} GiB; {}; {}; holobiont {}; {} rounds; {:.0} s",
        machine.cpu,
        count(u64::try_from(machine.cores).unwrap_or(u64::MAX), "core"),
        gib(machine.memory_bytes),
        machine.kernel,
        machine.filesystem,
        report.version,
        report.settings.repeat,
        report.took_s,
    );
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn of_scenario(scenario: &Scenario) -> String {
    let mut rows = Vec::new();
    for (kind, name) in
        [(Kind::Floor, "the machine"), (Kind::Ours, "holobiont"), (Kind::Peer, "other stores")]
    {
        let measured = |row: &&Row| row.kind == kind && row.outcome == Outcome::Valid;
        let mut of_kind = scenario.rows.iter().filter(measured).peekable();
        if of_kind.peek().is_some() {
            rows.push(vec![name.to_owned()]);
        }
        of_kind.for_each(|row| rows.extend(of_row(row)));
    }
    let mut text = format!(
        "{}: {}; {}, {} MB as stored\n{}",
        scenario.name,
        scenario.title,
        count(scenario.sum.records, "record"),
        Grouped(scenario.stored_bytes / 1_000_000),
        print::table(HEADER, rows)
    );
    for row in &scenario.rows {
        let _ = match &row.outcome {
            Outcome::Valid => Ok(()),
            Outcome::Invalid(why) => writeln!(text, "INVALID {} ({}): {why}", row.name, row.title),
            Outcome::Skipped(why) => writeln!(text, "not measured: {}: {why}", row.name),
        };
    }
    text
}

/// A line, and one more for every further ratio.
fn of_row(row: &Row) -> Vec<Vec<String>> {
    let million = row.records_per_s;
    let mut line = vec![
        format!("  {}", row.name),
        format!("{:.2}", million.median / 1e6),
        format!("{:.2}-{:.2}", million.least / 1e6, million.most / 1e6),
        format!("{:.2}", row.gb_per_s.median),
        row.peak_bytes.map_or_else(String::new, |bytes| Grouped(bytes >> 20).to_string()),
    ];
    let mut what = row.title.clone();
    if row.kind == Kind::Peer {
        let _ = write!(what, "; checks {}", row.checks);
    }
    if !row.note.is_empty() {
        let _ = write!(what, "; {}", row.note);
    }
    let mut ratios = row.ratios.iter().map(of_ratio);
    line.extend(ratios.next().unwrap_or_else(|| vec![String::new(); 3]));
    line.push(what);
    let more = ratios.map(|ratio| [vec![String::new(); 5], ratio].concat());
    std::iter::once(line).chain(more).collect()
}

fn of_ratio(ratio: &Ratio) -> Vec<String> {
    let Spread { median, least, most } = ratio.ratio;
    let decimals = if median < 0.1 { 4 } else { 2 };
    let target = match (ratio.at_least, ratio.holds) {
        (Some(at_least), Some(true)) => format!("{at_least:.2} ok"),
        (Some(at_least), Some(false)) => format!("{at_least:.2} NOT REACHED"),
        (Some(at_least), None) => format!("{at_least:.2}"),
        (None, _) => String::new(),
    };
    vec![
        format!("{median:.decimals$} of {}", ratio.against),
        format!("{least:.decimals$}-{most:.decimals$}"),
        target,
    ]
}

fn of_compared(compared: &Compared) -> Vec<String> {
    vec![
        compared.row.clone(),
        compared.floor.clone(),
        format!("{:.3}", compared.then),
        compared.now.map_or_else(|| "not measured".to_owned(), |now| format!("{now:.3}")),
        format!("{:.1} %", compared.worse_percent),
        if compared.regressed { "REGRESSED".to_owned() } else { String::new() },
    ]
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
