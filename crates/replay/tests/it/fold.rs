use holobiont_identity::OrderAction as Action;
use holobiont_identity::ReplayOrder;
use holobiont_policy::{Grade, Status};
use holobiont_replay::{Published, ReplayError, Surfaces};

use crate::script::Script;
use crate::world::{Entry, World, days, organism};

fn entry(clock: u64, closes: bool, payload: &str) -> Entry {
    (clock, closes, payload.to_owned())
}

#[test]
fn records_come_by_clock_then_member_then_sequence() {
    let a = vec![entry(1, false, "a1"), entry(1, true, "a1b"), entry(3, true, "a3")];
    let b = vec![entry(1, true, "b1"), entry(2, true, "b2"), entry(3, true, "b3")];
    let world = World::new(organism("", &[("a", ""), ("b", "")]), &[a, b]);
    let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
    assert_eq!(
        outcome.lines,
        [
            "0 joining",
            "1 joining",
            "0 live",
            "1 live",
            "0#0@1 a1",
            "0#1@1 a1b",
            "1#0@1 b1",
            "closed 1",
            "1#1@2 b2",
            "closed 2",
            "0#2@3 a3",
            "1#2@3 b3",
            "closed 3",
        ]
    );
}

#[test]
fn late_records_come_first_and_are_flagged_or_dropped() {
    for (policy, folded, dropped) in [("fold", 4, 0), ("drop", 1, 3)] {
        let keys = format!("[member.policy]\non_late_data = \"{policy}\"");
        let world = World::new(
            organism("", &[("a", "start = 1"), ("b", &keys)]),
            &[days(1..=5), days(1..=4)],
        );
        let surfaces = world.surfaces("surfaces").unwrap();
        let mut script = Script::new(&world.organism, &surfaces);
        // b is not there, so a's first three days are cut without it; then b brings all at once.
        script.agree(&[(0, 2)]).tick().tick().agree(&[(1, 3)]).agree(&[(0, 4)]);
        let (lines, positions) = script.run(&world, &surfaces);
        assert_eq!((positions[1].folded, positions[1].dropped_late), (folded, dropped));
        let tail = if policy == "fold" {
            vec!["1#0@1 d1 late", "1#1@2 d2 late", "1#2@3 d3 late", "0#3@4 d4", "1#3@4 d4"]
        } else {
            vec!["0#3@4 d4", "1#3@4 d4"]
        };
        let end = ["closed 4", "0#4@5 d5", "closed 5"];
        let expected: Vec<&str> = tail.into_iter().chain(end).collect();
        assert_eq!(lines[lines.len() - expected.len()..], expected);
    }
}

#[test]
fn a_clock_that_jumps_is_its_own_trouble() {
    let b_jumps = vec![entry(1, true, "b1"), entry(5_000, true, "b5000")];
    let world = World::new(organism("", &[("a", ""), ("b", "")]), &[days(1..=6), b_jumps]);
    let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
    assert_eq!(outcome.statuses[1], Status::Quarantined);
    assert_eq!(outcome.watermark, Some(6));
    assert_eq!(outcome.positions[1].folded, 1);
}

#[test]
fn a_member_is_taken_from_its_start_clock_on() {
    let world = World::new(
        organism("", &[("a", "start = 1"), ("b", "start = 3")]),
        &[days(1..=4), days(1..=4)],
    );
    let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
    assert_eq!(outcome.positions[1].before_start, 2);
    assert_eq!(outcome.positions[1].folded, 2);
    assert_eq!(outcome.lines.iter().filter(|line| line.starts_with("1#")).count(), 2);
}

#[test]
fn a_retired_member_ends_at_its_last_clock() {
    let world = World::new(organism("", &[("a", ""), ("b", "")]), &[days(1..=6), days(1..=6)]);
    let action = Action::Retire { member: 1, last_clock: 3 };
    let (outcome, _) = world.replay("surfaces", "out", &[ReplayOrder { clock: 2, action }], &[]);
    assert_eq!(outcome.statuses, [Status::Live, Status::Retired]);
    assert_eq!(outcome.positions[1].folded, 3);
    let retired = outcome.lines.iter().position(|line| line == "1 retired").unwrap();
    assert_eq!(outcome.lines[retired - 1], "closed 3");
}

#[test]
fn a_surface_whose_beginning_is_gone_is_gapped() {
    for (on_gap, folded, watermark) in [("skip", 12, Some(20)), ("hold", 0, None)] {
        let keys = format!("[member.policy]\non_gap = \"{on_gap}\"");
        let world = World::new(organism("", &[("a", ""), ("b", &keys)]), &[days(1..=20)]);
        world.write_surface("surfaces", 1, &days(1..=20), 1);
        let dir = world.path("surfaces").join("b");
        let (mut writer, _) =
            holobiont_surface::SurfaceWriter::open(&dir, Default::default()).unwrap();
        assert_eq!(writer.retain_from(8).unwrap().earliest, 8);
        drop(writer);
        let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
        assert_eq!(outcome.positions[1].folded, folded);
        assert_eq!(outcome.positions[1].lost_to_gap, if folded > 0 { 8 } else { 0 });
        assert_eq!(outcome.watermark, watermark);
    }
}

#[test]
fn commits_carry_grade_statuses_evidence_and_citations() {
    let head = "[floor]\nnormal = 2";
    let world = World::new(organism(head, &[("a", ""), ("b", "")]), &[days(1..=6), days([1, 2])]);
    world.replay("surfaces", "out", &[], &[]);
    let published = world.published("out");
    let commits: Vec<_> = published
        .iter()
        .filter_map(|(clock, _, published)| match published {
            Published::Commit(commit) => Some((*clock, commit)),
            _ => None,
        })
        .collect();
    let grades: Vec<_> = commits.iter().map(|(clock, commit)| (*clock, commit.grade)).collect();
    assert_eq!(
        grades,
        [
            (1, Grade::Normal),
            (2, Grade::Normal),
            (4, Grade::Degraded),
            (4, Grade::Degraded),
            (5, Grade::Degraded),
            (6, Grade::Degraded)
        ],
        "clocks 3 and 4 are cut together when b stalls"
    );
    let last = commits.last().unwrap().1;
    assert_eq!(last.evidence.len(), 2, "b is cited though nothing of it was taken");
    assert_eq!(last.evidence[0].taken, Some((5, 5)));
    assert_eq!(last.evidence[1].taken, None);
    assert_eq!(last.evidence[1].head.seq, 1);
    assert_eq!(last.citations.len(), 2);
    assert!(published.last().unwrap().1, "the last record of a cut closes its clock");
    let statuses = published
        .iter()
        .filter(|(_, _, published)| matches!(published, Published::Status(_)))
        .count();
    assert_eq!(statuses, 6, "two join, two go live, b is late, b stalls");
}

#[test]
fn every_member_without_a_surface_is_named() {
    let world = World::new(organism("", &[("a", ""), ("b", "")]), &[]);
    std::fs::create_dir_all(world.path("surfaces")).unwrap();
    let error = world.surfaces("surfaces").unwrap_err().to_string();
    assert!(error.contains("a: no surface") && error.contains("b: no surface"), "{error}");

    let other = organism("", &[("a", ""), ("b", "")]);
    let foreign = World { dir: world.dir, organism: other };
    foreign.write_surface("surfaces", 0, &days(1..=2), 1 << 20);
    std::fs::rename(foreign.path("surfaces").join("a"), foreign.path("surfaces").join("b"))
        .unwrap();
    let error = foreign.surfaces("surfaces").unwrap_err().to_string();
    assert!(!error.contains("a: no surface"), "found by its genesis, whatever its folder");
    assert!(error.contains("b: ") && error.contains("made for another stable id"), "{error}");
}

#[test]
fn members_that_need_more_memory_than_the_budget_are_refused() {
    let world = World::new(organism("", &[("a", "")]), &[days(1..=2)]);
    let error = Surfaces::open(&world.organism, &world.path("surfaces"), 8191).unwrap_err();
    assert!(matches!(error, ReplayError::MemoryBudget { needed_bytes: 8192, .. }), "{error}");
}
