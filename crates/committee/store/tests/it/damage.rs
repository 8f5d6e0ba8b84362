//! Files that are not what was written: refused by name wherever something was acknowledged.

use std::collections::BTreeMap;

use holobiont_committee_store::{Defect, Disk, DiskImage, Live, SimulatedDisk, StoreError};
use openraft::storage::RaftLogStorage;
use openraft::type_config::TypeConfigExt;

use crate::common::{SMALL, all, append, entry, log_id, open, vote};

const BATCHES: u64 = 12;
const BATCH: u64 = 3;

/// A log of several files, flushed a few entries at a time; and where the last flush began.
fn written(is_closed: bool) -> (SimulatedDisk, u64) {
    let disk = SimulatedDisk::new(3);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    let mut last_flush = 0;
    Live::run(async {
        store.save_vote(&vote(4, 1)).await.unwrap();
        for batch in 0..BATCHES {
            last_flush = disk.size_bytes(&newest(&disk)).unwrap_or(0);
            let first = batch * BATCH;
            append(&mut store, (first..first + BATCH).map(|it| entry(1 + it / 9, it)))
                .await
                .unwrap();
            store.save_committed(Some(log_id(1 + (first + 1) / 9, first + 1))).await.unwrap();
        }
    });
    if is_closed {
        store.close().unwrap();
    }
    (disk.kill(), last_flush)
}

fn newest(disk: &SimulatedDisk) -> String {
    let mut names = disk.list().unwrap().into_iter();
    names.rfind(|name| name.ends_with(".log")).unwrap_or_default()
}

fn files(disk: &SimulatedDisk) -> BTreeMap<String, u64> {
    let names = disk.list().unwrap().into_iter();
    names.map(|name| (name.clone(), disk.size_bytes(&name).unwrap())).collect()
}

/// Every bit of every file, one after the other.
fn each_flip(disk: &SimulatedDisk, mut check: impl FnMut(&str, u64, SimulatedDisk)) {
    let image: DiskImage = disk.image();
    for (name, size) in files(disk) {
        for at in 0..size {
            let flipped = SimulatedDisk::new(0);
            flipped.restore(&image);
            let place = usize::try_from(at).unwrap();
            flipped.tamper(&name, |bytes| bytes[place] ^= 1 << (at % 8)).unwrap();
            check(&name, at, flipped);
        }
    }
}

#[test]
fn a_changed_bit_below_the_mark_is_refused_by_name() {
    let (disk, _) = written(true);
    assert!(files(&disk).len() > 5);
    each_flip(&disk, |name, at, flipped| match open(&flipped, SMALL) {
        Ok(_) => panic!("{name} at {at} was taken"),
        Err(StoreError::Damage { file, offset, .. }) => assert!(file == name && offset <= at),
        Err(StoreError::UnknownVersion { file, .. }) => {
            assert!(file == name && (4..8).contains(&at));
        }
        Err(error) => panic!("{error}"),
    });
}

#[test]
fn a_changed_bit_anywhere_costs_at_most_the_last_flush_and_is_reported() {
    let (disk, last_flush) = written(false);
    let last = newest(&disk);
    let (mut torn, mut refused) = (0, 0);
    each_flip(&disk, |name, at, flipped| match open(&flipped, SMALL) {
        Ok((mut store, recovery)) => {
            let tail = recovery.torn.unwrap();
            assert!(name == last && tail.file == last, "{name}");
            assert!(at >= tail.offset && tail.offset >= last_flush, "{name} at {at}");
            let kept = flipped.read_all(&tail.kept_as.unwrap(), 1 << 20).unwrap().unwrap();
            assert_eq!(kept.len() as u64, tail.size_bytes);
            let found = Live::run(all(&mut store)).unwrap();
            let sure = (BATCHES - 1) * BATCH;
            let told = |from, to| (from..to).map(|it| entry(1 + it / 9, it)).collect::<Vec<_>>();
            assert!(found.starts_with(&told(0, sure)));
            assert!(told(0, BATCHES * BATCH).starts_with(&found));
            torn += 1;
        }
        Err(error) => {
            assert!(error.to_string().contains(name), "{error}");
            refused += 1;
        }
    });
    assert!(torn > 100 && refused > 1000, "{torn} {refused}");
}

#[test]
fn a_missing_file_is_named() {
    let (disk, _) = written(true);
    let image = disk.image();
    for name in files(&disk).into_keys() {
        let missing = SimulatedDisk::new(0);
        missing.restore(&image);
        missing.remove(&name).unwrap();
        let error = open(&missing, SMALL).unwrap_err();
        assert!(error.is_damage(), "{error}");
        // One in the middle is missed by the file after it.
        let says = error.to_string();
        assert!(says.contains(&name) || says.contains("follows"), "{says}");
    }
}

/// The disk gives an older state of one file.
#[test]
fn a_file_from_another_time_or_place_is_refused() {
    let disk = SimulatedDisk::new(9);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    Live::run(append(&mut store, (0..4).map(|it| entry(1, it)))).unwrap();
    let older = disk.read_all(&newest(&disk), 1 << 20).unwrap().unwrap();
    Live::run(async {
        store.truncate_after(Some(log_id(1, 1))).await.unwrap();
        append(&mut store, (2..5).map(|it| entry(2, it))).await.unwrap();
    });
    store.close().unwrap();
    let name = newest(&disk);
    let tampered = disk.kill();
    tampered.tamper(&name, |bytes| bytes.clone_from(&older)).unwrap();
    let error = open(&tampered, SMALL).unwrap_err();
    assert!(matches!(error, StoreError::Damage { what: Defect::EndsBefore { .. }, .. }), "{error}");

    // A record that was cut off, in its old place again.
    let (disk, _) = written(true);
    let names: Vec<_> = files(&disk).into_keys().filter(|name| name.ends_with(".log")).collect();
    let first = disk.read_all(&names[0], 1 << 20).unwrap().unwrap();
    disk.tamper(&names[1], |bytes| {
        let (from, to) = (88, bytes.len().min(first.len()));
        bytes[from..to].copy_from_slice(&first[from..to]);
    })
    .unwrap();
    let error = open(&disk, SMALL).unwrap_err();
    assert!(error.is_damage() && error.to_string().contains(&names[1]), "{error}");
}

#[test]
fn a_byte_that_changes_under_an_open_log_is_not_handed_out() {
    let (disk, _) = written(true);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    let good = Live::run(all(&mut store)).unwrap();
    let name = newest(&disk);
    let mut refused = 0;
    for at in 88..disk.size_bytes(&name).unwrap() {
        let place = usize::try_from(at).unwrap();
        disk.tamper(&name, |bytes| bytes[place] ^= 4).unwrap();
        match Live::run(all(&mut store)) {
            Ok(read) => assert_eq!(read, good),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
                refused += 1;
            }
        }
        disk.tamper(&name, |bytes| bytes[place] ^= 4).unwrap();
    }
    // What is in memory is not read again.
    assert!(refused > 100, "{refused}");
    assert_eq!(Live::run(all(&mut store)).unwrap(), good);
}
