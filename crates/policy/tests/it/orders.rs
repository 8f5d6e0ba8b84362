use holobiont_policy::{Action, Command, Ignored, Order, Standing, Status};

use crate::driver::{Driver, organism};

fn pair(second: &str) -> Driver {
    Driver::new(organism("", &[("a", "", ""), ("b", "", second)]), 1)
}

#[test]
fn a_retired_member_is_taken_to_its_last_clock_and_then_let_go() {
    let mut it = pair("");
    it.day(1, &[0, 1]);
    it.order(Action::Retire {
        member: 1,
        last_clock: 2,
    });
    assert_eq!(
        it.status(1),
        Status::Live,
        "its last clock is still to come"
    );
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
    let cut = it
        .order(Action::Retire {
            member: 1,
            last_clock: 9,
        })
        .cut
        .unwrap();
    assert_eq!(cut.watermark, Some(9));
    assert_eq!(cut.members[1].status, Status::Retired);
}

#[test]
fn a_member_that_falls_silent_before_its_last_clock_retires_instead_of_stalling() {
    let mut it = pair("on_stall = \"hold\"");
    it.day(1, &[0, 1]);
    it.order(Action::Retire {
        member: 1,
        last_clock: 100,
    });
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
    let order = |sequence, expires_ms| {
        Command::Order(Order {
            sequence,
            expires_ms,
            action: Action::Pause,
        })
    };
    it.day(1, &[0, 1]);
    let expired = it.apply(order(5, Some(1)));
    assert_eq!(expired.ignored, [Ignored::ExpiredOrder(5)]);
    assert_eq!(it.apply(order(5, None)).ignored, [Ignored::OldOrder(5)]);
    assert_eq!(it.apply(order(6, None)).ignored, []);
    assert!(it.state.is_paused());
    let nothing = it.order(Action::Release { member: 0 });
    assert_eq!(nothing.ignored, [Ignored::OldOrder(1)]);
}
