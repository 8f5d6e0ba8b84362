use std::fmt::Write as _;

use super::report::{
    Alone, Down, Flat, Kills, LogFigures, Paced, Processors, Report, Spread, float,
};
use crate::print;
use crate::text::{Grouped, count};

const HEADER: [&str; 3] = ["", "p50 / p99 / most", "what"];

/// A report as people read it.
pub(super) fn render(report: &Report) -> String {
    let floors = &report.floors;
    let mut rows = vec![part("the machine")];
    rows.push(row("fsync", spread(&floors.fsync_ms), "4 KiB appended and synced"));
    let what = "a few bytes there and back over one attested connection";
    rows.push(row("round trip", spread(&floors.attested_round_trip_ms), what));
    report.paced.iter().for_each(|it| paced(it, &mut rows));
    report.flat.iter().for_each(|it| flat(it, &mut rows));
    report.down.iter().for_each(|it| down(it, &mut rows));
    report.kills.iter().for_each(|it| kills(it, &mut rows));
    let settings = &report.settings;
    let mut text = format!(
        "{}, {} of {} bytes{}\n{}",
        count(settings.nodes.into(), "node"),
        count(settings.members.into(), "member"),
        settings.record_bytes,
        if settings.random { ", random" } else { "" },
        print::table(HEADER, rows)
    );
    text.push('\n');
    for limit in &report.limits {
        let holds = match limit.holds {
            Some(true) => ": ok",
            Some(false) => ": NOT REACHED",
            None => "",
        };
        let (title, found, at_most, unit) = (limit.title, limit.found, limit.at_most, limit.unit);
        let _ = writeln!(text, "{title}: {found:.2} {unit}, at most {at_most:.1}{holds}");
    }
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "\n{}; {}; {:.1} GiB; {}; {}; holobiont {}, {} build; SIMULATED TDX; {:.0} s",
        machine.cpu,
        count(u64::try_from(machine.cores).unwrap_or(u64::MAX), "core"),
        float(machine.memory_bytes) / float(1 << 30),
        machine.kernel,
        machine.filesystem,
        report.version,
        report.profile,
        report.took_s,
    );
    for wrong in &report.wrong {
        let _ = writeln!(text, "INVALID: {wrong}");
    }
    text
}

fn paced(it: &Paced, rows: &mut Vec<Vec<String>>) {
    rows.push(part("paced"));
    let (records, seconds) = (count(it.records, "record"), it.seconds);
    let rate = format!("{:.1} /s", it.commits_per_s);
    rows.push(row(
        "commits",
        rate,
        &format!(
            "certified; {:.1} clock events a second, {:.1} cuts; {records} in {seconds:.1} s",
            it.clocks_per_s, it.cuts_per_s
        ),
    ));
    let what = format!(
        "from before the append at the member to its certificate; asked every {:.1} ms (p99 {:.1})",
        it.resolution_ms.p50, it.resolution_ms.p99
    );
    rows.push(row("latency", spread(&it.latency_ms), &what));
    rows.push(row("of that", spread(&it.member_sync_ms), "the member's own append and sync"));
    log(&it.log, rows);
    processors(&it.processors, it.seconds, rows);
}

fn flat(it: &Flat, rows: &mut Vec<Vec<String>>) {
    rows.push(part("flat out"));
    let rate = format!("{} /s", Grouped(rounded(it.records_per_s)));
    let what = format!(
        "certified; {} in {:.1} s, {:.1} cuts a second, {:.0} commits a second",
        count(it.records, "record"),
        it.seconds,
        it.cuts_per_s,
        it.commits_per_s
    );
    rows.push(row("records", rate, &what));
    let what = "of the time members waited for certificates, with 400,000 records on their way";
    rows.push(row("waited", format!("{:.0} %", it.members_waited * 100.0), what));
    alone(&it.alone, rows);
    rows.push(row("ratio", format!("{:.3}", it.of_alone), "the committee's speed to the replay's"));
    log(&it.log, rows);
    processors(&it.processors, it.seconds, rows);
}

fn down(it: &Down, rows: &mut Vec<Vec<String>>) {
    rows.push(part("a node that was down"));
    let what = format!("from its start on, after {}", count(it.records, "record"));
    rows.push(row("caught up", in_s(it.caught_up_s), &what));
    for (name, at_s, what) in [
        ("answers", it.answers_s, "its first answer (these overlap)"),
        ("log comes", it.log_s.0, "the first new entries are committed in its log"),
        ("log there", it.log_s.1, "all entries are in its log"),
        ("records", it.fetched_s, "all records are in its copies, durably"),
        ("folds", it.fold_s.0, "the first new cut is folded"),
        ("folded", it.fold_s.1, "all cuts are folded"),
    ] {
        rows.push(row(name, in_s(at_s), what));
    }
    rows.push(row("processor", in_s(it.cpu_s), "that it had meanwhile"));
    alone(&it.alone, rows);
    let what = format!(
        "of its time to the replay's; {:.2} from its first answer on",
        it.of_alone_once_it_answers
    );
    rows.push(row("ratio", format!("{:.2}", it.of_alone), &what));
}

fn kills(it: &Kills, rows: &mut Vec<Vec<String>>) {
    rows.push(part("the leader killed"));
    let (least, most) = it.election_timeout_ms;
    let what = format!(
        "without a certificate, {} kills; an election timeout is {least} to {most} ms",
        it.kills
    );
    rows.push(row("longest", spread(&it.without_certificates_ms), &what));
    let what = "from the kill until another leader is known";
    rows.push(row("elected", spread(&it.without_leader_ms), what));
}

fn alone(it: &Alone, rows: &mut Vec<Vec<String>>) {
    let cold = it.cold_seconds.map_or_else(String::new, |cold_s| format!(", {cold_s:.2} s cold"));
    let what = format!(
        "a replay by one process: {} in {:.2} s{cold}",
        count(it.records, "record"),
        it.seconds
    );
    rows.push(row("alone", format!("{} /s", Grouped(rounded(it.records_per_s))), &what));
}

fn log(it: &LogFigures, rows: &mut Vec<Vec<String>>) {
    let what = format!(
        "of replicated log per 1,000 records; {} entries, {} fsyncs of {:.2} ms at the leader",
        Grouped(rounded(it.entries)),
        Grouped(rounded(it.fsyncs)),
        it.fsync_mean_ms
    );
    rows.push(row("log", format!("{} bytes", Grouped(rounded(it.bytes_per_1000_records))), &what));
}

fn processors(it: &Processors, seconds: f64, rows: &mut Vec<Vec<String>>) {
    let nodes: Vec<String> =
        it.nodes_cpu_s.iter().map(|cpu_s| format!("{:.2}", cpu_s / seconds)).collect();
    let what = format!(
        "of all cores busy: nodes {} cores, members and measuring {:.2}; {:.1} s of nodes",
        nodes.join(" + "),
        it.members_cpu_s / seconds,
        it.nodes_cpu_s.iter().sum::<f64>()
    );
    rows.push(row("processors", format!("{:.0} %", it.busy * 100.0), &what));
}

fn part(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

fn row(name: &str, found: String, what: &str) -> Vec<String> {
    vec![format!("  {name}"), found, what.to_owned()]
}

fn spread(it: &Spread) -> String {
    format!("{:.2} / {:.2} / {:.2} ms", it.p50, it.p99, it.most)
}

fn in_s(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for people")]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}
