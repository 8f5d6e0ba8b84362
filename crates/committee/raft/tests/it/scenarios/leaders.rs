use std::time::Duration;

use holobiont_committee_raft::{Role, STOP_LIMIT_MS};
use openraft::AsyncRuntime as _;

use super::scene;
use crate::host::Host;
use crate::world::Plan;

#[test]
fn a_leader_that_is_killed_in_the_middle_of_a_write_loses_nothing() {
    for operations in [0, 1, 2, 3, 7] {
        scene(Plan::new(100 + operations, 3), async |world| {
            let old = world.leader().expect("a leader");
            let boot = &mut world.places[old].boots[0];
            boot.may_fail = true;
            boot.disk.fail_after(operations);
            world.run(40).await;
            world.kill(old, true).await;
            world.other_leader(old).await;
            world.certify(3).await;
            world.start(old).await;
            world.well(&[0, 1, 2]).await;
        });
    }
}

#[test]
fn a_paused_leader_wakes_up_to_another_ones_term_and_follows() {
    scene(Plan::new(110, 3), async |world| {
        let old = world.leader().expect("a leader");
        let term = world.status(old).term;
        world.places[old].boots[0].computer.pause();
        world.other_leader(old).await;
        world.certify(3).await;
        world.places[old].boots[0].computer.resume();
        world.well(&[0, 1, 2]).await;
        let status = world.status(old);
        assert!(status.term > term);
        assert!(matches!(status.role, Role::Follower | Role::Leader));
    });
}

#[test]
fn a_leader_that_is_cut_off_commits_nothing_and_the_others_go_on() {
    for nodes in [3, 5] {
        scene(Plan::new(120, nodes), async |world| {
            let old = world.leader().expect("a leader");
            world.isolate(&[old]);
            let before = world.status(old);
            world.certify(5).await;
            let after = world.status(old);
            let end = before.last_log.map_or(0, |(_, index)| index);
            assert!(after.committed <= end, "{} of {end}", after.committed);
            assert!(after.certified_cut < world.certified());
            world.heal();
            world.well(&(0..nodes).collect::<Vec<_>>()).await;
        });
    }
}

#[test]
fn without_a_majority_nothing_is_certified_and_with_it_all_goes_on() {
    scene(Plan::new(130, 3), async |world| {
        let one = world.leader().expect("a leader");
        for number in (0..3).filter(|number| *number != one) {
            world.kill(number, false).await;
        }
        // What was under way may still come.
        world.run(50).await;
        let before = world.certified();
        world.run(2_000).await;
        assert_eq!(world.certified(), before);
        world.start_all().await;
        world.certify(3).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_leader_that_stops_in_order_hands_over_within_an_election_timeout() {
    scene(Plan::new(140, 3), async |world| {
        let old = world.leader().expect("a leader");
        let began_ms = Host::now_ms();
        world.stop(old).await;
        let new = world.other_leader(old).await;
        assert_ne!(new, old);
        assert!(Host::now_ms() - began_ms < 240, "{} ms", Host::now_ms() - began_ms);
        world.start(old).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_node_that_does_not_come_to_its_end_is_left_after_a_while() {
    scene(Plan::new(150, 3), async |world| {
        let number = (world.leader().expect("a leader") + 1) % 3;
        let computer = std::sync::Arc::clone(&world.places[number].boots[0].computer);
        let node = world.node(number).clone();
        // Nothing of it moves, as where a disk or a source hangs.
        computer.pause();
        let limit = Duration::from_millis(2 * STOP_LIMIT_MS);
        Host::timeout(limit, node.stop()).await.expect("it is left");
        drop(node);
        computer.resume();
        world.kill(number, false).await;
        world.start(number).await;
        world.well(&[0, 1, 2]).await;
    });
}
