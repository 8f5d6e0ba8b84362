use std::collections::BTreeMap;

use holobiont_committee_raft::{MAX_TERM, Role, Signing};
use holobiont_committee_store::raft_id;
use openraft::raft::{TransferLeaderRequest, VoteRequest};

use super::{SOON_MS, scene};
use crate::spoken::{Said, at};
use crate::world::{Plan, World};

/// The number of a node's first boot.
const FIRST_BOOT: u64 = 1;

#[test]
fn a_term_that_no_committee_comes_to_does_not_end_it() {
    scene(Plan::new(800, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let liar = (leader + 1) % 3;
        let last = world.status(leader).last_log.map(at);
        for term in [MAX_TERM + 1, u64::MAX] {
            let mut asked = VoteRequest::new(world.vote_of(liar, term, false), last);
            // A leader that hands over may break the peace of a term.
            asked.leadership_transfer = true;
            let answer = world.say(liar, FIRST_BOOT, leader, &Said::Vote(asked)).await;
            assert!(answer.contains("none is above"), "{answer}");
        }
        world.certify(3).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_leader_that_contradicts_what_is_committed_is_refused_and_ends_nobody() {
    scene(Plan::new(810, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let (liar, node) = ((leader + 1) % 3, (leader + 2) % 3);
        let status = world.status(node);
        let (term, committed) = (status.term, status.committed);
        let true_one = (term, committed - 1);
        for lie in [
            // Another entry in the place of a committed one; another history before the next one.
            world.append(liar, term + 2, true_one, &[(term + 1, committed)]),
            world.append(liar, term + 2, (term + 1, committed), &[]),
            world.append(liar, term + 2, (term - 1, committed), &[]),
        ] {
            let answer = world.say(liar, FIRST_BOOT, node, &lie).await;
            assert!(answer.contains("contradicts what is committed"), "{answer}");
        }
        // One of an earlier term is told of the later one, whatever it sends.
        let old = world.append(liar, term - 1, (term - 1, committed), &[]);
        let answer = world.say(liar, FIRST_BOOT, node, &old).await;
        assert!(!answer.contains("contradicts"), "{answer}");
        world.certify(3).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_node_behind_its_gate_does_not_take_the_lead_when_it_is_told_to() {
    scene(Plan::new(820, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let (old, third) = ((leader + 1) % 3, (leader + 2) % 3);
        let backup = world.backup(old);
        let term = world.status(old).term;
        world.certify(5).await;
        assert_eq!((world.leader(), world.status(leader).term), (Some(leader), term));
        for number in 0..3 {
            world.kill(number, false).await;
        }
        world.roll_back(old, &backup);
        // These two never hear enough to take part; but they tell what they know.
        world.net.isolate(&[world.places[leader].id], &[world.places[third].id]);
        world.start_all().await;
        let asked = world.run_until(SOON_MS, |world| world.status(old).role != Role::Recalling);
        assert!(asked.await);
        let told = TransferLeaderRequest::new(
            world.vote_of(leader, term, true),
            raft_id(&world.places[old].id),
            None,
        );
        let answer = world.say(leader, 9, old, &Said::TransferLeader(told)).await;
        assert!(answer.contains("has not come as far yet"), "{answer}");
        world.run(500).await;
        assert_eq!(world.status(old).term, term, "it has campaigned");
        world.heal();
        for number in 0..3 {
            world.kill(number, false).await;
        }
        world.start_all().await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn of_two_clones_started_together_no_two_vote_in_one_term_and_one_is_outdated() {
    for seed in 830..835 {
        scene(Plan::new(seed, 3), async |world| {
            let old = world.leader().expect("a leader");
            let twice = (old + 1) % 3;
            let since = world.status(old).term;
            world.kill(twice, false).await;
            world.start(twice).await;
            world.clone_boot(twice).await;
            let takes_part = |world: &World| {
                let mut boots = world.places[twice].boots.iter();
                boots.any(|boot| boot.node.status().role != Role::Recalling)
            };
            assert!(world.run_until(SOON_MS, takes_part).await);
            // From now on nobody leads without that node's vote.
            world.kill(old, false).await;
            let mut votes =
                Votes { of: twice, since, voted: BTreeMap::new(), led: BTreeMap::new() };
            world.run_until(1_500, |world| votes.look(world)).await;
            world.start(old).await;
            let outdated = |world: &World| {
                let mut boots = world.places[twice].boots.iter();
                boots.any(|boot| boot.node.status().signing == Signing::Fenced)
            };
            let found = world.run_until(SOON_MS, |world| votes.look(world) || outdated(world));
            assert!(found.await, "{:?}", world.watched().broken);
            world.kill(twice, false).await;
            world.start(twice).await;
            world.well(&[0, 1, 2]).await;
        });
    }
}

/// What the boots of one node vote, and who leads.
struct Votes {
    of: usize,
    since: u64,
    voted: BTreeMap<u64, u64>,
    led: BTreeMap<u64, String>,
}

impl Votes {
    /// Looks at all of it; false, to go on looking.
    fn look(&mut self, world: &World) -> bool {
        let place = &world.places[self.of];
        for boot in &place.boots {
            let Some(vote) = boot.node.store().vote() else { continue };
            let (term, who) = (vote.leader_id.term, vote.leader_id.voted_for);
            let role = boot.node.status().role;
            // What is its own and not a candidate's is the mark of a term that it has heard of.
            let counts =
                who != raft_id(&place.id) || matches!(role, Role::Candidate | Role::Leader);
            if term > self.since && counts {
                assert_eq!(*self.voted.entry(term).or_insert(who), who, "in term {term}");
            }
        }
        for (_, boot) in world.boots() {
            let status = boot.node.status();
            if status.role == Role::Leader {
                let first = self.led.entry(status.term).or_insert_with(|| boot.name.clone());
                assert_eq!(*first, boot.name, "two lead in term {}", status.term);
            }
        }
        false
    }
}
