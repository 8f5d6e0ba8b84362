//! Another roster, and another config.

use holobiont_identity::{Digest, OrderAction as Action, Organism, UniqueId};
use holobiont_policy::{CommitteeState, Ignored, Opinion, PolicyError, Status, Unavailable};

use crate::driver::{Driver, digest, organism};

fn nodes(names: &[u8]) -> Vec<UniqueId> {
    names.iter().map(|node| UniqueId::from_name(&format!("node {node}"))).collect()
}

fn members() -> Driver {
    Driver::new(organism("", &[("a", "", ""), ("b", "", "on_stall = \"skip\"")]), 3)
}

#[test]
fn a_roster_order_closes_offers_and_later_votes_are_counted_anew() {
    let mut it = members();
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    it.vote(0, offer, &[(0, Opinion::Have)]);
    let applied = it.order(Action::Roster { nodes: nodes(&[3, 1, 4, 2, 0]) });
    assert_eq!(applied.ignored, []);
    assert_eq!(it.state.roster().nodes(), nodes(&[3, 1, 4, 2, 0]));
    assert_eq!(it.state.members()[0].open_offer, None);
    let late = it.vote(1, offer, &[(0, Opinion::Have)]);
    assert_eq!(late.ignored, [Ignored::NoSuchOffer(0)]);
    // Three of five now; before, two of three were enough.
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    for node in [0, 4] {
        it.vote(node, offer, &[(0, Opinion::Have)]);
        assert_eq!(it.state.members()[0].frontier, None);
    }
    it.vote(2, offer, &[(0, Opinion::Have)]);
    assert_eq!(it.state.members()[0].frontier.unwrap().seq, 1);
}

#[test]
fn reported_times_and_flags_follow_the_node_and_not_its_place() {
    let mut it = members();
    let (offer, _) = it.offer(&[(0, 1, Some(1))]);
    for node in [0, 1] {
        it.vote(node, offer, &[]);
    }
    it.vote(2, offer, &[(0, Opinion::Mismatch { head: digest(9) })]);
    // The median of 1,000, 2,000 and 3,000.
    assert_eq!(it.state.time_ms(), 2_000);
    it.order(Action::Roster { nodes: nodes(&[2, 3, 4]) });
    assert_eq!(it.state.members()[0].flagged_nodes, [0], "node 2 is at place 0 now");
    // Two of three have not reported to this roster: they count as 0, and time does not go back.
    assert_eq!(it.state.time_ms(), 2_000);
    let (offer, _) = it.offer(&[(1, 1, Some(1))]);
    it.vote(1, offer, &[]);
    // Of node 2's 3,000, the new node's report and 0, the middle.
    assert_eq!(it.state.time_ms(), 3_000);
    let snapshot = it.state.snapshot();
    let roster = it.state.roster().clone();
    let restored = CommitteeState::restore(&it.organism, roster, &snapshot).unwrap();
    assert_eq!(restored.snapshot(), snapshot);
}

#[test]
fn what_is_no_roster_changes_nothing() {
    let mut it = members();
    for named in [nodes(&[]), nodes(&[1, 1]), nodes(&(0..33).collect::<Vec<_>>())] {
        let applied = it.order(Action::Roster { nodes: named });
        assert_eq!(applied.ignored, [Ignored::NoRoster]);
    }
    assert_eq!(it.state.roster().nodes().len(), 3);
}

#[test]
fn a_config_that_is_taken_up_rules_from_the_next_entry_on() {
    let mut it = members();
    it.agree(&[(0, 1, 1), (1, 1, 1)]);
    // `b` would be stalled after four ticks, and now is after six.
    let text = |policy| organism("", &[("a", "", ""), ("b", "", policy)]);
    it.state
        .take_up(&text("on_stall = \"carry\"\ncarry_for = 9\nthen = \"skip\"\nstall_after = 6"))
        .unwrap();
    for clock in 2..8 {
        it.day(clock, &[0]);
        assert_eq!(it.status(0), Status::Live);
        assert!(matches!(it.status(1), Status::Live | Status::Late), "{:?}", it.status(1));
    }
    it.day(8, &[0]);
    assert_eq!(it.status(1), Status::Stalled(holobiont_policy::Standing::Carried));
}

#[test]
fn what_was_agreed_under_cannot_change() {
    let base = organism("", &[("a", "", ""), ("b", "start = 3", "")]);
    let refused = |it: &mut Driver, other: &Organism| {
        let before = it.state.snapshot();
        let error = it.state.take_up(other).unwrap_err();
        assert!(matches!(error, PolicyError::TakeUp { .. }));
        assert_eq!(it.state.snapshot(), before);
        error.to_string()
    };
    let mut it = Driver::new(base.clone(), 3);
    type Change<'a> = (&'a dyn Fn(&mut Organism), &'a str);
    let changes: [Change<'_>; 6] = [
        (&|it| it.name.push('x'), "stable id"),
        (&|it| drop(it.members.pop()), "stable id"),
        (&|it| it.align = holobiont_identity::Alignment::Arrival, "alignment"),
        (&|it| it.members[1].name.push('x'), "name or surface"),
        (&|it| it.members[1].surface.push('x'), "name or surface"),
        (&|it| it.members[1].start = Some(4), "clock rule or start"),
    ];
    for (change, why) in changes {
        let mut other = base.clone();
        change(&mut other);
        let told = refused(&mut it, &other);
        assert!(told.contains(why), "{told}");
    }
    let mut other = base;
    other.floor.normal += 1;
    other.ticks.offer_timeout += 1;
    other.members[0].content_hash = Some(Digest::of("another image"));
    assert_eq!(it.state.take_up(&other), Ok(()));
}

#[test]
fn a_gap_vote_of_the_old_roster_counts_no_more() {
    let mut it = members();
    it.agree(&[(0, 1, 1), (1, 1, 1)]);
    let gap = Opinion::Unavailable(Unavailable::Gap { earliest: 5 });
    let (offer, _) = it.offer(&[(1, 6, Some(6))]);
    it.vote(0, offer, &[(1, gap)]);
    it.order(Action::Roster { nodes: nodes(&[0, 1, 2, 3, 4]) });
    let (offer, _) = it.offer(&[(1, 6, Some(6))]);
    it.vote(1, offer, &[(1, gap)]);
    it.vote(2, offer, &[(1, gap)]);
    assert_eq!(it.status(1), Status::Live);
    it.vote(3, offer, &[(1, gap)]);
    assert_eq!(it.status(1), Status::Gapped);
}
