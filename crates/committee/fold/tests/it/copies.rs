//! One copy a member: found, kept, told of, recovered.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holobiont_committee_fold::{Copies, CopyOptions, FoldError};
use holobiont_surface::{Genesis, SurfaceError};

use crate::world::{SMALL, append, config, days, genesis, open_copies, record};

#[test]
fn an_empty_copy_takes_the_genesis_of_its_source_and_a_full_one_keeps_its_own() {
    let organism = config(2, "");
    let dir = tempfile::tempdir().unwrap();
    let (copies, recovered) = Copies::open(&organism, dir.path(), SMALL).unwrap();
    assert!(recovered.is_empty());
    let usual = Genesis::new(organism.members[0].surface_id());
    assert_eq!(copies.genesis(0).unwrap(), usual);
    let own = genesis(&organism, 0);
    copies.found(0, &own).unwrap();
    assert_eq!(copies.genesis(0).unwrap(), own);
    append(&copies, 0, &days(3, 1));
    copies.found(0, &own).unwrap();
    let refused = copies.found(0, &usual);
    assert!(matches!(refused, Err(FoldError::OtherGenesis { .. })), "{refused:?}");
    let refused = copies.found(1, &own);
    assert!(matches!(refused, Err(FoldError::OtherSurface { .. })), "{refused:?}");
    assert!(matches!(copies.found(2, &own), Err(FoldError::NoMember { place: 2 })));
    assert_eq!((copies.len(), copies.next_seq(0), copies.next_seq(2)), (2, 3, 0));
}

#[test]
fn the_folder_of_another_surface_is_refused() {
    let organism = config(2, "");
    let dir = tempfile::tempdir().unwrap();
    drop(Copies::open(&organism, dir.path(), SMALL).unwrap());
    fs::remove_dir_all(dir.path().join("m0")).unwrap();
    fs::rename(dir.path().join("m1"), dir.path().join("m0")).unwrap();
    let refused = Copies::open(&organism, dir.path(), SMALL);
    assert!(matches!(refused, Err(FoldError::OtherSurface { .. })), "{refused:?}");
}

#[test]
fn syncs_are_told_and_nothing_else_is_shown() {
    let organism = config(2, "");
    let dir = tempfile::tempdir().unwrap();
    let copies = open_copies(&organism, dir.path(), CopyOptions::default());
    let told = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&told);
    copies.on_sync(Box::new(move |member| {
        heard.fetch_add(u64::from(member) + 1, Ordering::SeqCst);
    }));
    let before = copies.grown();
    append(&copies, 1, &days(10, 1));
    assert_eq!((copies.grown(), told.load(Ordering::SeqCst)), (before, 0));
    assert_eq!((copies.next_seq(1), copies.durable(1)), (10, None));
    assert_eq!(copies.views(1).unwrap().first_missing(0, 0), Some(0));
    let head = copies.sync(1).unwrap();
    assert_ne!(copies.grown(), before);
    assert_eq!(told.load(Ordering::SeqCst), 2);
    assert_eq!((copies.durable(1), head.map(|head| head.seq)), (head, Some(9)));
    assert_eq!(copies.views(1).unwrap().first_missing(0, 9), None);
    append(&copies, 1, &days(1, 20));
    assert_eq!(copies.views(1).unwrap().first_missing(0, 10), Some(10));
}

#[test]
fn a_record_that_cannot_follow_is_refused_and_those_before_it_are_kept() {
    let organism = config(1, "");
    let dir = tempfile::tempdir().unwrap();
    let copies = open_copies(&organism, dir.path(), SMALL);
    let mut entries = days(5, 1);
    entries[3].0 = 1;
    let records: Vec<_> = entries.iter().map(record).collect();
    let refused = copies.append(0, &records).unwrap_err();
    assert!(matches!(refused, FoldError::Copy { .. }), "{refused}");
    assert_eq!(copies.next_seq(0), 3);
    append(&copies, 0, &days(2, 10));
    let head = copies.sync(0).unwrap();
    assert_eq!(head.map(|head| head.seq), Some(4));
    // As a peer has them, stored.
    let other = open_copies(&organism, &dir.path().join("other"), SMALL);
    let view = copies.view(0).unwrap();
    let mut cursor = view.cursor(0).unwrap();
    let mut stored = Vec::new();
    while let Some(record) = cursor.next_record().unwrap() {
        stored.extend_from_slice(record.stored());
    }
    assert_eq!(other.append_stored(0, &stored).unwrap(), 5);
    assert_eq!(other.sync(0).unwrap(), head);
    // Whoever feeds a copy that went on, or back, without him is told so.
    for refused in [other.append_stored(0, &stored), other.append_at(0, 3, &records)] {
        let is_elsewhere =
            matches!(refused, Err(FoldError::OtherPlace { first_seq: 0 | 3, next_seq: 5, .. }));
        assert!(is_elsewhere, "{refused:?}");
    }
    stored.truncate(stored.len() - 5);
    let cut = open_copies(&organism, &dir.path().join("cut"), SMALL);
    let FoldError::Copy { source, .. } = cut.append_stored(0, &stored).unwrap_err() else {
        panic!()
    };
    assert!(matches!(source, SurfaceError::BadRecord { seq: 4, .. }), "{source}");
    assert_eq!(cut.next_seq(0), 4);
}

#[test]
fn what_an_interrupted_copy_had_is_recovered_and_told() {
    let organism = config(1, "");
    let dir = tempfile::tempdir().unwrap();
    {
        let copies = open_copies(&organism, dir.path(), SMALL);
        append(&copies, 0, &days(5, 1));
        copies.sync(0).unwrap();
        append(&copies, 0, &days(2, 10));
    }
    let open = fs::read_dir(dir.path().join("m0")).unwrap().map(|file| file.unwrap().path());
    let open = open.into_iter().find(|path| path.extension().is_some_and(|it| it == "open"));
    let open = open.unwrap();
    let length = fs::metadata(&open).unwrap().len();
    fs::File::options().write(true).open(&open).unwrap().set_len(length - 3).unwrap();
    let (copies, recovered) = Copies::open(&organism, dir.path(), SMALL).unwrap();
    assert_eq!(recovered.len(), 1);
    assert_eq!(recovered[0].recovery.kept_after_mark, 1);
    assert!(recovered[0].recovery.torn.is_some());
    // What was kept is durable from here on.
    assert_eq!((copies.next_seq(0), copies.durable(0).map(|head| head.seq)), (6, Some(5)));
}

/// A copy whose files are damaged is no opinion, and says why.
#[test]
fn a_damaged_copy_says_nothing_but_why() {
    let organism = config(1, "");
    let dir = tempfile::tempdir().unwrap();
    let copies = open_copies(&organism, dir.path(), SMALL);
    append(&copies, 0, &days(40, 1));
    copies.sync(0).unwrap();
    let head = copies.offer(0, None).unwrap();
    drop(copies);
    let copies = open_copies(&organism, dir.path(), SMALL);
    let view = copies.view(0).unwrap();
    let file = view.segments().next().unwrap().file.clone();
    let mut bytes = fs::read(&file).unwrap();
    bytes[150] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(copies.opinion(&head, None), None);
    let why = copies.failure(0).unwrap();
    assert!(why.contains("damaged"), "{why}");
}
