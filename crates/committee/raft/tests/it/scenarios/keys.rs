use std::sync::Arc;

use holobiont_committee::{Dropped, LogCommand, MachineEvent, Signed, Signer as _};
use holobiont_committee_raft::Signing;
use holobiont_policy::Command;

use super::{SOON_MS, scene};
use crate::world::{Plan, World};

#[test]
fn of_two_boots_of_one_node_the_older_is_fenced_and_what_it_says_late_changes_nothing() {
    scene(Plan::new(300, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let twice = (leader + 1) % 3;
        let old_key = Arc::clone(&world.places[twice].boots[0].key);
        world.clone_boot(twice).await;
        let fenced = world
            .run_until(SOON_MS, |world| {
                world.places[twice].boots[0].node.status().signing == Signing::Fenced
            })
            .await;
        assert!(fenced, "{:?}", world.watched().broken);
        let newer = world.places[twice].boots[1].key.public();
        world.drop_fenced(twice).await;
        assert_eq!(world.places[twice].boots.len(), 1);

        let took_over = |world: &World| {
            let leader = world.leader().map(|leader| world.node(leader));
            let place = u16::try_from(twice).expect("a place");
            leader.is_some_and(|node| {
                node.with_machine(|machine| machine.active_key(place) == Some(&newer))
            })
        };
        assert!(world.run_until(SOON_MS, took_over).await, "{:?}", world.watched().broken);

        // Its key, in whoever's hands, ticks no more.
        let (organism, id) = (world.organism.stable_id(), world.places[twice].id);
        let place = u16::try_from(twice).expect("a place");
        let tick = LogCommand::Policy(Command::Tick);
        let late = Signed::make(organism, &id, place, tick, &*old_key).encode();
        let told_before = world.watched().told.len();
        let leader = world.leader().expect("a leader");
        let node = world.node(leader).clone();
        node.propose_raw(late).await.expect("the log takes it");
        let ignored = |world: &World| {
            world.watched().told[told_before..]
                .iter()
                .any(|(_, event)| *event == MachineEvent::Ignored(Dropped::Fenced { node: place }))
        };
        assert!(world.run_until(SOON_MS, ignored).await, "{:?}", world.watched().broken);
        let active = world.node(leader).with_machine(|machine| machine.active_key(place).copied());
        assert_eq!(active, Some(newer));
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn of_two_boots_that_others_who_have_just_started_hear_of_at_once_one_at_least_has_to_go() {
    scene(Plan::new(305, 3), async |world| {
        let twice = world.leader().expect("a leader");
        for number in (0..3).filter(|number| *number != twice) {
            world.kill(number, false).await;
        }
        world.clone_boot(twice).await;
        world.start_all().await;
        let outdated = |world: &World| {
            let mut boots = world.places[twice].boots.iter();
            boots.any(|boot| boot.node.status().signing == Signing::Fenced)
        };
        assert!(world.run_until(SOON_MS, outdated).await, "{:?}", world.watched().broken);
        // Whoever runs the node finds out, and runs one.
        world.kill(twice, false).await;
        world.start(twice).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_key_that_nobody_has_verified_signs_nothing() {
    scene(Plan::new(310, 3), async |world| {
        let stranger = holobiont_committee::SeedKey::from_seed(&[9; 32]).expect("a key");
        let leader = world.leader().expect("a leader");
        let (organism, id) = (world.organism.stable_id(), world.places[1].id);
        let key =
            LogCommand::Key { key: stranger.public(), enrolment: Vec::new(), quote: Vec::new() };
        let claim = Signed::make(organism, &id, 1, key, &stranger).encode();
        let node = world.node(leader).clone();
        node.propose_raw(claim).await.expect("the log takes it");
        let pending = |world: &World| {
            world.node(0).with_machine(|machine| machine.pending_key(1) == Some(&stranger.public()))
        };
        assert!(world.run_until(SOON_MS, pending).await);
        world.certify(5).await;
        let genuine = world.places[1].boots[0].key.public();
        let active = world.node(0).with_machine(|machine| machine.active_key(1).copied());
        assert_eq!(active, Some(genuine));
        world.well(&[0, 1, 2]).await;
    });
}
