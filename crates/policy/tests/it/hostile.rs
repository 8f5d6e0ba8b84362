//! Members that lie, nodes that lie, and orders that come at the worst moment.

use holobiont_identity::OrderAction as Action;
use holobiont_policy::{Cause, Cut, Ignored, Opinion, Standing, Status, Unavailable};

use crate::driver::{Driver, digest, organism};

const SKIP: &str = "on_stall = \"skip\"";
const CARRY_THEN_HOLD: &str = "on_stall = \"carry\"\ncarry_for = 6\nthen = \"hold\"";
const END_OF_TIME: u64 = u64::MAX - 1;

fn one(nodes: u16) -> Driver {
    Driver::new(organism("", &[("a", "", SKIP)]), nodes)
}

fn pair(second: &str) -> Driver {
    Driver::new(organism("", &[("a", "", ""), ("b", "", second)]), 1)
}

fn three() -> Driver {
    Driver::new(organism("", &[("a", "", SKIP), ("b", "", SKIP), ("c", "", SKIP)]), 1)
}

/// `a` begins at clock 1, `b` at `start`; `a` has brought clock 1.
fn from(start: u64) -> Driver {
    let start = format!("start = {start}");
    let mut it = Driver::new(organism("", &[("a", "start = 1", SKIP), ("b", &start, SKIP)]), 1);
    it.day(1, &[0]);
    it
}

fn mismatch() -> Opinion {
    Opinion::Mismatch { head: digest(0) }
}

/// The statuses that a member entered, as the cuts tell of them.
fn entered(cuts: &[Cut], member: u16) -> Vec<Status> {
    let changes = cuts.iter().flat_map(|cut| &cut.changes);
    changes.filter(|change| change.member == member).map(|change| change.to).collect()
}

#[test]
fn a_first_comer_at_the_end_of_time_does_not_take_the_watermark() {
    let mut it = three();
    it.agree(&[(2, 0, END_OF_TIME)]);
    for _ in 0..4 {
        assert_eq!(it.tick(), None, "one of three does not say where the clock begins");
    }
    for clock in 1..=8 {
        it.day(clock, &[0, 1]);
    }
    assert_eq!(it.status(2), Status::Quarantined);
    assert_eq!(it.state.watermark(), Some(8));
}

#[test]
fn a_first_clock_left_open_does_not_hide_the_jump_behind_it() {
    let mut it = three();
    let (offer, _) = it.offer(&[(2, 0, None)]);
    it.vote(0, offer, &[(2, Opinion::Have)]);
    it.agree(&[(2, 1, END_OF_TIME)]);
    it.agree(&[(0, 0, 7), (1, 0, 7)]);
    assert_eq!(it.status(2), Status::Quarantined);
    for _ in 0..6 {
        it.tick();
    }
    assert_eq!(it.state.watermark(), Some(7), "a and b are away, and c may not go on alone");
}

#[test]
fn a_member_whose_first_record_leaves_its_clock_open_still_begins() {
    let mut it = one(1);
    let (offer, _) = it.offer(&[(0, 0, None)]);
    it.vote(0, offer, &[(0, Opinion::Have)]);
    it.tick();
    assert_eq!(it.agree(&[(0, 1, 0)]).and_then(|cut| cut.watermark), Some(0));
}

#[test]
fn one_low_first_clock_does_not_cast_out_the_others() {
    let mut it = three();
    it.agree(&[(0, 0, 1_000), (1, 0, 1_000)]);
    assert_eq!(it.agree(&[(2, 0, 3)]).unwrap().watermark, Some(3));
    assert_eq!([it.status(0), it.status(1)], [Status::Live; 2]);
}

#[test]
fn nothing_of_a_first_clock_that_is_not_believed_is_in_the_cut() {
    let mut it = three();
    it.agree(&[(2, 0, 5_000)]);
    let cut = it.agree(&[(0, 0, 7), (1, 0, 7)]).unwrap();
    assert_eq!(cut.members[2].status, Status::Quarantined);
    assert_eq!(cut.members[2].frontier, None);
}

#[test]
fn a_released_first_clock_does_not_take_the_watermark_either() {
    let mut it = three();
    it.agree(&[(2, 0, END_OF_TIME)]);
    it.agree(&[(0, 0, 7), (1, 0, 7)]);
    it.order(Action::Release { member: 2, up_to: 0 });
    for seq in 1..=30 {
        it.agree(&[(2, seq, END_OF_TIME)]);
        it.tick();
    }
    assert_eq!(it.status(2), Status::Quarantined);
    assert_eq!(it.state.watermark(), Some(7));
}

#[test]
fn a_long_run_of_small_steps_is_no_jump() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    let (offer, _) = it.offer_steps(&[(2, 21, Some(21), 1)]);
    it.vote(0, offer, &[(2, Opinion::Have)]);
    assert_eq!(it.status(2), Status::Live);

    let mut it = Driver::new(organism("", &[("a", "start = 100", SKIP)]), 1);
    let (offer, _) = it.offer_steps(&[(0, 50, Some(150), 1)]);
    it.vote(0, offer, &[(0, Opinion::Have)]);
    assert_eq!(it.status(0), Status::Live, "its first head may be any number of records on");
}

#[test]
fn a_first_head_with_more_history_behind_it_is_no_jump() {
    let mut it = three();
    let (offer, _) = it.offer_steps(&[(2, 99, Some(100), 1)]);
    it.vote(0, offer, &[(2, Opinion::Have)]);
    assert_eq!(it.agree(&[(0, 0, 1), (1, 0, 1)]).unwrap().watermark, Some(1));
    assert_eq!(it.status(2), Status::Live);
}

#[test]
fn a_member_that_was_waited_for_may_step_to_where_the_others_are() {
    let mut it = pair("on_stall = \"hold\"");
    it.day(1, &[0, 1]);
    for clock in 2..=30 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.state.watermark(), Some(1));
    it.day(31, &[0, 1]);
    assert_eq!(it.status(1), Status::Live);
    assert_eq!(it.state.watermark(), Some(31));
}

#[test]
fn a_jump_comes_back_only_by_an_order_that_reaches_it() {
    for (up_to, expected) in [(0, Status::Quarantined), (50, Status::CatchingUp)] {
        let mut it = one(1);
        it.day(1, &[0]);
        it.agree(&[(0, 2, 50)]);
        assert_eq!(it.status(0), Status::Quarantined);
        it.order(Action::Release { member: 0, up_to });
        it.agree(&[(0, 2, 50)]);
        assert_eq!(it.status(0), expected);
    }
}

#[test]
fn after_a_weekend_that_stopped_all_members_orders_bring_them_back() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.agree(&[(0, 2, 50), (1, 2, 50), (2, 2, 50)]);
    for member in 0..3 {
        assert_eq!(it.status(usize::from(member)), Status::Quarantined);
        it.order(Action::Release { member, up_to: 51 });
    }
    for clock in 51..=60 {
        it.day(clock, &[0, 1, 2]);
    }
    assert_eq!(it.status(0), Status::Live);
    assert_eq!(it.state.watermark(), Some(60));
}

#[test]
fn a_jump_after_a_release_is_told_again() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.agree(&[(2, 2, 5_000)]);
    it.day(2, &[0, 1]);
    it.order(Action::Release { member: 2, up_to: 5_000 });
    it.agree(&[(2, 3, 6_000)]);
    let cuts = it.day(3, &[0, 1]);
    assert_eq!(entered(&cuts, 2), [Status::Quarantined]);
    let (_, applied) = it.offer(&[(2, 4, Some(4))]);
    assert_eq!(applied.ignored, [Ignored::NotTaken(2)], "the release is used up");
}

#[test]
fn a_clock_that_goes_back_is_told_as_that() {
    let mut it = pair(SKIP);
    it.day(5, &[0, 1]);
    it.agree(&[(1, 6, 4)]);
    let cuts = it.day(6, &[0]);
    assert_eq!(cuts[0].changes[0].cause, Cause::ClockWentBack { from: 5, to: 4 });
}

#[test]
fn votes_on_an_offer_from_before_a_quarantine_do_not_lift_it() {
    let mut it = one(3);
    it.agree(&[(0, 1, 1)]);
    let (offer, _) = it.offer(&[(0, 2, Some(2))]);
    for node in 1..3 {
        it.vote(node, offer, &[(0, mismatch())]);
    }
    let (offer, _) = it.offer(&[(0, 3, Some(3))]);
    for _ in 0..6 {
        it.tick();
    }
    assert_eq!(it.status(0), Status::Quarantined);
    for node in 0..2 {
        let applied = it.vote(node, offer, &[(0, Opinion::Have)]);
        assert_eq!(applied.ignored, [Ignored::NoSuchOffer(0)]);
    }
    assert_eq!(it.status(0), Status::Quarantined);
}

#[test]
fn a_dispute_over_an_offer_that_is_still_open_counts_at_the_stall() {
    let mut it = one(3);
    it.agree(&[(0, 1, 1)]);
    let (offer, _) = it.offer(&[(0, 2, Some(2))]);
    it.vote(0, offer, &[(0, Opinion::Have)]);
    it.vote(1, offer, &[(0, mismatch())]);
    for _ in 0..5 {
        it.tick();
    }
    assert_eq!(it.status(0), Status::Quarantined);
}

#[test]
fn a_start_clock_lifts_no_quarantine_and_revives_no_retired_member() {
    let mut it = from(5);
    it.agree(&[(1, 0, END_OF_TIME)]);
    for clock in 2..=9 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Quarantined);

    for last_clock in [3, 7] {
        let mut it = from(5);
        it.order(Action::Retire { member: 1, last_clock });
        for clock in 2..=9 {
            it.day(clock, &[0]);
            assert_eq!(it.status(1), Status::Retired);
        }
        assert_eq!(it.state.watermark(), Some(9));
    }
}

#[test]
fn records_lost_before_a_members_start_hold_nothing_up() {
    let mut it = from(5_000);
    let (offer, _) = it.offer(&[(1, 50, Some(2))]);
    it.vote(0, offer, &[(1, Opinion::Unavailable(Unavailable::Gap { earliest: 40 }))]);
    for clock in 2..=9 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Absent);
    assert_eq!(it.state.watermark(), Some(9));
}

#[test]
fn the_watermark_does_not_jump_over_a_members_start() {
    let mut it = from(5);
    assert_eq!(it.agree(&[(0, 9, 9)]).unwrap().watermark, Some(4));
    assert_eq!(it.status(1), Status::Joining);
    assert_eq!(it.agree(&[(1, 0, 9)]).unwrap().watermark, Some(9));
}

#[test]
fn beside_a_member_without_start_another_is_waited_for_from_its_own() {
    let mut it = Driver::new(organism("", &[("a", "", SKIP), ("b", "start = 50", SKIP)]), 1);
    for clock in 1..=49 {
        assert_eq!(it.day(clock, &[0]).len(), 1);
    }
    assert_eq!(it.status(1), Status::Joining);
    assert_eq!(it.agree(&[(0, 50, 50)]), None, "from clock 50 on it is waited for");
}

#[test]
fn a_record_before_its_start_makes_no_member_live() {
    let mut it = from(5);
    it.agree(&[(1, 0, 4)]);
    assert_eq!(it.status(1), Status::Absent);
    it.agree(&[(1, 1, 5)]);
    assert_eq!(it.status(1), Status::Live);
}

#[test]
fn history_before_the_start_makes_nobody_absent() {
    let members = [("a", "start = 10", SKIP), ("b", "start = 10", SKIP)];
    let mut it = Driver::new(organism("", &members), 1);
    for clock in 1..=9 {
        assert_eq!(it.day(clock, &[0, 1]), []);
    }
    let cuts = it.day(10, &[0, 1]);
    assert_eq!([it.status(0), it.status(1)], [Status::Live; 2]);
    assert_eq!((cuts[0].watermark, cuts[0].weight), (Some(10), 2));
}

#[test]
fn a_clock_rule_that_adds_closes_what_lies_before_the_first_record() {
    let offset = "clock = { offset = 100, divide = 1 }";
    let mut it = Driver::new(organism("", &[("a", offset, ""), ("b", "", "")]), 1);
    let (offer, _) = it.offer(&[(0, 0, None), (1, 0, Some(99))]);
    let applied = it.vote(0, offer, &[(0, Opinion::Have), (1, Opinion::Have)]);
    assert_eq!(applied.cut.unwrap().watermark, Some(99));
}

#[test]
fn a_member_that_lags_and_is_waited_for_is_late_once_and_never_stalls() {
    let held = "max_lag = 3\non_stall = \"hold\"";
    let mut it = Driver::new(organism("", &[("a", "", ""), ("b", "", ""), ("c", "", held)]), 1);
    let mut cuts = it.day(1, &[0, 1, 2]);
    for seq in 2..=40 {
        cuts.extend(it.agree(&[(0, seq, 3 * seq), (1, seq, 3 * seq), (2, seq, seq)]));
        cuts.extend(it.tick());
    }
    assert_eq!(entered(&cuts, 2), [Status::Joining, Status::Live, Status::Late]);
}

#[test]
fn a_member_that_lags_is_not_live_again_until_it_is_near() {
    let lagging = "max_lag = 3\non_stall = \"skip\"";
    let members = [("a", "", SKIP), ("b", "", SKIP), ("c", "", SKIP), ("d", "", lagging)];
    let mut it = Driver::new(organism("", &members), 1);
    let mut cuts = it.day(1, &[0, 1, 2, 3]);
    for seq in 2..=40 {
        cuts.extend(it.agree(&[
            (0, seq, seq),
            (1, seq, seq + 9),
            (2, seq, seq + 9),
            (3, seq, seq),
        ]));
        cuts.extend(it.tick());
    }
    let stalled = Status::Stalled(Standing::Skipped);
    let expected = [Status::Joining, Status::Live, Status::Late, stalled, Status::CatchingUp];
    assert_eq!(entered(&cuts, 3), expected);
}

#[test]
fn one_old_record_does_not_lift_the_end_of_a_carry() {
    let mut it = pair(CARRY_THEN_HOLD);
    it.day(1, &[0, 1]);
    for clock in 2..=6 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Stalled(Standing::Carried));
    it.agree(&[(1, 2, 2)]);
    for clock in 7..=40 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.state.watermark(), Some(8), "carry_for = 6 past clock 2");
}

#[test]
fn after_an_idle_time_nobody_waits_for_a_member_that_cannot_return() {
    let slow = "on_stall = \"skip\"\nlate_after = 100000\nstall_after = 100001";
    for action in [Some(Action::Retire { member: 1, last_clock: 1 }), None] {
        let mut it = Driver::new(organism("", &[("a", "", SKIP), ("b", "", slow)]), 1);
        it.day(1, &[0, 1]);
        match action {
            Some(action) => drop(it.order(action)),
            None => drop(it.agree(&[(1, 2, END_OF_TIME)])),
        }
        for _ in 0..6 {
            it.tick();
        }
        for clock in 2..=9 {
            it.day(clock, &[0]);
        }
        assert_eq!(it.state.watermark(), Some(9));
    }
}

#[test]
fn a_release_reaches_the_jump_however_many_records_come_before_it() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.agree(&[(2, 3, 50)]);
    it.order(Action::Release { member: 2, up_to: 50 });
    it.agree(&[(2, 2, 2)]);
    it.agree(&[(2, 3, 50)]);
    assert_eq!(it.status(2), Status::CatchingUp);
}
