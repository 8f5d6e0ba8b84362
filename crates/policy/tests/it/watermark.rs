use holobiont_identity::OrderAction as Action;
use holobiont_policy::{Cause, Status};

use crate::driver::{Driver, organism};

fn three() -> Driver {
    let skip = "on_stall = \"skip\"";
    Driver::new(organism("", &[("a", "", skip), ("b", "", skip), ("c", "", skip)]), 1)
}

#[test]
fn a_clock_that_jumps_to_the_end_of_time_hurts_only_its_member() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.agree(&[(2, 2, u64::MAX)]);
    assert_eq!(it.status(2), Status::Quarantined);
    assert_eq!(it.state.members()[2].frontier.unwrap().seq, 1, "its frontier stays");
    for clock in 2..=6 {
        assert_eq!(it.day(clock, &[0, 1])[0].watermark, Some(clock));
    }
    // Released, it is still where it jumped to, and jumps again.
    it.order(Action::Release { member: 2, up_to: 0 });
    it.agree(&[(2, 3, u64::MAX)]);
    assert_eq!(it.status(2), Status::Quarantined);
    assert_eq!(it.state.watermark(), Some(6));
}

#[test]
fn a_first_clock_far_past_the_others_is_quarantined_when_they_show_theirs() {
    let mut it = three();
    it.agree(&[(2, 0, u64::MAX)]);
    assert_eq!(it.status(2), Status::Live, "nothing to measure it by yet");
    let cut = it.agree(&[(0, 0, 7), (1, 0, 7)]).unwrap();
    assert_eq!(cut.watermark, Some(7));
    assert_eq!(it.status(2), Status::Quarantined);
    let cause = &cut.changes.iter().find(|change| change.to == Status::Quarantined).unwrap().cause;
    assert_eq!(*cause, Cause::ClockJump { from: 7, to: u64::MAX });
}

#[test]
fn a_member_that_returns_after_years_is_measured_from_the_watermark() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    for clock in 2..=500 {
        it.day(clock, &[0, 1]);
    }
    it.agree(&[(2, 2, 501)]);
    assert_eq!(it.status(2), Status::CatchingUp, "max_advance = 10 past the watermark of 500");
}

#[test]
fn after_a_time_without_any_holder_the_first_to_return_waits_for_the_others() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    for _ in 0..6 {
        it.tick();
    }
    for clock in 2..=3 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(0), Status::Live);
    assert_eq!(it.state.watermark(), Some(1), "late_after = 2 ticks have not passed");
    it.day(3, &[1]);
    let cut = it.tick_to_cut();
    assert_eq!(cut.watermark, Some(3));
}

#[test]
fn a_quiet_organism_still_makes_checkpoint_cuts_that_take_nothing() {
    let head = "[ticks]\ncheckpoint_every = 10";
    let mut it = Driver::new(organism(head, &[("a", "", "")]), 1);
    it.day(1, &[0]);
    let cut = it.tick_to_cut();
    assert!(cut.checkpoint);
    assert_eq!((cut.number, cut.watermark, cut.previous_watermark), (2, Some(1), Some(1)));
    assert_eq!(cut.changes, [], "changes wait for a cut that publishes");
    assert_eq!(it.state.tick(), 10);
    let cut = it.agree(&[(0, 2, 2)]).unwrap();
    assert!(!cut.changes.is_empty());
}

#[test]
fn clock_rules_bring_members_to_one_clock() {
    let members = [("a", "", ""), ("slots", "clock = { offset = 0, divide = 10 }", "")];
    let mut it = Driver::new(organism("", &members), 1);
    assert_eq!(it.agree(&[(0, 0, 5), (1, 0, 58)]).unwrap().watermark, Some(4));
    assert_eq!(it.agree(&[(1, 1, 59)]).unwrap().watermark, Some(5));
}
