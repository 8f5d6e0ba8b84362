use std::sync::Arc;

use holobiont_committee_raft::{Role, Signing};
use holobiont_committee_store::SnapshotFiles;
use openraft::AsyncRuntime as _;

use super::{SOON_MS, scene};
use crate::host::Host;
use crate::world::{Plan, World};

fn takes_part(number: usize) -> impl Fn(&World) -> bool {
    move |world| world.status(number).role != Role::Recalling
}

#[test]
fn an_old_leader_gets_nothing_acknowledged_by_a_disk_of_its_own_time() {
    scene(Plan::new(250, 3), async |world| {
        let old = world.leader().expect("a leader");
        let (back, newer) = ((old + 1) % 3, (old + 2) % 3);
        let backup = world.backup(back);
        world.isolate(&[old]);
        world.other_leader(old).await;
        world.certify(5).await;
        let before = world.status(old);
        assert_eq!(before.role, Role::Leader, "it has not heard of the other one");
        world.kill(back, false).await;
        world.kill(newer, false).await;
        world.roll_back(back, &backup);
        // The one that knows of the later term tells of it, and does no more.
        world.heal();
        world.net.isolate(&[world.places[old].id], &[world.places[newer].id]);
        world.start(newer).await;
        world.start(back).await;
        assert!(world.run_until(SOON_MS, takes_part(back)).await);
        world.run(800).await;
        let after = world.status(old);
        assert_eq!(after.committed, before.committed, "{after:?}");
        world.heal();
        world.well(&[0, 1, 2]).await;
    });
}

/// What two of three had committed is on no disk any more: nobody can go on as if it had not been.
#[test]
fn two_old_disks_one_after_the_other_stop_the_committee_and_forget_nothing() {
    let plan = Plan::new(260, 3);
    let mut host = Host::with_seed(plan.seed);
    host.block_on(async {
        let mut world = World::new(plan);
        world.start_all().await;
        world.certify(3).await;
        let second = world.leader().expect("a leader");
        let (first, away) = ((second + 1) % 3, (second + 2) % 3);
        let backups = [first, second].map(|number| world.backup(number));
        world.isolate(&[away]);
        world.certify(10).await;
        let certified = world.certified();
        world.kill(first, false).await;
        world.kill(second, false).await;
        world.roll_back(first, &backups[0]);
        world.heal();
        world.net.isolate(&[world.places[second].id], &[world.places[away].id]);
        world.start(second).await;
        world.start(first).await;
        assert!(world.run_until(SOON_MS, takes_part(first)).await);
        // It was told by the one whose disk is exchanged now.
        world.kill(second, false).await;
        world.roll_back(second, &backups[1]);
        world.heal();
        world.start(second).await;
        world.run(10_000).await;
        assert_eq!(world.watched().broken, None);
        assert_eq!(world.certified(), certified);
        for number in [first, second] {
            let status = world.status(number);
            assert!(matches!(status.signing, Signing::Waits(_)), "{status:?}");
        }
    });
}

#[test]
fn a_snapshot_that_the_log_has_not_made_room_for_yet_is_no_older_disk() {
    let plan = Plan { snapshot_every_cuts: 5, keep_entries: 30, ..Plan::new(270, 3) };
    scene(plan, async |world| {
        let leader = world.leader().expect("a leader");
        let node = (leader + 1) % 3;
        let backup = world.backup(node);
        world.certify(5).await;
        world.kill(node, false).await;
        let acknowledged = world.status(leader).last_log.expect("a log");
        let newest = |world: &World| world.node(leader).newest_snapshot().expect("it reads");
        let reaches = |world: &World| newest(world).is_some_and(|it| it.last_log >= acknowledged);
        assert!(world.run_until(SOON_MS, reaches).await, "{:?}", world.watched().broken);
        assert_eq!(world.leader(), Some(leader));
        // As if it had ended right after it had saved what the leader gave it.
        world.roll_back(node, &backup);
        let disk = world.places[node].disk.clone().expect("a disk");
        let snapshot = newest(world).expect("a snapshot");
        SnapshotFiles::open(Arc::new(disk)).expect("files").save(&snapshot).expect("room");
        world.start(node).await;
        assert!(world.run_until(SOON_MS, takes_part(node)).await);
        assert!(!world.status(node).rolled_back);
        world.well(&[0, 1, 2]).await;
    });
}
