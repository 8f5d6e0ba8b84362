use super::page;
use crate::report::{Kind, Limit, Outcome, Ratio, Row, Scenario, Spread};
use crate::{Machine, Report, Settings, Sum};

/// Bytes that a page of six scenarios of forty rows must stay below.
const MAX_PAGE_BYTES: usize = 600_000;

fn spread(median: f64) -> Spread {
    Spread { median, least: median * 0.9, most: median * 1.1 }
}

fn row(name: &str, kind: Kind, millions: f64) -> Row {
    Row {
        name: name.into(),
        title: format!("the {name}"),
        kind,
        checks: "nothing".into(),
        records: 1_000_000,
        bytes: 288_000_000,
        seconds: spread(1.0 / millions),
        cpu_seconds: spread(1.0 / millions),
        records_per_s: spread(millions * 1e6),
        gb_per_s: spread(millions * 0.288),
        ratios: Vec::new(),
        peak_bytes: Some(96 << 20),
        outcome: Outcome::Valid,
        note: String::new(),
    }
}

fn ratio(against: &str, median: f64, at_least: Option<f64>) -> Ratio {
    let holds = at_least.map(|least| median >= least);
    Ratio { against: against.into(), ratio: spread(median), at_least, holds }
}

fn report() -> Report {
    let mut replay = row("replay-2-cores", Kind::Ours, 19.5);
    replay.ratios = vec![ratio("floor", 0.93, Some(0.9)), ratio("redb", 6.1, Some(7.0))];
    let rows = vec![row("floor", Kind::Floor, 21.0), replay, row("redb", Kind::Peer, 3.2)];
    let machine = Machine {
        cpu: "A Processor".into(),
        cores: 2,
        memory_bytes: 24 << 30,
        kernel: "Linux 6.12".into(),
        filesystem: "ext4".into(),
    };
    Report {
        version: "0.1.0".into(),
        started: "2026-11-24T09:00:00Z".into(),
        took_s: 171.0,
        machine,
        settings: Settings::default(),
        valid: true,
        scenarios: vec![Scenario {
            name: "fixed-256".into(),
            title: "payloads of 256 bytes".into(),
            sum: Sum { records: 1_000_000, payload_bytes: 256_000_000, mix: 0x0123_4567_89ab_cdef },
            head: None,
            stored_bytes: 288_000_000,
            rows,
        }],
        limits: vec![Limit {
            name: "open".into(),
            title: "open a sealed log".into(),
            unit: "ms".into(),
            found: 3.25,
            at_most: 20.0,
            holds: true,
        }],
        notes: Vec::new(),
    }
}

#[test]
fn it_says_what_was_reached_and_what_was_missed() {
    let html = page(&report());
    for text in [
        "<h1>19.5 M records/s</h1>",
        "0.93 of what the same machine can do: the floor.",
        "<dd>2 of 3<",
        "A Processor",
        "<td class=\"num strong\" data-label=\"ratio\">6.10</td>",
        "✗ missed",
        "✓ holds",
        "3.25 ms",
        "96.0 MiB",
        "0123456789abcdef",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("INVALID"));
    assert!(!html.contains("A quick run"));
}

#[test]
fn the_scale_is_round_and_takes_in_the_fastest() {
    let mut report = report();
    report.scenarios[0].rows[0].records_per_s = spread(230e6);
    let labels = |html: &str| -> Vec<String> {
        let ticks = html.split("class=\"tick").skip(1);
        let text = ticks.filter_map(|it| it.split('>').nth(1)?.split('<').next());
        text.map(str::to_owned).collect()
    };
    assert_eq!(labels(&page(&report)), ["0", "50", "100", "150", "200", "250", "300"]);
    report.scenarios[0].rows.truncate(1);
    report.scenarios[0].rows[0].records_per_s = spread(0.2e6);
    assert_eq!(labels(&page(&report)), ["0", "0.05", "0.1", "0.15", "0.2", "0.25"]);
}

#[test]
fn an_invalid_run_says_so_first_and_draws_no_bar_for_it() {
    let mut report = report();
    report.valid = false;
    let bars = |report: &Report| page(report).matches("<svg class=\"bar\"").count();
    let before = bars(&report);
    let why = "it read 5 records of 6";
    report.scenarios[0].rows[2].outcome = Outcome::Invalid(why.into());
    let html = page(&report);
    assert_eq!(bars(&report), before - 1);
    let first = html.find("INVALID").unwrap();
    assert!(first < html.find("class=\"facts\"").unwrap());
    assert!(html.contains("<b>fixed-256/redb</b>: it read 5 records of 6"));
}

#[test]
fn what_could_not_be_measured_says_why() {
    let mut report = report();
    report.scenarios[0].rows[0].outcome = Outcome::Skipped("not cold here".into());
    assert!(page(&report).contains("<b>not measured</b>: not cold here"));
}

#[test]
fn whatever_the_report_holds_it_stays_text_and_within_the_figure() {
    let hostile = "</title><script>alert(\"1\")</script>&'\u{202e}\u{0}";
    let mut report = report();
    report.machine.cpu = hostile.into();
    report.started = "é".repeat(9);
    report.notes.push(hostile.into());
    report.scenarios[0].head = Some(hostile.into());
    let row = &mut report.scenarios[0].rows[1];
    (row.title, row.checks, row.note) = (hostile.into(), hostile.into(), hostile.into());
    row.records_per_s = Spread { median: f64::NAN, least: f64::NEG_INFINITY, most: f64::INFINITY };
    let html = page(&report);
    assert!(!html.contains("<script"));
    assert!(!html.contains(['\u{202e}', '\u{0}']));
    assert!(!html.contains("=\"-") && !html.contains("=\"inf"));
}

#[test]
fn nothing_measured_is_still_a_page() {
    let mut report = report();
    report.scenarios[0].rows.clear();
    report.limits.clear();
    assert!(page(&report).contains("Nothing of ours was measured."));
    report.scenarios.clear();
    assert!(page(&report).ends_with("</html>\n"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_is_small() {
    let mut report = report();
    let scenario = &mut report.scenarios[0];
    scenario.rows.extend((0..40).map(|at| row(&format!("row-{at}"), Kind::Ours, 5.0)));
    report.scenarios = vec![report.scenarios[0].clone(); 6];
    let html = page(&report);
    for outside in ["//", "<script", "@import", " src=", "<link rel=\"stylesheet"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.len() < MAX_PAGE_BYTES, "{}", html.len());
}

#[test]
fn every_class_is_in_the_style_sheet() {
    let html = page(&report());
    for classes in html.split("class=\"").skip(1) {
        for class in classes.split('"').next().unwrap().split(' ') {
            assert!(super::STYLE.contains(&format!(".{class}")), "{class}");
        }
    }
}
