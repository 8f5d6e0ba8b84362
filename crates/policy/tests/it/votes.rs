use holobiont_policy::{Cause, Ignored, Opinion, Standing, Status, Unavailable};

use crate::driver::{Driver, digest, organism};

const MISMATCH: Opinion =
    Opinion::Mismatch { head: holobiont_identity::Digest::from_bytes([9; 32]) };

fn one(policy: &str, nodes: u16) -> Driver {
    Driver::new(organism("", &[("a", "", policy)]), nodes)
}

const fn gap(earliest: u64) -> Opinion {
    Opinion::Unavailable(Unavailable::Gap { earliest })
}

#[test]
fn a_majority_moves_the_frontier_and_a_minority_does_not() {
    let mut it = one("", 5);
    let (offer, _) = it.offer(&[(0, 7, Some(3))]);
    for node in 0..2 {
        it.vote(node, offer, &[(0, Opinion::Have)]);
    }
    assert_eq!(it.state.members()[0].frontier, None);
    let again = it.vote(1, offer, &[(0, Opinion::Have)]);
    assert_eq!(again.ignored, [Ignored::AlreadyVoted(0)], "a vote counts once");
    let cut = it.vote(4, offer, &[(0, Opinion::Have)]).cut.unwrap();
    assert_eq!(cut.watermark, Some(3));
    assert_eq!(cut.members[0].frontier.unwrap().head, digest(7));
}

#[test]
fn a_minority_that_differs_is_flagged_and_stops_nothing() {
    let mut it = one("", 3);
    let (offer, _) = it.offer(&[(0, 7, Some(3))]);
    it.vote(2, offer, &[(0, MISMATCH)]);
    it.vote(0, offer, &[(0, Opinion::Have)]);
    assert!(it.vote(1, offer, &[(0, Opinion::Have)]).cut.is_some());
    assert_eq!(it.state.members()[0].flagged_nodes, [2]);
}

#[test]
fn a_history_without_a_majority_is_quarantined_when_it_would_stall() {
    for (policy, expected) in [
        ("on_stall = \"skip\"", Status::Quarantined),
        ("on_stall = \"skip\"\non_mismatch = \"hold\"", Status::Stalled(Standing::Held)),
    ] {
        let mut it = one(policy, 3);
        it.agree(&[(0, 1, 1)]);
        let (offer, _) = it.offer(&[(0, 2, Some(2))]);
        it.vote(0, offer, &[(0, Opinion::Have)]);
        for node in 1..3 {
            it.vote(node, offer, &[(0, MISMATCH)]);
        }
        assert_eq!(it.state.members()[0].open_offer, None, "no majority is left for it");
        for _ in 0..5 {
            it.tick();
        }
        assert_eq!(it.status(0), expected);
        assert_eq!(it.state.watermark(), Some(1));
    }
}

#[test]
fn a_gap_resumes_where_a_majority_can() {
    let mut it = one("on_gap = \"skip\"", 3);
    it.agree(&[(0, 1, 1)]);
    let (offer, _) = it.offer(&[(0, 50, Some(2))]);
    assert_eq!(it.vote(0, offer, &[(0, gap(2))]).ignored, [Ignored::NoGap(0)]);
    it.vote(0, offer, &[(0, gap(40))]);
    it.vote(1, offer, &[(0, gap(30))]);
    assert_eq!(it.status(0), Status::Gapped);
    assert_eq!(it.state.members()[0].resume_from, 40);
    let (_, applied) = it.offer(&[(0, 39, Some(2))]);
    assert_eq!(applied.ignored, [Ignored::NotAhead(0)]);
    it.agree(&[(0, 60, 3)]);
    assert_eq!(it.status(0), Status::CatchingUp);
}

#[test]
fn a_gap_that_is_held_waits_for_an_order() {
    let mut it = one("", 1);
    it.agree(&[(0, 1, 1)]);
    let (offer, _) = it.offer(&[(0, 50, Some(2))]);
    it.vote(0, offer, &[(0, gap(40))]);
    let (_, applied) = it.offer(&[(0, 60, Some(3))]);
    assert_eq!(applied.ignored, [Ignored::NotTaken(0)]);
    it.order(holobiont_identity::OrderAction::Release { member: 0, up_to: 0 });
    it.agree(&[(0, 60, 3)]);
    assert_eq!(it.status(0), Status::CatchingUp);
}

#[test]
fn what_cannot_be_had_now_may_be_had_later() {
    let mut it = one("", 1);
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    it.vote(0, offer, &[(0, Opinion::Unavailable(Unavailable::Ticket))]);
    assert!(it.vote(0, offer, &[(0, Opinion::Have)]).cut.is_some());
}

#[test]
fn one_offer_at_a_time_until_it_times_out() {
    let mut it = Driver::new(organism("[ticks]\noffer_timeout = 3", &[("a", "", "")]), 3);
    let (first, _) = it.offer(&[(0, 1, Some(1))]);
    let (_, applied) = it.offer(&[(0, 2, Some(2))]);
    assert_eq!(applied.ignored, [Ignored::OfferOpen(0)]);
    for _ in 0..3 {
        it.tick();
    }
    let (_, applied) = it.offer(&[(0, 2, Some(2))]);
    assert_eq!(applied.ignored, []);
    let late = it.vote(0, first, &[(0, Opinion::Have)]);
    assert_eq!(late.ignored, [Ignored::NoSuchOffer(0)]);
}

#[test]
fn a_clock_that_goes_back_is_a_lie() {
    let mut it = one("", 1);
    it.agree(&[(0, 1, 5)]);
    it.agree(&[(0, 2, 4)]);
    assert_eq!(it.status(0), Status::Quarantined);
    it.tick();
    let cut = it.tick();
    assert_eq!(cut, None, "a quarantined member holds nothing and moves nothing");
}

#[test]
fn commands_that_make_no_sense_change_nothing() {
    let mut it = one("", 2);
    let before = it.state.clone();
    let (offer, applied) = it.offer(&[(9, 1, Some(1))]);
    assert_eq!(applied.ignored, [Ignored::UnknownMember(9)]);
    let applied = it.vote(7, offer, &[(0, Opinion::Have)]);
    assert_eq!(applied.ignored, [Ignored::UnknownNode(7)]);
    assert_eq!(it.state.members(), before.members());
    let old = it.state.apply(1, &holobiont_policy::Command::Tick);
    assert_eq!(old.ignored, [Ignored::OldIndex]);
    assert_eq!(it.state.tick(), 0);
}

#[test]
fn organism_time_is_the_median_and_never_goes_back() {
    let mut it = one("", 3);
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    let report = |it: &mut Driver, node, time_ms| {
        let vote = holobiont_policy::Vote { node, offer, opinions: Vec::new(), time_ms };
        it.apply(holobiont_policy::Command::Vote(vote));
        it.state.time_ms()
    };
    assert_eq!(report(&mut it, 0, 100), 0, "one node of three sets no time");
    assert_eq!(report(&mut it, 1, 9_000_000), 100);
    assert_eq!(report(&mut it, 2, 120), 120, "one clock a day ahead moves nothing");
    assert_eq!(report(&mut it, 0, 1), 120);
    let vote = holobiont_policy::Vote { node: 1, offer, opinions: Vec::new(), time_ms: 1 << 48 };
    let applied = it.apply(holobiont_policy::Command::Vote(vote));
    assert_eq!(applied.ignored, [Ignored::ImpossibleTime(1)]);
    assert_eq!(it.state.time_ms(), 120);
}

#[test]
fn the_cause_of_a_clock_jump_is_kept() {
    let mut it = one("", 1);
    it.agree(&[(0, 1, 5)]);
    it.agree(&[(0, 2, 16)]);
    assert_eq!(it.status(0), Status::Quarantined);
    it.order(holobiont_identity::OrderAction::Release { member: 0, up_to: 0 });
    let cut = it.agree(&[(0, 3, 15)]);
    assert_eq!(it.status(0), Status::CatchingUp);
    assert_eq!(cut, None);
    it.tick();
    it.tick();
    let cut = it.tick_to_cut();
    assert!(cut.changes.iter().any(|change| change.cause == Cause::ClockJump { from: 5, to: 16 }));
}
