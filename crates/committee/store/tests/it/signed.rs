//! What a node has signed is signed once, whatever happens to it.

use std::sync::Arc;

use holobiont_committee_store::{
    Defect, Disk, Live, MAX_SIGNED_CUTS, SignedJournal, SimulatedDisk, StoreError,
};
use holobiont_identity::Digest;
use openraft::storage::RaftLogStorage;
use openraft::type_config::TypeConfigExt;

use crate::common::{SMALL, open, vote};

fn journal(disk: &SimulatedDisk) -> Result<SignedJournal<SimulatedDisk>, StoreError> {
    SignedJournal::open(Arc::new(disk.clone()))
}

fn statement(cut: u64) -> Digest {
    Digest::of(cut.to_le_bytes())
}

#[test]
fn another_statement_for_a_cut_is_refused_also_after_a_crash() {
    let disk = SimulatedDisk::new(2);
    let mut signed = journal(&disk).unwrap();
    signed.record_all(&[(4, statement(4)), (5, statement(5)), (4, statement(4))]).unwrap();
    let disk = disk.crash();
    let mut signed = journal(&disk).unwrap();
    assert_eq!((signed.statement(4), signed.last_cut()), (Some(statement(4)), Some(5)));
    let before = disk.operations();
    signed.record(5, &statement(5)).unwrap();
    assert_eq!(disk.operations(), before, "the same again is not written");
    for wrong in [vec![(5, statement(6))], vec![(7, statement(7)), (7, statement(8))]] {
        let error = signed.record_all(&wrong).unwrap_err();
        assert!(matches!(error, StoreError::SignedOther { cut: 5 | 7 }), "{error}");
    }
    assert_eq!(signed.statement(7), None);
    signed.record(7, &statement(9)).unwrap();
}

#[test]
fn what_is_forgotten_is_never_signed_again() {
    let disk = SimulatedDisk::new(2);
    let mut signed = journal(&disk).unwrap();
    signed.record_all(&[(1, statement(1)), (2, statement(2)), (3, statement(3))]).unwrap();
    signed.prune(3).unwrap();
    signed.prune(2).unwrap();
    let mut signed = journal(&disk.crash()).unwrap();
    assert_eq!((signed.statement(2), signed.statement(3)), (None, Some(statement(3))));
    for cut in [0, 2] {
        let error = signed.record(cut, &statement(cut)).unwrap_err();
        assert!(matches!(error, StoreError::CutForgotten { from: 3, .. }), "{error}");
    }
}

#[test]
fn the_file_stays_small() {
    let disk = SimulatedDisk::new(2);
    let mut signed = journal(&disk).unwrap();
    let most = MAX_SIGNED_CUTS as u64;
    for cut in 0..most * 5 {
        signed.record(cut, &statement(cut)).unwrap();
    }
    assert!(disk.size_bytes("signed").unwrap() <= 64 * (2 * most + 2));
    let mut signed = journal(&disk.crash()).unwrap();
    for cut in most * 4..most * 5 {
        assert_eq!(signed.statement(cut), Some(statement(cut)));
    }
    assert!(signed.record(1, &statement(1)).is_err());
}

#[test]
fn damage_is_refused_but_for_the_last_record() {
    let disk = SimulatedDisk::new(2);
    let mut signed = journal(&disk).unwrap();
    for cut in 0..6 {
        signed.record(cut, &statement(cut)).unwrap();
    }
    let size = usize::try_from(disk.size_bytes("signed").unwrap()).unwrap();
    let image = disk.image();
    let mut torn = 0;
    for at in 0..size {
        let flipped = SimulatedDisk::new(0);
        flipped.restore(&image);
        flipped.tamper("signed", |bytes| bytes[at] ^= 0x10).unwrap();
        match journal(&flipped) {
            Ok(signed) => {
                assert!(at >= size - 64);
                assert_eq!((signed.last_cut(), signed.cut_off_bytes()), (Some(4), 64));
                torn += 1;
            }
            Err(error) => assert!(error.to_string().contains("signed"), "{error}"),
        }
    }
    assert_eq!(torn, 64);
    // All that was there when it was written anew is known to have been.
    journal(&disk).unwrap().prune(2).unwrap();
    let size = usize::try_from(disk.size_bytes("signed").unwrap()).unwrap();
    for at in (0..size).rev() {
        disk.tamper("signed", |bytes| bytes[at] ^= 0x10).unwrap();
        journal(&disk).unwrap_err();
        disk.tamper("signed", |bytes| bytes[at] ^= 0x10).unwrap();
    }
    disk.tamper("signed", |bytes| bytes.truncate(64 * 3)).unwrap();
    let error = journal(&disk).unwrap_err();
    assert!(matches!(error, StoreError::Damage { what: Defect::Short, .. }), "{error}");
}

#[test]
fn a_journal_that_went_missing_is_not_a_new_one() {
    let disk = SimulatedDisk::new(2);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    journal(&disk).unwrap();
    Live::run(store.save_vote(&vote(1, 1))).unwrap();
    disk.remove("signed").unwrap();
    let error = journal(&disk).unwrap_err();
    assert!(matches!(error, StoreError::Damage { what: Defect::Missing, .. }), "{error}");
}

#[test]
fn after_a_failed_write_nothing_is_signed() {
    let disk = SimulatedDisk::new(2);
    let mut signed = journal(&disk).unwrap();
    disk.full_after(Some(0));
    assert!(signed.record(1, &statement(1)).unwrap_err().is_out_of_space());
    disk.full_after(None);
    let error = signed.record(1, &statement(1)).unwrap_err();
    assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
    assert_eq!(signed.statement(1), None);
    journal(&disk.kill()).unwrap().record(1, &statement(2)).unwrap();
}
