use holobiont_policy::{Cause, Grade, Opinion, Standing, Status, Unavailable};

use crate::driver::{Driver, organism};

fn pair(second: &str) -> Driver {
    Driver::new(organism("", &[("a", "", ""), ("b", "", second)]), 3)
}

#[test]
fn a_member_joins_stalls_is_skipped_and_recovers() {
    let mut it = pair("on_stall = \"skip\"");
    assert_eq!(it.status(1), Status::Joining);
    it.day(1, &[0, 1]);
    assert_eq!(it.status(1), Status::Live);
    it.day(2, &[0]);
    assert_eq!(it.status(1), Status::Live, "one tick without a move is not late yet");
    it.day(3, &[0]);
    assert_eq!(it.status(1), Status::Late);
    it.day(4, &[0]);
    assert_eq!(it.state.watermark(), Some(1), "a late member still holds the watermark");
    let cuts = it.day(5, &[0]);
    assert_eq!(it.status(1), Status::Stalled(Standing::Skipped));
    assert_eq!(cuts.len(), 1);
    assert_eq!(cuts[0].watermark, Some(5), "the tick that stalls it makes the cut");
    assert_eq!(cuts[0].previous_watermark, Some(1));
    let told: Vec<_> = cuts[0].changes.iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(
        told,
        [(Status::Live, Status::Late), (Status::Late, Status::Stalled(Standing::Skipped))]
    );
    assert_eq!(cuts[0].changes[1].cause, Cause::NoMove { ticks: 4 });

    it.day(6, &[0, 1]);
    assert_eq!(it.status(1), Status::CatchingUp);
    it.day(7, &[0, 1]);
    assert_eq!(it.status(1), Status::Live, "recover_after = 2 ticks at the watermark");
}

#[test]
fn hysteresis_a_member_that_falls_back_while_catching_up_starts_again() {
    let mut it = pair("on_stall = \"skip\"");
    it.day(1, &[0, 1]);
    for clock in 2..=5 {
        it.day(clock, &[0]);
    }
    it.day(6, &[0, 1]);
    it.day(7, &[0]);
    it.day(8, &[0, 1]);
    assert_eq!(it.status(1), Status::CatchingUp, "two ticks at the watermark, but not in a row");
    for clock in 9..=12 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Stalled(Standing::Skipped));
}

#[test]
fn hold_waits_for_ever() {
    let mut it = pair("on_stall = \"hold\"");
    it.day(1, &[0, 1]);
    for clock in 2..=200 {
        assert_eq!(it.day(clock, &[0]), [], "nothing is cut while b is held");
    }
    assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    let cut = it.agree(&[(1, 2, 9)]).expect("b came back");
    assert_eq!(cut.watermark, Some(9), "the organism goes on with it, not without it");
    assert_eq!(cut.members[1].status, Status::Live);
    assert_eq!(cut.weight, 2);
}

#[test]
fn carry_counts_while_it_lasts_then_skips() {
    let mut it = pair("on_stall = \"carry\"\ncarry_for = 6\nthen = \"skip\"");
    it.day(1, &[0, 1]);
    let mut weights = Vec::new();
    for clock in 2..=9 {
        for cut in it.day(clock, &[0]) {
            weights.push((cut.watermark.unwrap(), cut.weight, cut.members[1].status));
        }
    }
    let carried = Status::Stalled(Standing::Carried);
    let skipped = Status::Stalled(Standing::Skipped);
    assert_eq!(
        weights,
        [(5, 2, carried), (6, 2, carried), (7, 2, carried), (8, 1, skipped), (9, 1, skipped)]
    );
}

#[test]
fn carry_then_hold_stops_where_the_carry_ends() {
    let mut it = pair("on_stall = \"carry\"\ncarry_for = 6\nthen = \"hold\"");
    it.day(1, &[0, 1]);
    let mut last = None;
    for clock in 2..=20 {
        last = it.day(clock, &[0]).pop().or(last);
    }
    let last = last.unwrap();
    assert_eq!(last.watermark, Some(7));
    assert_eq!(last.members[1].status, Status::Stalled(Standing::Carried));
    assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    assert_eq!(it.day(21, &[0, 1]).pop().unwrap().watermark, Some(21));
}

#[test]
fn a_member_held_after_its_carry_stops_the_watermark_until_it_has_caught_up() {
    let mut it = pair("on_stall = \"carry\"\ncarry_for = 6\nthen = \"hold\"");
    it.day(1, &[0, 1]);
    for clock in 2..=20 {
        it.day(clock, &[0]);
    }
    for closed in 2..7 {
        assert_eq!(it.agree(&[(1, closed, closed)]), None);
        assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    }
    assert_eq!(it.agree(&[(1, 7, 7)]), None, "level with the watermark: live, nothing new yet");
    assert_eq!(it.status(1), Status::Live);
    assert_eq!(it.agree(&[(1, 8, 8)]).unwrap().watermark, Some(8));
}

#[test]
fn a_carried_member_alone_never_pulls_the_watermark() {
    let carry = "on_stall = \"carry\"\ncarry_for = 1000\nthen = \"hold\"";
    let mut it = Driver::new(organism("", &[("a", "", carry), ("b", "", carry)]), 1);
    it.day(1, &[0, 1]);
    for _ in 0..20 {
        assert_eq!(it.tick(), None);
    }
    assert_eq!(it.status(0), Status::Stalled(Standing::Carried));
    assert_eq!(it.state.watermark(), Some(1));
}

#[test]
fn a_member_that_never_comes_is_absent_and_holds_nothing() {
    let mut it = Driver::new(organism("", &[("a", "start = 1", ""), ("b", "", "")]), 3);
    assert_eq!(it.day(1, &[0]), []);
    assert_eq!(it.day(2, &[0]), []);
    let cuts = it.day(3, &[0]);
    assert_eq!(it.status(1), Status::Absent);
    assert_eq!(cuts[0].watermark, Some(3));
    it.day(4, &[0, 1]);
    assert_eq!(it.status(1), Status::CatchingUp);
}

#[test]
fn a_member_is_expected_from_its_start_clock_on() {
    let members = [("a", "start = 1", ""), ("b", "start = 5", "")];
    let mut it = Driver::new(organism("", &members), 1);
    for clock in 1..=3 {
        assert_eq!(it.day(clock, &[0]).len(), 1, "b is not waited for before its start");
    }
    assert_eq!(it.status(1), Status::Absent);
    it.day(4, &[0]);
    assert_eq!(it.status(1), Status::Joining);
    assert_eq!(it.agree(&[(0, 5, 5)]), None, "from clock 5 on it is waited for");
    let cut = it.agree(&[(1, 0, 5)]).unwrap();
    assert_eq!(cut.watermark, Some(5));
    assert_eq!(it.status(1), Status::Live);
}

#[test]
fn lag_makes_a_moving_member_late_and_then_stalls_it() {
    let mut it = Driver::new(
        organism(
            "",
            &[("a", "", ""), ("b", "", ""), ("c", "", "max_lag = 3\non_stall = \"skip\"")],
        ),
        1,
    );
    it.day(1, &[0, 1, 2]);
    let mut seen = Vec::new();
    for clock in 2..=9 {
        it.agree(&[(0, clock, 3 * clock), (1, clock, 3 * clock), (2, clock, clock)]);
        it.tick();
        seen.push(it.status(2));
    }
    assert_eq!(seen[..2], [Status::Late, Status::Late], "6 and 9 against 2 and 3: over max_lag");
    assert_eq!(seen[3], Status::Stalled(Standing::Skipped));
}

#[test]
fn the_floor_grades_and_halts() {
    let head = "[floor]\nnormal = 3\nhalt_below = 2";
    let members = [
        ("a", "", "weight = 1\non_stall = \"skip\""),
        ("b", "", "weight = 1\non_stall = \"skip\""),
        ("c", "", "weight = 1\non_stall = \"skip\""),
    ];
    let mut it = Driver::new(organism(head, &members), 1);
    assert_eq!(it.day(1, &[0, 1, 2])[0].grade, Grade::Normal);
    let mut grades = Vec::new();
    for clock in 2..=6 {
        grades.extend(it.day(clock, &[0, 1]).into_iter().map(|cut| cut.grade));
    }
    assert_eq!(grades, [Grade::Degraded, Grade::Degraded]);
    for clock in 7..=12 {
        it.day(clock, &[0]);
    }
    assert!(it.state.is_halted());
    assert_eq!(it.state.watermark(), Some(6));
    it.day(13, &[0, 1]);
    it.day(14, &[0, 1]);
    assert!(!it.state.is_halted());
    assert_eq!(it.state.watermark(), Some(14));
}

#[test]
fn an_organism_that_nobody_drives_is_not_halted_by_its_floor() {
    let (head, skip) = ("[floor]\nnormal = 2\nhalt_below = 2", "on_stall = \"skip\"");
    let mut it = Driver::new(organism(head, &[("a", "", skip), ("b", "", skip)]), 1);
    it.day(1, &[0, 1]);
    for clock in 2..=6 {
        it.day(clock, &[0]);
    }
    assert!(it.state.is_halted());
    for _ in 0..6 {
        it.tick();
    }
    assert!(!it.state.is_halted());
}

#[test]
fn records_before_its_start_do_not_keep_a_member_joining_for_ever() {
    let members =
        [("a", "start = 5", "on_stall = \"skip\""), ("b", "start = 5", "on_stall = \"skip\"")];
    let mut it = Driver::new(organism("", &members), 1);
    for seq in 0..20 {
        it.agree(&[(0, seq, 5 + seq), (1, seq, 3)]);
        it.tick();
    }
    assert_eq!(it.status(1), Status::Absent);
    assert_eq!(it.state.watermark(), Some(24));
}

#[test]
fn a_feed_that_had_pruned_its_history_before_the_start_joins_like_any_other() {
    let members = [("a", "start = 100", ""), ("b", "start = 100", "")];
    let mut it = Driver::new(organism("", &members), 1);
    let (offer, _) = it.offer(&[(0, 9, Some(9))]);
    let gap = Opinion::Unavailable(Unavailable::Gap { earliest: 10 });
    it.vote(0, offer, &[(0, gap)]);
    assert_eq!(it.status(0), Status::Joining);
    assert_eq!(it.agree(&[(0, 10, 100), (1, 100, 100)]).unwrap().watermark, Some(100));
    assert_eq!(it.status(0), Status::Live);
}
