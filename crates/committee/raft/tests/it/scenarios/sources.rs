use holobiont_policy::Status;

use super::{SOON_MS, scene};
use crate::member::Mode;
use crate::world::{Plan, World};

fn frontier(world: &World, node: usize, member: usize) -> u64 {
    world.status(node).members[member].frontier.map_or(0, |frontier| frontier.seq)
}

#[test]
fn what_the_leader_cannot_have_another_node_offers_and_the_leader_folds_with_its_peers_records() {
    scene(Plan::new(400, 3), async |world| {
        let leader = world.leader().expect("a leader");
        world.members.shut(1, leader, true);
        let before = frontier(world, leader, 1);
        let moved = world
            .run_until(SOON_MS, |world| {
                world.leader() == Some(leader) && frontier(world, leader, 1) >= before + 20
            })
            .await;
        assert!(moved, "nobody offers member 1: {:?}", world.watched().broken);
        let folded = world.status(leader).folded_cut;
        let goes_on =
            world.run_until(SOON_MS, |world| world.status(leader).folded_cut >= folded + 5).await;
        assert!(goes_on, "{:?}", world.status(leader).needs);
        world.well(&[0, 1, 2]).await;
        assert_ne!(world.status(0).members[1].status, Status::Gapped);
    });
}

#[test]
fn a_node_without_any_source_folds_what_the_others_hold() {
    scene(Plan::new(410, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let poor = (leader + 1) % 3;
        for member in 0..3 {
            world.members.shut(member, poor, true);
        }
        world.certify(10).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_stall_a_flood_and_a_return_leave_all_nodes_with_one_story() {
    scene(Plan::new(420, 3), async |world| {
        world.members.mode(0, Mode::Stalled);
        let stalled =
            |world: &World| matches!(world.status(0).members[0].status, Status::Stalled(_));
        assert!(world.run_until(SOON_MS, stalled).await);
        world.members.mode(2, Mode::Flooding);
        world.certify(5).await;
        world.members.mode(0, Mode::Steady);
        let back = |world: &World| world.status(0).members[0].status == Status::Live;
        assert!(world.run_until(SOON_MS, back).await);
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_shortened_surface_is_a_gap_on_all_nodes_and_the_member_comes_back_behind_it() {
    scene(Plan::new(430, 3), async |world| {
        // Nobody gets the records that are dropped.
        (0..3).for_each(|node| world.members.shut(0, node, true));
        world.run(1_500).await;
        world.members.shorten(0, 3);
        (0..3).for_each(|node| world.members.shut(0, node, false));
        let gapped = |world: &World| {
            world.status(0).members[0].frontier.is_some()
                && world.status(0).members[0].resume_from > 0
        };
        assert!(world.run_until(SOON_MS, gapped).await, "{:?}", world.watched().broken);
        let back = |world: &World| world.status(1).members[0].status == Status::Live;
        assert!(world.run_until(SOON_MS, back).await, "{:#?}", world.status(1).members[0]);
        world.well(&[0, 1, 2]).await;
    });
}
