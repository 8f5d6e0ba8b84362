//! Entries that are read back, from memory and from files, while the log moves.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use holobiont_committee_store::{
    Flush, Live, LogOptions, MAX_ENTRY_BYTES, MAX_READ_BYTES, Payload, SimulatedDisk, StoreError,
};
use openraft::RaftLogReader;
use openraft::entry::EntryPayload;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use crate::common::{LogEntry, SMALL, Store, all, append, entry, log_id, open, vote};

fn filled(count: u64) -> (SimulatedDisk, Store<SimulatedDisk>) {
    let disk = SimulatedDisk::new(1);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    Live::run(append(&mut store, (0..count).map(|it| entry(1 + it / 50, it)))).unwrap();
    (disk, store)
}

#[test]
fn every_range_gives_what_was_appended() {
    let (_disk, mut store) = filled(120);
    Live::run(async {
        for from in 0..122 {
            for to in [from, from + 1, from + 2, from + 40, 120, 500] {
                let read = store.try_get_log_entries(from..to).await.unwrap();
                let told = (from..to.min(120)).map(|it| entry(1 + it / 50, it));
                assert_eq!(read, told.collect::<Vec<_>>(), "{from} {to}");
            }
        }
        let streamed: Vec<_> = store.entries_stream(7..).await.try_collect().await.unwrap();
        assert_eq!(streamed, all(&mut store).await.unwrap()[7..]);
    });
}

#[test]
fn commands_are_read_in_parts_and_what_is_purged_is_named() {
    let (_disk, mut store) = filled(90);
    let mut from = 0;
    while from < 90 {
        let part = store.committed_entries(from, 89, 700).unwrap();
        assert!(!part.is_empty() && part.len() < 40);
        for (index, payload) in part {
            assert_eq!(index, from);
            let command = match entry(1 + index / 50, index).payload {
                EntryPayload::Normal(payload) => Some(payload),
                _ => None,
            };
            assert_eq!(payload, command);
            from += 1;
        }
    }
    assert_eq!(store.committed_entries(90, 200, 700).unwrap(), []);
    assert_eq!(store.committed_entries(5, 4, 700).unwrap(), []);
    Live::run(store.purge(log_id(1, 30))).unwrap();
    let purged = store.committed_entries(30, 50, 700).unwrap_err();
    assert!(matches!(purged, StoreError::Purged { wanted: 30, earliest: 31 }), "{purged}");
    assert_eq!(store.committed_entries(31, 31, 0).unwrap().len(), 1);
    Live::run(store.purge(log_id(9, 300))).unwrap();
    assert!(store.committed_entries(90, 95, 700).is_err());
}

#[test]
fn a_peer_gets_only_what_fits_a_message() {
    let disk = SimulatedDisk::new(1);
    let (mut store, _) = open(&disk, LogOptions::new(Flush::Inline)).unwrap();
    let large = |index, length| LogEntry {
        log_id: log_id(1, index),
        payload: EntryPayload::Normal(Payload(vec![7; length])),
    };
    Live::run(async {
        append(&mut store, (0..9).map(|it| large(it, MAX_READ_BYTES / 3))).await.unwrap();
        append(&mut store, [large(9, MAX_ENTRY_BYTES)]).await.unwrap();
        assert_eq!(store.limited_get_log_entries(0, 10).await.unwrap().len(), 2);
        assert_eq!(store.limited_get_log_entries(9, 10).await.unwrap().len(), 1);
        let streamed: Vec<_> = store.entries_stream(0..10).await.try_collect().await.unwrap();
        assert_eq!(streamed.len(), 10);
        let refused = append(&mut store, [large(10, MAX_ENTRY_BYTES + 1)]).await.unwrap_err();
        assert!(refused.to_string().contains("propose less"), "{refused}");
        // It was refused before anything was written.
        append(&mut store, [large(10, 1)]).await.unwrap();
    });
    let (mut store, _) = open(&disk, LogOptions::new(Flush::Inline)).unwrap();
    assert_eq!(Live::run(all(&mut store)).unwrap().len(), 11);
}

#[test]
fn what_cannot_follow_is_refused_and_changes_nothing() {
    let (_disk, mut store) = filled(20);
    Live::run(async {
        store.save_vote(&vote(5, 2)).await.unwrap();
        let before = store.marks();
        for wrong in [entry(1, 19), entry(1, 21), entry(0, 20)] {
            append(&mut store, [wrong]).await.unwrap_err();
        }
        append(&mut store, [entry(1, 20), entry(1, 22)]).await.unwrap_err();
        for back in [vote(4, 2), vote(5, 1)] {
            let refused = store.save_vote(&back).await.unwrap_err();
            assert!(refused.to_string().contains("saved one"), "{refused}");
        }
        store.save_committed(Some(log_id(1, 10))).await.unwrap();
        let refused = store.truncate_after(Some(log_id(1, 9))).await.unwrap_err();
        assert!(refused.to_string().contains("is committed"), "{refused}");
        assert_eq!(store.marks().last_log, before.last_log);
        store.truncate_after(Some(log_id(1, 10))).await.unwrap();
        assert_eq!(store.marks().last_log, Some((1, 10)));
        // A leader that was elected is the same vote, and more.
        store.save_vote(&openraft::Vote::new_committed(5, 2)).await.unwrap();
    });
}

/// A snapshot that says otherwise than entries which were never committed.
#[test]
fn a_purge_past_another_history_drops_it() {
    let (disk, mut store) = filled(60);
    Live::run(async {
        store.save_committed(Some(log_id(1, 20))).await.unwrap();
        let refused = store.purge(log_id(7, 20)).await.unwrap_err();
        assert!(refused.to_string().contains("is committed"), "{refused}");
        store.purge(log_id(7, 30)).await.unwrap();
    });
    let disk = disk.crash();
    drop(store);
    let (mut store, _) = open(&disk, SMALL).unwrap();
    assert_eq!(store.marks().last_log, Some((7, 30)));
    assert_eq!(Live::run(all(&mut store)).unwrap(), []);
    Live::run(append(&mut store, [entry(7, 31)])).unwrap();
}

/// A snapshot of a leader of term 7 makes more known than this log has, whose own end was never
/// committed; the node ends before the snapshot has taken the log's place.
#[test]
fn what_is_committed_elsewhere_is_not_said_of_this_log() {
    for own in [(8, 22), (6, 22)] {
        let (disk, mut store) = filled(20);
        Live::run(async {
            append(&mut store, [entry(own.0, 20), entry(own.0, 21)]).await.unwrap();
            store.save_committed(Some(log_id(1, 15))).await.unwrap();
            store.save_committed(Some(log_id(7, 50))).await.unwrap();
            append(&mut store, [entry(own.0, own.1)]).await.unwrap();
        });
        store.close().unwrap();
        let disk = disk.crash();
        drop(store);
        let (store, _) = open(&disk, SMALL).expect("nothing is damaged");
        assert_eq!(store.marks().last_log, Some(own));
        let committed = store.marks().committed;
        assert!(committed.is_none_or(|committed| committed.1 <= 15), "{committed:?}");
    }
}

#[test]
fn many_appends_share_one_wait_for_the_disk() {
    let disk = SimulatedDisk::new(1);
    let options = LogOptions::new(Flush::Thread);
    let (mut store, _) = open(&disk, options).unwrap();
    Live::run(async {
        let mut waiting = Vec::new();
        for index in 0..5_000 {
            let (sender, receiver) = Live::oneshot();
            store.append([entry(1, index)], IOFlushed::<Live>::signal(sender)).await.unwrap();
            // At once, before it is on disk.
            let read = store.try_get_log_entries(index..=index).await.unwrap();
            assert_eq!(read, [entry(1, index)]);
            waiting.push(receiver);
        }
        for receiver in waiting {
            receiver.await.unwrap().unwrap();
        }
    });
    let figures = store.figures();
    assert_eq!((figures.entries_appended, figures.entries), (5_000, 5_000));
    assert_eq!(figures.size_bytes, store.size_bytes());
    assert!(figures.bytes_appended < figures.size_bytes);
    assert!(figures.syncs.count < 5_000, "{}", figures.syncs.count);
    assert_eq!(figures.syncs.buckets.iter().sum::<u64>(), figures.syncs.count);
}

/// A reader never sees an entry in another one's place, whatever goes away under it.
#[test]
fn reading_while_entries_come_and_go() {
    for flush in [Flush::Inline, Flush::Thread] {
        let options = LogOptions { flush, ..SMALL };
        let (mut store, _) = open(&SimulatedDisk::new(1), options).unwrap();
        let mut reader = store.clone();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut most = 0;
                while !done.load(Ordering::Relaxed) || most == 0 {
                    let read = Live::run(all(&mut reader)).unwrap();
                    let ids: Vec<_> = read.iter().map(|it| it.log_id).collect();
                    assert!(ids.windows(2).all(|it| it[0].index() + 1 == it[1].index()));
                    for found in &read {
                        let term = **found.log_id.committed_leader_id();
                        assert_eq!(*found, entry(term, found.log_id.index()));
                    }
                    most = most.max(read.len());
                }
            });
            Live::run(async {
                let (mut next, mut term) = (0, 1);
                for round in 0..300_u64 {
                    append(&mut store, (next..next + 9).map(|it| entry(term, it))).await.unwrap();
                    next += 9;
                    if round % 3 == 0 {
                        (next, term) = (next - 5, term + 1);
                        let last = store.log_id(next - 1);
                        store.truncate_after(last).await.unwrap();
                    }
                    if round % 7 == 0 && next > 40 {
                        let to = store.log_id(next - 30).unwrap();
                        store.purge(to).await.unwrap();
                    }
                }
            });
            done.store(true, Ordering::Relaxed);
        });
    }
}
