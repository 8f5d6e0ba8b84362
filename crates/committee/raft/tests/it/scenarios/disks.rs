use holobiont_committee_raft::{Role, Signing};

use super::{SOON_MS, scene};
use crate::host::Host;
use crate::world::{Plan, World};

#[test]
fn when_all_restart_together_nothing_certified_is_lost() {
    for (seed, power) in [(200, false), (201, true), (202, true)] {
        scene(Plan::new(seed, 3), async |world| {
            for number in 0..3 {
                world.kill(number, power).await;
            }
            world.start_all().await;
            world.well(&[0, 1, 2]).await;
        });
    }
}

#[test]
fn a_majority_that_restarts_together_loses_nothing() {
    scene(Plan::new(210, 5), async |world| {
        for number in [0, 2, 4] {
            world.kill(number, true).await;
        }
        world.run(300).await;
        world.start_all().await;
        world.well(&[0, 1, 2, 3, 4]).await;
    });
}

#[test]
fn when_all_restart_and_the_one_with_the_longest_log_never_comes_back_the_others_go_on() {
    scene(Plan::new(215, 5), async |world| {
        let longest = world.leader().expect("a leader");
        // What it proposes now nobody gets.
        world.isolate(&[longest]);
        let end = |world: &World, number: usize| world.status(number).last_log;
        let other = (longest + 1) % 5;
        let ahead = world.run_until(SOON_MS, |world| end(world, longest) > end(world, other)).await;
        assert!(ahead);
        for number in 0..5 {
            world.kill(number, true).await;
        }
        world.heal();
        world.start_all().await;
        // All have heard how far its log goes, and then it is gone.
        let heard =
            |world: &World| (0..5).all(|number| world.status(number).role != Role::Recalling);
        assert!(world.run_until(SOON_MS, heard).await);
        world.kill(longest, false).await;
        let others: Vec<usize> = (0..5).filter(|number| *number != longest).collect();
        world.certify(3).await;
        world.well(&others).await;
        world.start(longest).await;
        world.well(&[0, 1, 2, 3, 4]).await;
    });
}

#[test]
fn a_disk_that_was_rolled_back_is_noticed_and_refilled_before_the_node_signs() {
    scene(Plan::new(220, 3), async |world| {
        let leader = world.leader().expect("a leader");
        let old = (leader + 1) % 3;
        let backup = world.backup(old);
        world.certify(8).await;
        // It knows what that node had acknowledged.
        assert_eq!(world.leader(), Some(leader));
        world.kill(old, false).await;
        world.roll_back(old, &backup);
        // The others, cut off, cannot tell what it had: it neither signs nor votes.
        world.isolate(&[old]);
        world.start(old).await;
        world.run(800).await;
        let status = world.status(old);
        assert!(matches!(status.signing, Signing::Waits(_)), "{:?}", status.signing);
        assert_eq!(status.role, Role::Recalling);
        world.heal();
        let noticed = world.run_until(5_000, |world| world.status(old).rolled_back).await;
        assert!(noticed);
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn a_node_whose_disk_is_full_stops_and_comes_back_when_there_is_room() {
    scene(Plan::new(230, 3), async |world| {
        let boot = &mut world.places[2].boots[0];
        boot.may_fail = true;
        boot.disk.full_after(Some(20));
        let failed = world.run_until(5_000, |world| world.status(2).failed.is_some()).await;
        assert!(failed, "a full disk is no place for a log");
        world.certify(3).await;
        world.kill(2, false).await;
        world.start(2).await;
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn clocks_that_are_a_day_off_change_no_decision() {
    scene(Plan::new(240, 3), async |world| {
        for (number, off_ms) in [(0, 86_400_000), (1, -86_400_000)] {
            let clock = &world.places[number].clock_off_ms;
            clock.store(off_ms, std::sync::atomic::Ordering::Relaxed);
        }
        let before_ms = Host::now_ms();
        world.certify(5).await;
        assert!(Host::now_ms() - before_ms < 10_000);
        world.well(&[0, 1, 2]).await;
    });
}
