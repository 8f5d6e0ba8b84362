use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::{Genesis, Head, NewRecord, Surface, SurfaceWriter, WriterOptions};

/// Small windows, so that a few dozen records have many; some end for their bytes, some for their
/// count.
pub(crate) fn genesis() -> Genesis {
    let mut genesis = Genesis::new(UniqueId::from_name("test surface"));
    genesis.window_records = 4;
    genesis.max_window_bytes = 320;
    genesis
}

/// A segment about every two windows.
pub(crate) const SMALL: WriterOptions = WriterOptions { segment_bytes: 400 };

pub(crate) fn payload(seq: u64) -> Vec<u8> {
    (0..(seq * 23) % 97).map(|byte| u8::try_from((byte + seq) % 251).unwrap()).collect()
}

pub(crate) fn record(seq: u64, payload: &[u8]) -> NewRecord<'_> {
    NewRecord {
        clock: seq / 2,
        closes_clock: seq % 2 == 1,
        time_ms: 1_700_000_000_000 + seq,
        kind: 3,
        payload,
    }
}

pub(crate) fn append(writer: &mut SurfaceWriter, seqs: Range<u64>) {
    for seq in seqs {
        assert_eq!(writer.append(record(seq, &payload(seq))).unwrap(), seq);
    }
}

/// A surface with `records` records, durable up to and with the first `durable`.
pub(crate) fn surface(dir: &Path, options: WriterOptions, durable: u64, records: u64) {
    let mut writer = SurfaceWriter::create(dir, genesis(), options).unwrap();
    append(&mut writer, 0..durable);
    writer.sync().unwrap();
    append(&mut writer, durable..records);
}

/// The heads that the formats' description gives, computed without any of the crate's readers.
pub(crate) fn expected_heads(genesis: &Genesis, records: u64) -> Vec<Head> {
    let mut chain = genesis.chain_start();
    let (mut window, mut count) = (Vec::new(), 0);
    let mut heads = Vec::new();
    let link = |chain: Digest, window: &[u8]| {
        Digest::of([chain.as_bytes().as_slice(), Digest::of(window).as_bytes()].concat())
    };
    for seq in 0..records {
        let mut stored = Vec::new();
        record(seq, &payload(seq)).encode_into(seq, &mut stored).unwrap();
        let limit = usize::try_from(genesis.max_window_bytes).unwrap();
        if count == genesis.window_records || window.len() + stored.len() > limit {
            chain = link(chain, &window);
            (window, count) = (Vec::new(), 0);
        }
        window.extend(stored);
        count += 1;
        heads.push(Head { seq, hash: link(chain, &window) });
    }
    heads
}

/// Every record from `from` on with the head at it, read through one cursor.
pub(crate) fn read_all(surface: &Surface, from: u64) -> Vec<(u64, Vec<u8>, Head)> {
    let mut cursor = surface.cursor(from).unwrap();
    let mut read = Vec::new();
    while let Some(header) = cursor.peek().unwrap() {
        let record = cursor.current().unwrap();
        assert_eq!((record.seq(), record.header()), (header.seq, &header));
        assert_eq!((record.clock(), record.closes_clock()), (header.seq / 2, header.seq % 2 == 1));
        let payload = record.payload().to_vec();
        cursor.advance();
        read.push((header.seq, payload, cursor.head().unwrap()));
    }
    read
}

/// The files of a surface, by name; nothing that a recovery kept aside.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !has_extension(path, "torn"));
    files.sort();
    files
}

pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// The one file with this extension.
pub(crate) fn only(dir: &Path, extension: &str) -> PathBuf {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| has_extension(path, extension)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Where the records of a segment file begin and end: offsets of each, and the end of the last.
pub(crate) fn record_offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![128];
    loop {
        let at = *offsets.last().unwrap();
        let Some(length) = bytes.get(at..at + 32) else {
            return offsets;
        };
        if length.starts_with(b"HBFT") {
            return offsets;
        }
        let length = u32::from_le_bytes(length[..4].try_into().unwrap());
        offsets.push(at + 32 + usize::try_from(length.next_multiple_of(8)).unwrap());
    }
}
