use holobiont_policy::{Standing, Status};

use super::look::{STATUSES, look};
use super::text::fixed;
use super::{Page, Point, STYLE, Span, Timeline};
use crate::text::{Grouped, iso};

/// Bytes that a page of three decades and forty members must stay below.
const MAX_PAGE_BYTES: usize = 400_000;
const ONE: i128 = 100_000_000;

fn page(first_day: i64, last_day: i64) -> Page<'static> {
    Page {
        organism: "signals.test",
        stable_id: "1".repeat(64),
        content_hash: "2".repeat(64),
        output_head: "3".repeat(64),
        state_digest: "4".repeat(64),
        facts: vec![("commits".into(), "7 (5 normal, 2 degraded)".into())],
        first_day,
        last_day,
        members: Vec::new(),
        index: Vec::new(),
        source_note: "Source: nobody",
    }
}

fn member(name: &str, spans: &[(i64, i64, Status)]) -> Timeline {
    let span = |&(from_day, to_day, status)| Span { from_day, to_day, status };
    Timeline { name: name.into(), records: 1_234, spans: spans.iter().map(span).collect() }
}

fn point(day: i64, whole: i128) -> Point {
    Point { day, value_e8: whole * ONE, degraded: false }
}

#[test]
fn a_hostile_name_stays_text() {
    let hostile = "</title><script>alert(\"1\")</script>&'\u{202e}\u{0}";
    let mut page = page(0, 9);
    page.organism = hostile;
    page.source_note = hostile;
    page.facts.push((hostile.into(), hostile.into()));
    page.stable_id = hostile.into();
    page.members.push(member(hostile, &[(0, 5, Status::Live), (5, 10, Status::Retired)]));
    let html = page.render();
    assert!(!html.contains("<script"));
    assert!(!html.contains(['\u{202e}', '\u{0}']));
    assert!(html.contains("&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)"));
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let mut page = page(0, 9);
    page.members.push(member("a", &[(0, 10, Status::Live)]));
    page.index = (0..10).map(|day| point(day, 100)).collect();
    let html = page.render();
    for outside in ["//", "<script", "@import", " src=", "<link rel=\"stylesheet"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html.matches("url(").count(), html.matches("url(#fill-").count());
    for id in html.split("url(#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(html.contains(&format!("<pattern id=\"{id}\"")), "{id}");
    }
}

#[test]
fn every_status_is_in_the_legend_and_in_the_style_sheet() {
    let html = page(0, 9).render();
    let legend = html.split("<ul class=\"legend\"").nth(1).and_then(|it| it.split("</ul>").next());
    let legend = legend.unwrap_or_default();
    for status in STATUSES {
        assert!(legend.contains(&format!("</svg>{}</li>", status.name())), "{}", status.name());
        assert!(STYLE.contains(&format!("\n.{} {{ fill: ", look(status).class)));
    }
    assert_eq!(legend.matches("<li").count(), STATUSES.len());
}

#[test]
fn no_two_statuses_look_the_same() {
    let mut classes = STATUSES.map(|status| look(status).class).to_vec();
    classes.sort_unstable();
    classes.dedup();
    assert_eq!(classes.len(), STATUSES.len());
    assert!(look(Status::Quarantined).height > look(Status::Live).height);
}

#[test]
fn odd_pages_do_not_panic() {
    let extreme = [i64::MIN, -1, 0, i64::MAX];
    for first in extreme {
        for last in extreme {
            let mut page = page(first, last);
            assert!(page.render().contains("No commit was made"));
            page.members.push(member("", &[]));
            page.members.push(member("one", &[(last, first, Status::CatchingUp)]));
            page.members.push(member("two", &[(i64::MIN, i64::MAX, Status::Retired)]));
            for value_e8 in [i128::MIN, 0, i128::MAX] {
                page.index.push(Point { day: last, value_e8, degraded: true });
            }
            let html = page.render();
            assert!(!html.contains("NaN") && !html.contains("inf\""));
            assert!(html.len() < MAX_PAGE_BYTES);
        }
    }
}

#[test]
fn three_decades_stay_small() {
    let (first, last) = (10_595, 20_756);
    let mut page = page(first, last);
    let spans = [
        (first, 14_224, Status::Live),
        (14_224, 14_229, Status::Late),
        (14_229, 14_253, Status::Stalled(Standing::Carried)),
        (14_253, 17_563, Status::Stalled(Standing::Skipped)),
        (17_563, 17_567, Status::CatchingUp),
        (17_567, last + 1, Status::Live),
    ];
    page.members = (0..41).map(|_| member("ISK", &spans)).collect();
    page.index = (first..=last).map(|day| point(day, i128::from(day * 7_919 % 40 + 80))).collect();
    assert!(page.render().len() < MAX_PAGE_BYTES);
}

#[test]
fn a_short_stall_in_a_long_life_can_be_seen() {
    let mut page = page(0, 9_999);
    let stall = Status::Stalled(Standing::Skipped);
    let spans = [(0, 5_000, Status::Live), (5_000, 5_003, stall), (5_003, 10_000, Status::Live)];
    page.members.push(member("brief", &spans));
    let html = page.render();
    // Three days of ten thousand are 0.28 units: drawn 3 wide around their middle, 536.14.
    let bar = "<rect class=\"skipped\" x=\"534.6\" y=\"29\" width=\"3.0\" height=\"13\"/>";
    let title = "<title>brief: stalled (skipped), 1983-09-10 to 1983-09-12: ";
    let (seen, told) = (html.rfind(bar), html.find(title));
    assert!(seen.is_some() && told.is_some(), "{html}");
    assert!(seen > html.rfind("class=\"live\" x=\"76.0\""), "drawn over its neighbours");
}

#[test]
fn the_plot_marks_its_extremes_its_last_value_and_its_degraded_days() {
    let mut page = page(0, 399);
    page.index = (0..400).map(|day| point(day, 100)).collect();
    page.index[100].value_e8 = 150 * ONE;
    page.index[200].value_e8 = 50 * ONE;
    page.index[399].value_e8 = 123_456_789_012;
    for point in &mut page.index[30..90] {
        point.degraded = true;
    }
    let html = page.render();
    assert!(html.contains(">min 50.00 · 1970-07-20</text>"));
    assert!(html.contains(">1234.57</text>"));
    assert!(!html.contains(">max "), "the last value is the greatest and has its own label");
    assert!(html.contains("degraded: 60 commits, 1970-01-31 to 1970-03-31"));
    assert!(html.contains("<path class=\"base\""));
}

#[test]
fn a_long_pause_breaks_the_line() {
    let mut page = page(0, 199);
    page.index = (0..50).chain(150..200).map(|day| point(day, 100)).collect();
    let html = page.render();
    let line = html.split("class=\"line\" d=\"").nth(1).and_then(|it| it.split('"').next());
    assert_eq!(line.map(|line| line.matches('M').count()), Some(2));
}

#[test]
fn the_table_groups_what_happened_on_one_day() {
    let mut page = page(0, 99);
    let joins = [(0, 10, Status::Joining), (10, 100, Status::Live)];
    let delays = [(0, 10, Status::Live), (10, 12, Status::Late), (12, 100, Status::Live)];
    page.members = vec![member("a", &joins), member("b", &joins), member("c", &delays)];
    let html = page.render();
    assert!(html.contains("<td>1970-01-11</td><td>joining</td><td>live</td><td>a, b</td>"));
    assert_eq!(html.matches("<tr><td>").count(), 1, "a short delay is no news");
}

#[test]
fn the_time_axis_counts_in_days_months_and_years() {
    for (last_day, label) in
        [(0, "1970-01-01"), (40, "1970-01-06"), (500, "1970-04"), (9_000, "1990")]
    {
        let mut page = page(0, last_day);
        page.members.push(member("a", &[(0, last_day + 1, Status::Live)]));
        assert!(page.render().contains(&format!(">{label}</text>")), "{label}");
    }
}

#[test]
fn numbers_and_days_are_written_exactly() {
    assert_eq!(fixed(10_041_500_000, 2), "100.42");
    assert_eq!(fixed(-1, 8), "−0.00000001");
    assert_eq!(fixed(-1, 2), "0.00");
    assert_eq!(fixed(99_999_999, 0), "1");
    assert_eq!(iso(20_756), "2026-10-30");
    assert_eq!(iso(i64::MAX), "day 9223372036854775807");
    assert_eq!(Grouped(207_563).to_string(), "207,563");
    assert_eq!(Grouped(7).to_string(), "7");
}
