//! Disks that their hosts have made up.

use std::sync::Arc;

use holobiont_committee::{Certificate, SeedKey, Signer as _};
use holobiont_committee_raft::{Role, Signing};
use holobiont_committee_store::{NodeSnapshot, SnapshotFiles};
use openraft::AsyncRuntime as _;
use tempfile::TempDir;

use super::{SOON_MS, scene};
use crate::host::Host;
use crate::places::{Backup, copy_dir};
use crate::world::{Plan, World};

/// A disk of node 2 in a committee that is the same in all but its boot keys, after so many cuts and
/// changes of the leader.
fn elsewhere(plan: &Plan, cuts: u64, changes: usize) -> (Backup, TempDir) {
    let kept = tempfile::tempdir().expect("a folder");
    let mut host = Host::with_seed(plan.seed);
    let backup = host.block_on(async {
        let mut world = World::new(Plan { keys: plan.seed + 1, ..plan.clone() });
        world.start_all().await;
        world.certify(cuts).await;
        for _ in 0..changes {
            let leader = world.leader().expect("a leader");
            world.isolate(&[leader]);
            world.other_leader(leader).await;
            world.heal();
            world.certify(2).await;
            world.well(&[0, 1, 2]).await;
        }
        world.kill(2, false).await;
        let Backup { disk, dir } = world.backup(2);
        let to = kept.path().join("node");
        copy_dir(&dir, &to);
        Backup { disk, dir: to }
    });
    (backup, kept)
}

/// Runs until the node has ended, and says that its disk is not what the committee has.
async fn found_out(world: &mut World, number: usize) {
    let ended = world
        .run_until(SOON_MS, |world| {
            let status = world.status(number);
            assert_ne!(status.signing, Signing::Signs, "by a state that is not the committee's");
            status.failed.is_some()
        })
        .await;
    let status = world.status(number);
    assert!(ended, "{:?} {status:?}", world.watched().broken);
    assert!(matches!(status.signing, Signing::Contradicted { .. }), "{:?}", status.signing);
    let why = status.failed.unwrap_or_default();
    let mut others = (0..3).filter(|other| *other != number);
    assert!(others.all(|other| why.contains(&world.places[other].id.to_string())), "{why}");
}

/// The others go on, and with an empty disk the node does as well.
async fn goes_on_without(world: &mut World, number: usize) {
    world.certify(3).await;
    world.kill(number, false).await;
    world.wipe(number);
    world.start(number).await;
    world.well(&[0, 1, 2]).await;
}

#[test]
fn a_disk_of_another_committee_is_found_out_before_its_node_signs() {
    for (seed, cuts) in [(900, 4), (901, 30)] {
        let plan = Plan::new(seed, 3);
        let (forged, _kept) = elsewhere(&plan, cuts, 0);
        scene(plan, async |world| {
            world.certify(5).await;
            world.kill(2, false).await;
            world.forge(2, &forged);
            world.start(2).await;
            found_out(world, 2).await;
            goes_on_without(world, 2).await;
        });
    }
}

#[test]
fn a_disk_that_is_ahead_of_all_others_neither_signs_nor_keeps_them_from_going_on() {
    let plan = Plan { snapshot_every_cuts: 5, keep_entries: 30, ..Plan::new(910, 3) };
    let (forged, _kept) = elsewhere(&plan, 60, 4);
    scene(plan, async |world| {
        world.kill(2, false).await;
        world.forge(2, &forged);
        let leader = world.other_leader(2).await;
        world.start(2).await;
        let has_asked = |world: &World| world.status(2).role != Role::Recalling;
        assert!(world.run_until(SOON_MS, has_asked).await);
        // It leads now, for all that its log says.
        world.net.isolate(&[world.places[leader].id], &all(world));
        let leads = |world: &World| world.status(2).role == Role::Leader;
        assert!(world.run_until(SOON_MS, leads).await, "{:?}", world.status(2));
        world.run(1_000).await;
        world.heal();
        world.certify(10).await;
        assert_ne!(world.status(2).signing, Signing::Signs);
        found_out(world, 2).await;
        goes_on_without(world, 2).await;
    });
}

fn all(world: &World) -> Vec<holobiont_identity::UniqueId> {
    world.places.iter().map(|place| place.id).collect()
}

#[test]
fn a_machine_with_another_key_is_found_out_before_its_node_signs() {
    let plan = Plan { snapshot_every_cuts: 5, keep_entries: 30, ..Plan::new(920, 3) };
    scene(plan, async |world| {
        let has = |world: &World| world.node(2).newest_snapshot().expect("it reads").is_some();
        assert!(world.run_until(SOON_MS, has).await, "{:?}", world.watched().broken);
        world.kill(2, false).await;
        let disk = Arc::new(world.places[2].disk.clone().expect("it is down"));
        let files = SnapshotFiles::open(disk).expect("its snapshots");
        let snapshot = files.newest().expect("it reads").expect("a snapshot");
        files.save(&with_another_key(snapshot)).expect("it is saved");
        world.places[2].is_forged = true;
        world.start(2).await;
        found_out(world, 2).await;
        goes_on_without(world, 2).await;
    });
}

/// All is as it should be but one node's key, which is the forger's.
fn with_another_key(mut snapshot: NodeSnapshot) -> NodeSnapshot {
    let forger = SeedKey::from_seed(&[9; 32]).expect("a key");
    let mut certificate = Certificate::decode(&snapshot.certificate).expect("a certificate");
    let signed = &mut certificate.signatures[0];
    let before = signed.key;
    (signed.key, signed.signature) = (forger.public(), forger.sign(&certificate.statement.bytes()));
    let mut at = 0;
    while let Some(found) = snapshot.machine[at..].windows(32).position(|key| key == before) {
        snapshot.machine[at + found..at + found + 32].copy_from_slice(&forger.public());
        at += found + 32;
    }
    assert_ne!(at, 0, "the machine knows the key");
    snapshot.certificate = certificate.encode();
    snapshot
}
