use holobiont_identity::OrderAction as Action;
use holobiont_identity::UniqueId;
use holobiont_policy::{Command, Ignored, MAX_TIME_MS, Order, Standing, Status, Vote};

use crate::driver::{Driver, organism};

fn pair(second: &str) -> Driver {
    Driver::new(organism("", &[("a", "", ""), ("b", "", second)]), 1)
}

fn three() -> Driver {
    let skip = "on_stall = \"skip\"";
    Driver::new(organism("", &[("a", "", skip), ("b", "", skip), ("c", "", skip)]), 1)
}

#[test]
fn a_retired_member_is_taken_to_its_last_clock_and_then_let_go() {
    let mut it = pair("");
    it.day(1, &[0, 1]);
    it.order(Action::Retire { member: 1, last_clock: 2 });
    assert_eq!(it.status(1), Status::Live, "its last clock is still to come");
    let cut = it.day(2, &[0, 1]).pop().unwrap();
    assert_eq!(cut.members[1].status, Status::Live);
    assert_eq!(cut.members[1].last_clock, Some(2));
    assert_eq!(it.status(1), Status::Retired);
    let cut = it.day(3, &[0, 1]).pop().unwrap();
    assert_eq!(cut.watermark, Some(3), "it is not waited for");
    assert_eq!(cut.members[1].frontier.unwrap().seq, 2, "nor asked again");
    assert_eq!(cut.changes[0].to, Status::Retired);
}

#[test]
fn retiring_a_stalled_member_ends_the_wait_at_once() {
    let mut it = pair("on_stall = \"hold\"");
    it.day(1, &[0, 1]);
    for clock in 2..=9 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    let cut = it.order(Action::Retire { member: 1, last_clock: 9 }).cut.unwrap();
    assert_eq!(cut.watermark, Some(9));
    assert_eq!(cut.members[1].status, Status::Retired);
}

#[test]
fn a_member_that_falls_silent_before_its_last_clock_retires_instead_of_stalling() {
    let mut it = pair("on_stall = \"hold\"");
    it.day(1, &[0, 1]);
    it.order(Action::Retire { member: 1, last_clock: 100 });
    for clock in 2..=9 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Retired);
    assert_eq!(it.state.watermark(), Some(9));
}

#[test]
fn a_pause_stops_ticks_and_cuts_and_a_resume_catches_up() {
    let mut it = pair("on_stall = \"skip\"");
    it.day(1, &[0, 1]);
    it.order(Action::Pause);
    for clock in 2..=30 {
        assert_eq!(it.day(clock, &[0, 1]), []);
    }
    assert_eq!(it.state.tick(), 1);
    let cut = it.order(Action::Resume).cut.unwrap();
    assert_eq!(
        cut.watermark,
        Some(30),
        "frontiers went on moving; one cut takes what they reached"
    );
}

#[test]
fn orders_count_up_and_expire() {
    let mut it = pair("");
    let organism = it.organism.stable_id();
    let order = |sequence, expires_ms| {
        Command::Order(Order { organism, sequence, expires_ms, action: Action::Pause })
    };
    it.day(1, &[0, 1]);
    let expired = it.apply(order(5, Some(1)));
    assert_eq!(expired.ignored, [Ignored::ExpiredOrder(5)]);
    assert_eq!(it.apply(order(5, None)).ignored, [Ignored::OldOrder(5)]);
    assert_eq!(it.apply(order(6, None)).ignored, []);
    assert!(it.state.is_paused());
    let nothing = it.order(Action::Release { member: 0, up_to: 0 });
    assert_eq!(nothing.ignored, [Ignored::OldOrder(1)]);
}

#[test]
fn one_node_with_a_false_clock_expires_no_order() {
    let mut it = Driver::new(organism("", &[("a", "", "")]), 3);
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    it.apply(Command::Vote(Vote { node: 2, offer, opinions: Vec::new(), time_ms: MAX_TIME_MS }));
    it.vote(0, offer, &[]);
    let organism = it.organism.stable_id();
    let order = Order { organism, sequence: 1, expires_ms: Some(1_000_000), action: Action::Pause };
    assert_eq!(it.apply(Command::Order(order)).ignored, []);
}

#[test]
fn an_order_for_another_organism_does_nothing() {
    let mut it = pair("");
    let organism = UniqueId::from_name("another");
    let order = Order { organism, sequence: 1, expires_ms: None, action: Action::Pause };
    assert_eq!(it.apply(Command::Order(order)).ignored, [Ignored::OtherOrganism]);
    assert!(!it.state.is_paused());
    assert_eq!(it.order(Action::Pause).ignored, [], "nor does it use up the number");
}

#[test]
fn a_retired_member_that_jumps_stays_retired() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    for clock in 2..=6 {
        it.day(clock, &[0, 1]);
    }
    it.order(Action::Retire { member: 2, last_clock: 20 });
    it.agree(&[(2, 2, 5_000)]);
    assert_eq!(it.status(2), Status::Retired);
    assert_eq!(it.state.members()[2].frontier.unwrap().seq, 1, "the jump is not taken");
}

#[test]
fn retiring_a_quarantined_member_does_not_open_it() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.agree(&[(2, 2, 5_000)]);
    it.order(Action::Retire { member: 2, last_clock: 30 });
    let (_, applied) = it.offer(&[(2, 3, Some(3))]);
    assert_eq!(applied.ignored, [Ignored::NotTaken(2)]);
}

#[test]
fn a_member_quarantined_after_its_retirement_was_ordered_stays_shut() {
    let mut it = three();
    it.day(1, &[0, 1, 2]);
    it.order(Action::Retire { member: 2, last_clock: 5 });
    it.agree(&[(2, 2, 5_000)]);
    for clock in 2..=5 {
        it.day(clock, &[0, 1]);
    }
    assert_eq!(it.status(2), Status::Retired);
    let (_, applied) = it.offer(&[(2, 3, Some(3))]);
    assert_eq!(applied.ignored, [Ignored::NotTaken(2)]);
}

#[test]
fn a_release_is_obeyed_before_the_first_cut_too() {
    let members = [("a", "", ""), ("b", "", ""), ("c", "", "")];
    let mut it = Driver::new(organism("", &members), 1);
    it.agree(&[(0, 0, 10), (1, 0, 1_000_000)]);
    for _ in 0..4 {
        it.tick();
    }
    assert_eq!(it.status(1), Status::Quarantined);
    it.order(Action::Release { member: 1, up_to: 2_000_000 });
    it.agree(&[(0, 1, 11), (1, 1, 1_000_001)]);
    it.tick();
    assert_eq!(it.status(1), Status::CatchingUp);
    assert_eq!(it.state.watermark(), Some(11));
}

#[test]
fn a_release_is_used_up_when_the_member_is_live_again() {
    let mut it = pair("on_stall = \"skip\"");
    it.day(1, &[0, 1]);
    it.agree(&[(1, 2, 5_000)]);
    assert_eq!(it.status(1), Status::Quarantined);
    it.order(Action::Release { member: 1, up_to: 5_000 });
    it.agree(&[(1, 3, 5_000)]);
    for clock in 2..=9 {
        it.day(clock, &[0]);
        it.agree(&[(1, clock + 10, 5_000)]);
    }
    assert_eq!(it.status(1), Status::Live);
    it.agree(&[(1, 90, 6_000)]);
    assert_eq!(it.status(1), Status::Quarantined);
}
