//! A node's snapshots: the newest one, whole, or an error that names it.

use std::sync::Arc;

use holobiont_committee_store::{
    Defect, Disk, MAX_SNAPSHOT_BYTES, NodeSnapshot, SimulatedDisk, SnapshotFiles, StoreError,
};
use proptest::prelude::*;

fn snapshot(index: u64, length: usize) -> NodeSnapshot {
    NodeSnapshot {
        last_log: (2, index),
        membership: vec![1; 9],
        machine: vec![2; length],
        replay: (0..length).map(|byte| u8::try_from(byte % 251).unwrap()).collect(),
        certificate: vec![4; 3],
    }
}

fn files(disk: &SimulatedDisk) -> SnapshotFiles<SimulatedDisk> {
    SnapshotFiles::open(Arc::new(disk.clone())).unwrap()
}

#[test]
fn the_newest_two_are_kept_and_the_newest_is_given() {
    let disk = SimulatedDisk::new(1);
    let kept = files(&disk);
    assert_eq!(kept.newest().unwrap(), None);
    // More than a piece, so that it is written in several.
    for index in [5, 90, 1000] {
        kept.save(&snapshot(index, 3 << 20)).unwrap();
        assert_eq!(kept.newest().unwrap(), Some(snapshot(index, 3 << 20)));
    }
    assert_eq!(disk.list().unwrap().len(), 2);
    let disk = disk.crash();
    assert_eq!(files(&disk).newest().unwrap(), Some(snapshot(1000, 3 << 20)));
    let name = disk.list().unwrap().pop().unwrap();
    let bytes = disk.read_all(&name, MAX_SNAPSHOT_BYTES).unwrap().unwrap();
    assert_eq!(bytes, snapshot(1000, 3 << 20).encode());
    assert_eq!(bytes.len() as u64, snapshot(1000, 3 << 20).size_bytes());
}

#[test]
fn a_damaged_one_is_named_and_no_older_one_given_in_its_place() {
    let disk = SimulatedDisk::new(1);
    files(&disk).save(&snapshot(5, 40)).unwrap();
    files(&disk).save(&snapshot(6, 40)).unwrap();
    let name = disk.list().unwrap().pop().unwrap();
    for at in 0..usize::try_from(disk.size_bytes(&name).unwrap()).unwrap() {
        disk.tamper(&name, |bytes| bytes[at] ^= 1).unwrap();
        let error = files(&disk).newest().unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        assert_eq!((4..8).contains(&at), matches!(error, StoreError::UnknownVersion { .. }));
        disk.tamper(&name, |bytes| bytes[at] ^= 1).unwrap();
    }
    disk.rename(&name, &name.replace('6', "7")).unwrap();
    let error = files(&disk).newest().unwrap_err();
    let wrong = Defect::Sequence { wanted: 7, got: 6 };
    assert!(matches!(error, StoreError::Damage { what, .. } if what == wrong));
}

#[test]
fn one_that_is_too_large_is_refused_before_it_is_written() {
    let disk = SimulatedDisk::new(1);
    let length = usize::try_from(MAX_SNAPSHOT_BYTES / 2).unwrap();
    let large =
        NodeSnapshot { machine: vec![0; length], replay: vec![0; length], ..snapshot(1, 0) };
    let error = files(&disk).save(&large).unwrap_err();
    assert!(matches!(error, StoreError::SnapshotTooLarge { .. }), "{error}");
    assert_eq!(disk.list().unwrap(), Vec::<String>::new());
}

proptest! {
    #[test]
    fn a_snapshot_is_read_as_it_was_written_and_else_refused(
        last_log in any::<(u64, u64)>(),
        parts in any::<[Vec<u8>; 4]>(),
        (at, change) in (any::<prop::sample::Index>(), 1_u8..),
        other in any::<Vec<u8>>(),
    ) {
        let [membership, machine, replay, certificate] = parts;
        let told = NodeSnapshot { last_log, membership, machine, replay, certificate };
        let mut bytes = told.encode();
        prop_assert_eq!(NodeSnapshot::decode(&bytes), Ok(told));
        for length in (0..bytes.len()).step_by(7) {
            prop_assert!(NodeSnapshot::decode(&bytes[..length]).is_err());
        }
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(NodeSnapshot::decode(&bytes).is_err());
        prop_assert!(NodeSnapshot::decode(&other).is_err());
        // Any lengths behind a right hash.
        let mut forged = b"HBNS\x01\0\0\0".to_vec();
        forged.extend_from_slice(&other);
        forged.extend_from_slice(holobiont_identity::Digest::of(&forged).as_bytes());
        if let Ok(read) = NodeSnapshot::decode(&forged) {
            prop_assert_eq!(read.encode(), forged);
        }
    }
}
