//! A surface's directory, however bad: it is refused by name, or it is read, recovered and goes on.

mod input;
mod scratch;

use std::fs;
use std::path::Path;

use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::format::{Mark, SEGMENT_HEADER_BYTES, SegmentFooter, SegmentHeader};
use holobiont_surface::format::{Start, WindowEntry};
use holobiont_surface::{
    Genesis, Head, NewRecord, Surface, SurfaceError, SurfaceWriter, WriterOptions,
};
use input::Input;

const SMALL: WriterOptions = WriterOptions { segment_bytes: 400 };
const MAX_RECORDS: usize = 64;

/// The first byte chooses where the files come from.
pub(crate) fn run(data: &[u8]) {
    let folder = scratch::folder();
    let dir = folder.path();
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => raw_files(dir, &mut input),
        1 => raw_tail(dir, &mut input),
        2 => forged_segments(dir, &mut input),
        _ => written_and_damaged(dir, &mut input),
    }
    check(dir);
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(name), bytes).expect("a file in the folder");
}

fn segment_name(first_seq: u64, extension: &str) -> String {
    format!("{first_seq:020}.{extension}")
}

/// Every file as it comes; segments are named by what they say themselves.
fn raw_files(dir: &Path, input: &mut Input<'_>) {
    for name in ["genesis", "start", "mark"] {
        put(dir, name, input.blob());
    }
    for extension in ["segment", "open", "next"] {
        let bytes = input.blob();
        let first_seq = bytes.get(72..80).and_then(|seq| seq.try_into().ok());
        let first_seq = u64::from_le_bytes(first_seq.unwrap_or_default());
        if !bytes.is_empty() {
            put(dir, &segment_name(first_seq, extension), bytes);
        }
    }
}

fn genesis(input: &mut Input<'_>) -> Genesis {
    let shape = input.byte();
    let mut genesis = Genesis::new(UniqueId::from_name("fuzzed"));
    genesis.window_records = u32::from(shape % 5) + 1;
    genesis.max_window_bytes = [40, 96, 320, 4096][usize::from(shape / 8 % 4)];
    genesis.every_record_closes = shape & 64 > 0;
    genesis.signing_key = (shape & 128 > 0).then_some([7; 32]);
    genesis
}

/// A new surface whose unsealed segment has the input for records.
fn raw_tail(dir: &Path, input: &mut Input<'_>) {
    let genesis = genesis(input);
    let repaired = input.byte() & 1 > 0;
    let created = SurfaceWriter::create(dir, genesis, SMALL);
    drop(created.expect("a sound genesis makes a surface"));
    let path = dir.join(segment_name(0, "open"));
    let mut bytes = fs::read(&path).expect("a new surface has a segment");
    bytes.extend_from_slice(input.rest());
    if repaired {
        repair_records(&mut bytes);
    }
    put(dir, &segment_name(0, "open"), &bytes);
}

/// Puts the CRCs right for as long as lengths lead from one record to the next.
fn repair_records(segment: &mut [u8]) {
    let mut rest = segment.get_mut(SEGMENT_HEADER_BYTES..).unwrap_or_default();
    while rest.len() >= 32 {
        let payload = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
        let size = usize::try_from(u64::from(payload).next_multiple_of(8) + 32);
        let Some((record, after)) = rest.split_at_mut_checked(size.unwrap_or(usize::MAX)) else {
            return;
        };
        let crc = crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]);
        record[4..8].copy_from_slice(&crc.to_le_bytes());
        rest = after;
    }
}

/// What a host could forge that can hash: a sealed and an unsealed segment whose digests and chain
/// hold, with windows, sequence numbers and clocks of the input's choosing.
fn forged_segments(dir: &Path, input: &mut Input<'_>) {
    let genesis = genesis(input);
    drop(SurfaceWriter::create(dir, genesis.clone(), SMALL));
    fs::remove_file(dir.join(segment_name(0, "open"))).expect("a new surface has a segment");
    let shape = input.byte();
    let (mut seq, mut chain) = (0, genesis.chain_start());
    if shape & 1 > 0 {
        seq = input.number();
        let previous_clock = (shape & 2 > 0).then(|| (input.number(), shape & 4 > 0));
        chain = if seq == 0 { chain } else { Digest::of("before") };
        let start = Start { first_seq: seq, chain_before: chain, previous_clock };
        put(dir, "start", &start.encode());
    }
    let mut mark = None;
    if shape & 8 > 0 {
        let mut bytes = SegmentHeader::new(&genesis, seq, chain).encode();
        let windows = forged_windows(&mut bytes, seq, input);
        if let Some(mut footer) = SegmentFooter::new(chain, windows) {
            if shape & 16 > 0 {
                footer.last_seq = input.number();
                footer.last_clock = input.number();
            }
            bytes.extend(footer.encode());
            put(dir, &segment_name(seq, "segment"), &bytes);
            (seq, chain) = (footer.last_seq.saturating_add(1), footer.chain_after);
            mark = Some(Head { seq: footer.last_seq, hash: chain });
        }
    }
    if shape & 32 > 0 {
        put(dir, "mark", &Mark(mark).encode());
    }
    let mut bytes = SegmentHeader::new(&genesis, seq, chain).encode();
    let windows = forged_windows(&mut bytes, seq, input);
    if let Some(footer) = SegmentFooter::new(chain, windows).filter(|_| shape & 64 > 0) {
        bytes.extend(footer.encode());
    }
    let extension = if shape & 128 > 0 { "next" } else { "open" };
    put(dir, &segment_name(seq, extension), &bytes);
}

fn forged_windows(
    segment: &mut Vec<u8>,
    first_seq: u64,
    input: &mut Input<'_>,
) -> Vec<WindowEntry> {
    let (mut seq, mut clock) = (first_seq, 0_u64);
    let mut windows = Vec::new();
    for _ in 0..input.byte() % 6 {
        let offset = segment.len();
        let (first_clock, window_seq) = (clock.saturating_add(input.number()), seq);
        clock = first_clock;
        let records = input.byte() % 6;
        for _ in 0..records {
            let shape = input.byte();
            let odd = (shape & 16 > 0).then(|| input.number());
            let payload = input.take(usize::from(shape % 12));
            let record =
                NewRecord { clock, closes_clock: shape & 32 > 0, time_ms: 5, kind: 3, payload };
            let stored = record.encode_into(odd.unwrap_or(seq), segment);
            stored.expect("a record of small numbers");
            seq = seq.saturating_add(1);
            clock = clock.saturating_add(u64::from(shape >> 6));
        }
        let odd = input.byte();
        let length = segment.len().saturating_sub(offset);
        windows.push(WindowEntry {
            offset: u64::try_from(offset).unwrap_or_default(),
            length_bytes: u32::try_from(length).unwrap_or_default() ^ u32::from(odd & 8),
            records: u32::from(records) + u32::from(odd & 1),
            first_seq: window_seq,
            first_clock,
            last_clock: clock.saturating_sub(u64::from(odd / 2 % 4)),
            digest: Digest::of(&segment[offset..]),
        });
    }
    windows
}

/// A history that a writer wrote, then cut, changed and put right again in places.
fn written_and_damaged(dir: &Path, input: &mut Input<'_>) {
    let created = SurfaceWriter::create(dir, genesis(input), SMALL);
    let mut writer = created.expect("a sound genesis makes a surface");
    let mut clock = 0_u64;
    for _ in 0..usize::from(input.byte()) % MAX_RECORDS {
        let shape = input.byte();
        let payload = [shape; 90];
        clock = clock.saturating_add(if shape & 1 > 0 { 1 } else { u64::from(shape / 2 % 3) });
        let record = NewRecord {
            clock,
            closes_clock: shape & 8 > 0,
            time_ms: 5,
            kind: 2,
            payload: &payload[..usize::from(shape / 3)],
        };
        let done = match shape {
            255 => writer.retain_from(input.number()).map(drop),
            254 => writer.seal().map(drop),
            248..=253 => writer.sync().map(drop),
            _ => writer.append(record).map(drop),
        };
        assert!(done.err().is_none_or(|error| !error.is_io() && !error.is_damage()));
    }
    drop(writer);
    while !input.is_empty() {
        damage(dir, input);
    }
}

fn damage(dir: &Path, input: &mut Input<'_>) {
    let mut files: Vec<_> = fs::read_dir(dir)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    let (which, how) = (usize::from(input.byte()), input.byte());
    let Some(path) = files.get(which % files.len().max(1)) else {
        return;
    };
    let mut bytes = fs::read(path).expect("a file of the folder");
    let at = usize::from(input.u16()).min(bytes.len());
    match how % 8 {
        0 => bytes.truncate(at),
        1 => bytes.truncate(bytes.len().saturating_sub(at % 64)),
        2 => bytes.extend_from_slice(input.take(at % 64)),
        3 => fs::remove_file(path).expect("a file of the folder"),
        4 => {
            let extension = ["open", "segment", "next", "tmp", "torn"][at % 5];
            fs::rename(path, path.with_extension(extension)).expect("a free name or a file's");
        }
        _ => {
            let change = input.take(1 + at % 8);
            bytes.iter_mut().skip(at).zip(change).for_each(|(byte, change)| *byte ^= change);
        }
    }
    if how & 8 > 0 {
        repair_records(&mut bytes);
    }
    if how & 16 > 0 {
        repair_hash(&mut bytes);
    }
    if !matches!(how % 8, 3 | 4) {
        fs::write(path, bytes).expect("a file of the folder");
    }
}

/// The hash that ends a small file, or a segment's header and footer.
fn repair_hash(bytes: &mut [u8]) {
    if bytes.starts_with(b"HBSG") {
        let at = bytes.windows(4).rposition(|window| window == b"HBFT");
        let length = bytes.len();
        if let Some((content, hash)) = bytes.split_at_mut_checked(112)
            && let Some(hash) = hash.get_mut(..16)
        {
            hash.copy_from_slice(&Digest::of(content).as_bytes()[..16]);
        }
        let footer = at.and_then(|at| bytes.get_mut(at..length.saturating_sub(8)));
        sign(footer.unwrap_or_default());
    } else {
        sign(bytes);
    }
}

fn sign(bytes: &mut [u8]) {
    if let Some((content, hash)) = bytes.split_last_chunk_mut::<32>() {
        *hash = *Digest::of(content).as_bytes();
    }
}

/// What a surface that verifies has: its records' heads, in order.
#[derive(Debug, PartialEq, Eq)]
struct History {
    earliest: u64,
    heads: Vec<Head>,
}

fn check(dir: &Path) {
    let before = Surface::open(dir);
    let history = before.as_ref().ok().map(history);
    let (writer, recovery) = match SurfaceWriter::open(dir, SMALL) {
        Ok(opened) => opened,
        Err(error) => {
            drop(error.to_string());
            assert!(before.is_err(), "what can be read can be recovered: {error}");
            return;
        }
    };
    let before = before.expect("what can be recovered can be read");
    assert_eq!(recovery.torn.is_some(), before.torn().is_some());
    assert_eq!(writer.next_seq(), before.next_seq());
    let after = Surface::open(dir).expect("a recovered surface is sound");
    assert_eq!((after.torn(), after.mark()), (None, before.mark()));
    // Sealed segments are hashed when they are read: damage there is still there, and found again.
    let kept = self::history(&after);
    match (&history, &kept) {
        (Some(Ok(history)), Ok(kept)) => {
            assert_eq!(history, kept);
            assert!(kept.heads.is_empty() || kept.heads.last() == writer.head().as_ref());
        }
        (Some(Err(before)), Err(after)) => assert!(before.is_damage() && after.is_damage()),
        (before, after) => panic!("{before:?} before recovery, {after:?} after it"),
    }
    if let Ok(kept) = kept {
        goes_on(dir, writer, &after, &kept);
    }
}

/// The surface verified, walked, and asked for its records in every other way.
fn history(surface: &Surface) -> Result<History, SurfaceError> {
    let verified = surface.verify(None)?;
    let earliest = surface.earliest();
    let mut cursor = surface.cursor(earliest)?;
    let mut heads = Vec::new();
    let mut clocks = Vec::new();
    while let Some(header) = cursor.peek()? {
        let record = cursor.current().expect("a record that was shown");
        assert_eq!(record.header(), &header);
        clocks.push(header.clock);
        cursor.advance();
        heads.push(cursor.head().expect("a head at the record"));
    }
    assert_eq!(cursor.next_seq(), surface.next_seq());
    assert_eq!(verified.records, surface.next_seq() - earliest);
    assert_eq!(verified.records, u64::try_from(heads.len()).unwrap_or(u64::MAX));
    assert!(clocks.is_sorted());
    if let (Some(first), Some(last)) = (heads.first(), heads.last()) {
        let at_last = surface.head_at(last.seq)?;
        assert_eq!((verified.head, at_last), (Some(*last), *last));
        for head in [first, &heads[heads.len() / 2], last] {
            assert_eq!(surface.head_at(head.seq)?, *head);
            let proof = surface.prove(head.seq, last.seq)?;
            let proven = proof.verify(head.seq, last, surface.genesis());
            assert_eq!(proven.expect("its own evidence").seq(), head.seq);
        }
        let clock = clocks[clocks.len() / 2];
        let found = clocks.iter().position(|found| *found >= clock);
        let found = found.and_then(|place| heads.get(place)).map(|head| head.seq);
        assert_eq!(surface.seq_of_clock(clock)?, found);
    }
    Ok(History { earliest, heads })
}

/// A recovered surface takes another record, keeps all before it, and opens again.
fn goes_on(dir: &Path, mut writer: SurfaceWriter, surface: &Surface, kept: &History) {
    let clock = surface.clock_range().map_or(0, |(_, last)| last);
    let record = NewRecord {
        clock: clock.saturating_add(1),
        closes_clock: true,
        time_ms: 0,
        kind: 1,
        payload: b"",
    };
    let appended = writer.append(record);
    assert!(appended.as_ref().err().is_none_or(|error| !error.is_io()));
    let head = writer.sync().expect("a sync in a sound folder");
    writer.seal().expect("a seal in a sound folder");
    drop(writer);
    let (writer, recovery) = SurfaceWriter::open(dir, SMALL).expect("what was just written");
    assert_eq!((writer.head(), writer.mark()), (head, head));
    assert_eq!((recovery.torn, recovery.kept_after_mark), (None, 0));
    let surface = Surface::open(dir).expect("what was just written");
    let longer = history(&surface).expect("what was just written");
    assert_eq!(longer.earliest, kept.earliest);
    assert!(longer.heads.starts_with(&kept.heads));
    assert_eq!(longer.heads.len(), kept.heads.len() + usize::from(appended.is_ok()));
}
