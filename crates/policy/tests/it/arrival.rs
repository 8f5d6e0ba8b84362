use holobiont_identity::OrderAction as Action;
use holobiont_policy::{Cut, Standing, Status};

use crate::driver::{Driver, organism};

#[test]
fn every_move_is_a_cut_and_its_number_is_its_clock() {
    let skip = "on_stall = \"skip\"";
    let mut it =
        Driver::new(organism("align = \"arrival\"", &[("a", "", skip), ("b", "", skip)]), 1);
    assert_eq!(it.agree(&[(0, 0, 500)]), None, "b is still joining");
    let cut = it.agree(&[(1, 4, 3)]).unwrap();
    assert_eq!((cut.number, cut.watermark, cut.clock()), (1, None, 1));
    assert_eq!(cut.members[0].frontier.unwrap().seq, 0);
    assert_eq!(cut.members[1].frontier.unwrap().seq, 4);
    let cut = it.agree(&[(0, 1, 501)]).unwrap();
    assert_eq!(cut.clock(), 2);
    assert_eq!(it.tick(), None, "nothing moved");
}

#[test]
fn a_held_member_holds_the_cuts() {
    let hold = "on_stall = \"hold\"";
    let mut it = Driver::new(organism("align = \"arrival\"", &[("a", "", ""), ("b", "", hold)]), 1);
    it.day(1, &[0, 1]);
    for clock in 2..=5 {
        it.day(clock, &[0]);
    }
    assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    assert_eq!(it.day(6, &[0]), []);
    assert_eq!(it.day(7, &[0, 1]).len(), 1);
}

#[test]
fn no_cut_is_made_once_a_carry_ends_in_a_hold() {
    let carry = "on_stall = \"carry\"\ncarry_for = 6\nthen = \"hold\"";
    let members = [("a", "", ""), ("b", "", carry)];
    let mut it = Driver::new(organism("align = \"arrival\"", &members), 1);
    it.day(1, &[0, 1]);
    let cuts: Vec<Cut> = (2..=30).flat_map(|clock| it.day(clock, &[0])).collect();
    assert_eq!(it.status(1), Status::Stalled(Standing::Held));
    let held = Status::Stalled(Standing::Held);
    assert!(cuts.iter().all(|cut| cut.members[1].status != held));
}

#[test]
fn a_member_retires_at_its_own_last_clock() {
    let mut it = Driver::new(organism("align = \"arrival\"", &[("a", "", ""), ("b", "", "")]), 1);
    it.day(1, &[0, 1]);
    it.order(Action::Retire { member: 1, last_clock: 3 });
    it.day(2, &[0, 1]);
    assert_eq!(it.status(1), Status::Live);
    it.day(3, &[0, 1]);
    assert_eq!(it.status(1), Status::Retired);
}

const SKIP: &str = "on_stall = \"skip\"";
const CARRY: &str = "on_stall = \"carry\"\ncarry_for = 5\nthen = \"skip\"";

#[test]
fn a_cut_weighs_what_the_floor_was_asked_about() {
    let head = "align = \"arrival\"\n[floor]\nnormal = 2\nhalt_below = 2";
    let mut it = Driver::new(organism(head, &[("a", "", SKIP), ("b", "", CARRY)]), 1);
    it.day(1, &[0, 1]);
    let mut cuts = 0;
    for clock in 2..=20 {
        for cut in it.day(clock, &[0]) {
            assert_eq!((cut.weight, cut.members[1].status.counts()), (2, true), "{}", cut.number);
            cuts += 1;
        }
    }
    assert_eq!(cuts, 5, "as long as b is carried, and no longer");
    assert!(it.state.is_halted());
}

#[test]
fn checkpoints_use_up_no_carry() {
    let head = "align = \"arrival\"\n[ticks]\ncheckpoint_every = 2";
    let mut it = Driver::new(organism(head, &[("a", "", SKIP), ("b", "", CARRY)]), 1);
    it.day(1, &[0, 1]);
    for _ in 0..30 {
        assert!(it.tick().is_none_or(|cut| cut.checkpoint));
    }
    it.agree(&[(0, 2, 2)]);
    assert_eq!(it.status(1), Status::Stalled(Standing::Carried));
}

#[test]
fn a_member_whose_start_is_to_come_holds_no_cut() {
    let members = [("a", "", SKIP), ("b", "start = 5000", SKIP)];
    let mut it = Driver::new(organism("align = \"arrival\"", &members), 1);
    for clock in 1..=20 {
        assert_eq!(it.day(clock, &[0, 1]).len(), 1, "{clock}");
    }
    assert_eq!(it.status(1), Status::Absent);
}
