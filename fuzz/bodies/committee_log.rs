//! A node's log, however bad: it is refused by name, or it is read, recovered and goes on.

mod input;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use holobiont_committee_store::{
    Disk, Flush, Leader, Live, LogOptions, LogStore, NodeSnapshot, Payload, SignedJournal,
    SimulatedDisk, StoreError, Term,
};
use input::Input;
use openraft::entry::{Entry, EntryPayload};
use openraft::impls::EmptyNode;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::vote::RaftLeaderIdExt;
use openraft::{LogId, RaftLogReader, Vote};

type LogEntry = Entry<Term, EntryPayload<Payload, u64, EmptyNode>>;
type Store = LogStore<Live, SimulatedDisk>;

const SMALL: LogOptions = LogOptions { flush: Flush::Inline, segment_bytes: 300, cache_bytes: 100 };
const HEADER_BYTES: usize = 80;
const RECORD_HEADER_BYTES: usize = 48;
const MAX_RECORDS: usize = 40;

/// The first byte chooses where the files come from.
pub(crate) fn run(data: &[u8]) {
    let disk = SimulatedDisk::new(1);
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => raw_files(&disk, &mut input),
        1 => forged_segment(&disk, &mut input),
        2 => written_and_damaged(&disk, &mut input),
        _ => {
            other_files(&mut input);
            return;
        }
    }
    check(&disk);
}

/// Everything here is ready at once: the log is flushed inline.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an inline log never waits"),
    }
}

fn put(disk: &SimulatedDisk, name: &str, bytes: &[u8]) {
    disk.replace(name, bytes).expect("a file on a sound disk");
}

fn open(disk: &SimulatedDisk) -> Result<Store, StoreError> {
    LogStore::open_with(Arc::new(disk.clone()), SMALL).map(|(store, _)| store)
}

fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

/// Every file as it comes; vote and mark are those of an empty log where the input has none.
fn raw_files(disk: &SimulatedDisk, input: &mut Input<'_>) {
    drop(open(disk));
    for name in ["vote", "mark"] {
        let bytes = input.blob();
        if !bytes.is_empty() {
            put(disk, name, bytes);
        }
    }
    let first = input.number();
    put(disk, &segment_name(first), input.rest());
}

/// A segment whose header and checksums are right, with records of any kind.
fn forged_segment(disk: &SimulatedDisk, input: &mut Input<'_>) {
    drop(open(disk));
    let first = input.number();
    let mut bytes = [b"HBLS".as_slice(), &1_u32.to_le_bytes(), &first.to_le_bytes()].concat();
    let previous = first.checked_sub(1).filter(|_| input.byte().is_multiple_of(4));
    let numbers = [u64::from(previous.is_some()), 0, previous.unwrap_or(0), 0];
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());

    let mut index = first;
    for _ in 0..MAX_RECORDS {
        if input.is_empty() {
            break;
        }
        let shape = input.byte();
        let kind = u32::from(shape % 4);
        let term = u64::from(shape / 4 % 4);
        let (durable, committed) = match shape & 16 {
            0 => (index, index),
            _ => (input.number(), input.number()),
        };
        let at = if shape & 32 > 0 { input.number() } else { index };
        let length = usize::from(input.byte());
        let content = input.take(length);
        let start = bytes.len();
        bytes.extend_from_slice(&u32::try_from(content.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&kind.to_le_bytes());
        let numbers = [at, term, durable, committed];
        numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
        bytes.extend_from_slice(content);
        let end = start + RECORD_HEADER_BYTES + content.len().next_multiple_of(8);
        bytes.resize(end, if shape & 64 > 0 { 1 } else { 0 });
        index = index.wrapping_add(1);
    }
    repair(&mut bytes);
    input.edit(&mut bytes);
    put(disk, &segment_name(first), &bytes);
}

/// Makes the checksums of all records right that are there.
fn repair(bytes: &mut [u8]) {
    let (header, mut rest) = bytes.split_at_mut(HEADER_BYTES.min(bytes.len()));
    let salt = crc32c::crc32c(header);
    let mut chain = 0;
    while let Some(length) = rest.first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).expect("a length");
        let size = RECORD_HEADER_BYTES.saturating_add(length.next_multiple_of(8));
        let Some((record, after)) = rest.split_at_mut_checked(size) else { return };
        let head = crc32c::crc32c_append(salt, &record[..4]);
        let head = crc32c::crc32c_append(head, &record[12..RECORD_HEADER_BYTES]);
        record[8..12].copy_from_slice(&head.to_le_bytes());
        chain = crc32c::crc32c_append(crc32c::crc32c_append(chain, &record[..4]), &record[8..]);
        record[4..8].copy_from_slice(&chain.to_le_bytes());
        rest = after;
    }
}

fn log_id(term: u64, index: u64) -> LogId<Term> {
    LogId::new(Leader::new_committed(term, 0), index)
}

/// A log that was written by the store, and files of it changed after that.
fn written_and_damaged(disk: &SimulatedDisk, input: &mut Input<'_>) {
    let mut store = open(disk).expect("a log on an empty disk");
    for _ in 0..input.byte() % 20 {
        let (term, next) = store.marks().last_log.map_or((1, 0), |(term, last)| (term, last + 1));
        let how = input.byte();
        let some = u64::from(how / 8);
        // What is wrong is refused, and changes nothing.
        let done =
            match how % 8 {
                0 => now(store.truncate_after(next.checked_sub(some).map(|it| log_id(term, it)))),
                1 => {
                    let index = next.saturating_sub(some);
                    now(store.purge(store.log_id(index).unwrap_or(log_id(term, index))))
                }
                2 => now(store
                    .save_committed(next.checked_sub(some + 1).and_then(|it| store.log_id(it)))),
                3 => now(store.save_vote(&Vote::new(some, 1))),
                4 => store.close().map_err(Into::into),
                _ => now(append(&mut store, term + some / 8, next, input.take(usize::from(how)))),
            };
        drop(done.map_err(|error| error.to_string()));
    }
    drop(store);
    let names = disk.list().expect("a sound disk");
    for _ in 0..input.byte() % 4 {
        let name = &names[usize::from(input.byte()) % names.len()];
        let is_repaired = input.byte().is_multiple_of(2);
        let changed = disk.tamper(name, |bytes| {
            input.edit(bytes);
            if is_repaired && name.ends_with(".log") {
                repair(bytes);
            }
        });
        changed.expect("a file of the disk");
    }
}

async fn append(store: &mut Store, term: u64, index: u64, payload: &[u8]) -> std::io::Result<()> {
    let payload = EntryPayload::Normal(Payload(payload.to_vec()));
    let entry = LogEntry { log_id: log_id(term, index), payload };
    store.append([entry], IOFlushed::<Live>::noop()).await
}

fn check(disk: &SimulatedDisk) {
    let mut store = match open(disk) {
        Ok(store) => store,
        Err(error) => {
            let is_told = error.is_damage() || matches!(error, StoreError::UnknownVersion { .. });
            assert!(is_told, "{error}");
            return;
        }
    };
    let entries = now(store.try_get_log_entries(..)).expect("what was just recovered");
    let marks = store.marks();
    let last = entries.last().map(|last| last.log_id).or(marks.purged.map(|(a, b)| log_id(a, b)));
    assert_eq!(marks.last_log.map(|(term, index)| log_id(term, index)), last);
    for pair in entries.windows(2) {
        let (one, next) = (pair[0].log_id, pair[1].log_id);
        assert!(one.index() + 1 == next.index() && one < next);
    }
    for entry in &entries {
        assert_eq!(store.log_id(entry.log_id.index()), Some(entry.log_id));
    }
    let (term, index) = marks.last_log.map_or((1, 0), |(term, it)| (term, it.saturating_add(1)));
    let appended = now(append(&mut store, term, index, b"goes on"));
    assert_eq!(appended.is_ok(), index < u64::MAX);
    let now_there = now(store.try_get_log_entries(..)).expect("what was just written");
    let disk = disk.crash();
    drop(store);
    let mut store = open(&disk).expect("what was just written");
    assert_eq!(now(store.try_get_log_entries(..)).expect("what was just opened"), now_there);
    assert!(now_there.starts_with(&entries));
}

/// A snapshot, and a journal of signatures.
fn other_files(input: &mut Input<'_>) {
    let mut snapshot = input.blob().to_vec();
    for is_hashed in [false, true] {
        if is_hashed {
            snapshot.extend_from_slice(blake3::hash(&snapshot).as_bytes());
        }
        if let Ok(read) = NodeSnapshot::decode(&snapshot) {
            assert_eq!(read.encode(), snapshot);
        }
    }
    let disk = SimulatedDisk::new(1);
    let open = || SignedJournal::open(Arc::new(disk.clone()));
    let mut journal = open().expect("a journal on an empty disk");
    let cuts = u64::from(input.byte() % 9);
    for cut in 0..cuts {
        let statement = holobiont_identity::Digest::of(cut.to_le_bytes());
        journal.record(cut, &statement).expect("a new cut");
    }
    disk.tamper("signed", |bytes| input.edit(bytes)).expect("the journal's file");
    match open() {
        Ok(mut journal) => {
            let next = journal.last_cut().map_or(0, |last| last.saturating_add(1));
            let statement = holobiont_identity::Digest::of("another");
            let recorded = journal.record(next, &statement);
            assert!(recorded.is_ok() || journal.statement(next).is_some());
            drop(journal);
            let journal = open().expect("what was just written");
            assert_eq!(journal.cut_off_bytes(), 0);
        }
        Err(error) => drop(error.to_string()),
    }
}
