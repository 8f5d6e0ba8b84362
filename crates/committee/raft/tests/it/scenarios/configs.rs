use holobiont_committee::MachineEvent;
use holobiont_identity::OrderAction;
use holobiont_policy::Roster;

use super::{SOON_MS, scene};
use crate::organism::{STALL_AFTER, organism};
use crate::world::{Plan, World};

pub(super) async fn order(world: &mut World, action: OrderAction, replaces: Option<&Roster>) {
    let order = world.operators.order(&world.organism, action, replaces);
    let leader = world.leader().expect("a leader");
    let node = world.node(leader).clone();
    node.order(order).await.expect("the order is taken");
}

/// Orders another roster, and waits until what is certified is of it.
pub(super) async fn change_roster(world: &mut World, next: Roster) {
    let (nodes, digest) = (next.nodes().to_vec(), next.digest());
    let replaces = world.roster.clone();
    order(world, OrderAction::Roster { nodes }, Some(&replaces)).await;
    world.roster = next;
    let goal = |world: &World| {
        let newest = world.watched().invariants.acknowledged.newest().cloned();
        newest.is_some_and(|newest| newest.roster_digest == digest)
    };
    assert!(world.run_until(SOON_MS, goal).await, "{:?}", world.watched().broken);
}

/// The roster of these nodes.
pub(super) fn roster_of(world: &World, nodes: &[usize]) -> Roster {
    let nodes = nodes.iter().map(|number| world.places[*number].id).collect();
    Roster::new(nodes).expect("a roster")
}

#[test]
fn a_config_is_taken_up_at_one_entry_by_all_nodes_without_a_restart() {
    scene(Plan::new(600, 3), async |world| {
        let next = organism(world.plan.members, 4, 2 * STALL_AFTER);
        let content_hash = next.content_hash();
        assert_ne!(content_hash, world.organism.content_hash());
        // A majority has the file; the third gets it when all is decided.
        world.places[0].files.put(&next);
        world.places[1].files.put(&next);
        order(world, OrderAction::Config { content_hash }, None).await;
        let taken = |world: &World, number: usize| {
            world.node(number).with_machine(|machine| *machine.content_hash() == content_hash)
        };
        let both = world.run_until(SOON_MS, |world| taken(world, 0) && taken(world, 1)).await;
        assert!(both, "{:?}", world.watched().broken);
        world.certify(3).await;
        assert!(!taken(world, 2));
        world.places[2].files.put(&next);
        world.well(&[0, 1, 2]).await;
        let newest = world.watched().invariants.acknowledged.newest().cloned().expect("one");
        assert_eq!(newest.content_hash, content_hash);
        let told = world.watched().told.clone();
        let took =
            told.iter().filter(|(_, event)| matches!(event, MachineEvent::ConfigTaken { .. }));
        assert_eq!(took.count(), 3);
    });
}

#[test]
fn a_config_whose_file_no_majority_holds_is_not_taken_up() {
    scene(Plan::new(610, 3), async |world| {
        let next = organism(world.plan.members, 4, 2 * STALL_AFTER);
        world.places[2].files.put(&next);
        order(world, OrderAction::Config { content_hash: next.content_hash() }, None).await;
        world.certify(10).await;
        let newest = world.watched().invariants.acknowledged.newest().cloned().expect("one");
        assert_eq!(newest.content_hash, world.organism.content_hash());
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_config_that_the_program_cannot_go_on_with_is_not_taken_up() {
    scene(Plan::new(615, 3), async |world| {
        let next = organism(world.plan.members, 9, STALL_AFTER);
        (0..3).for_each(|number| world.places[number].files.put(&next));
        order(world, OrderAction::Config { content_hash: next.content_hash() }, None).await;
        world.certify(10).await;
        let newest = world.watched().invariants.acknowledged.newest().cloned().expect("one");
        assert_eq!(newest.content_hash, world.organism.content_hash());
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_roster_is_changed_by_order_without_a_restart() {
    scene(Plan::new(620, 3), async |world| {
        world.start(3).await;
        change_roster(world, roster_of(world, &[0, 1, 3])).await;
        world.well(&[0, 1, 3]).await;
        // The one that is gone is needed for nothing any more, the new one is.
        world.kill(2, false).await;
        world.kill(0, false).await;
        world.certify(3).await;
        world.start(0).await;
        world.well(&[0, 1, 3]).await;
    });
}

#[test]
fn a_node_that_the_roster_takes_back_goes_on_without_a_restart() {
    scene(Plan::new(625, 3), async |world| {
        let first = world.roster.clone();
        world.start(3).await;
        change_roster(world, roster_of(world, &[0, 1, 3])).await;
        world.well(&[0, 1, 3]).await;
        change_roster(world, first).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_pause_stops_cuts_and_a_resume_brings_them_back() {
    scene(Plan::new(630, 3), async |world| {
        order(world, OrderAction::Pause, None).await;
        let paused = |world: &World| (0..3).all(|number| world.status(number).paused);
        assert!(world.run_until(SOON_MS, paused).await);
        world.run(300).await;
        let before = world.status(0).cut;
        world.run(1_000).await;
        assert_eq!(world.status(0).cut, before);
        order(world, OrderAction::Resume, None).await;
        world.certify(3).await;
        world.well(&[0, 1, 2]).await;
    });
}
