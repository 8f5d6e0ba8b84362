//! What is checked at every level of trust: the structure. Segments whose hashes hold, with windows
//! that do not; and files that changed after they were opened, which `Trust::None` never hashes.

use std::fs;
use std::path::Path;

use holobiont_identity::Digest;
use holobiont_surface::format::{SegmentFooter, SegmentHeader, WindowEntry};
use holobiont_surface::{
    Damage, Head, NewRecord, ReadOptions, ReadPool, Surface, SurfaceError, SurfaceWriter, Trust,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::common::{SMALL, genesis, only, record_offsets, surface};
use crate::history::folder;

/// How far a reader comes, and why no further.
fn read(
    surface: &Surface,
    trust: Trust,
    threads: usize,
) -> (Vec<Vec<u8>>, Option<Head>, Option<Damage>) {
    let options = ReadOptions { trust, threads, ..ReadOptions::default() };
    let pool = ReadPool::new(options).unwrap();
    let mut cursor = surface.in_pool(&pool).unwrap().cursor(surface.earliest()).unwrap();
    let mut records = Vec::new();
    let what = loop {
        match cursor.next_record() {
            Ok(Some(record)) => records.push(record.stored().to_vec()),
            Ok(None) => break None,
            Err(SurfaceError::Damage { what, .. }) => break Some(what),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(cursor.next_seq(), u64::try_from(records.len()).unwrap());
    (records, cursor.head(), what)
}

/// A record of a forged window.
#[derive(Debug, Clone, Copy)]
struct Forged {
    seq: u64,
    clock: u64,
    closes: bool,
    padding: u8,
}

const fn record(seq: u64, clock: u64, closes: bool) -> Forged {
    Forged { seq, clock, closes, padding: 0 }
}

/// A sealed segment with these windows, whose footer goes with them as far as it can, and an empty
/// unsealed one after it. The first record of all is of number 0.
fn forge(dir: &Path, windows: &[&[Forged]], every_record_closes: bool) -> Surface {
    forge_with(dir, windows, every_record_closes, |_| {})
}

fn forge_with(
    dir: &Path,
    windows: &[&[Forged]],
    every_record_closes: bool,
    change: impl FnOnce(&mut [WindowEntry]),
) -> Surface {
    let mut genesis = genesis();
    genesis.every_record_closes = every_record_closes;
    drop(SurfaceWriter::create(dir, genesis.clone(), SMALL).unwrap());
    fs::remove_file(only(dir, "open")).unwrap();
    let mut bytes = SegmentHeader::new(&genesis, 0, genesis.chain_start()).encode();
    let mut entries = Vec::new();
    let mut seq = 0;
    for records in windows {
        let offset = bytes.len();
        for Forged { seq, clock, closes, padding } in *records {
            let (clock, closes_clock) = (*clock, *closes);
            let new = NewRecord { clock, closes_clock, time_ms: 0, kind: 1, payload: b"abc" };
            new.encode_into(*seq, &mut bytes).unwrap();
            *bytes.last_mut().unwrap() = *padding;
        }
        let count = u64::try_from(records.len()).unwrap();
        entries.push(WindowEntry {
            offset: u64::try_from(offset).unwrap(),
            length_bytes: u32::try_from(bytes.len() - offset).unwrap(),
            records: u32::try_from(count).unwrap(),
            first_seq: seq,
            first_clock: records[0].clock,
            last_clock: records.last().unwrap().clock,
            digest: Digest::of(&bytes[offset..]),
        });
        seq += count;
    }
    change(&mut entries);
    let footer = SegmentFooter::new(genesis.chain_start(), entries).unwrap();
    bytes.extend(footer.encode());
    fs::write(dir.join(format!("{:020}.segment", 0)), &bytes).unwrap();
    let next = footer.last_seq + 1;
    let open = SegmentHeader::new(&genesis, next, footer.chain_after).encode();
    fs::write(dir.join(format!("{next:020}.open")), open).unwrap();
    // The directory reads the last window when it is opened, so a break there is found at once:
    // the tests break those before it.
    Surface::open(dir).unwrap()
}

/// Four good windows of four.
fn good() -> Vec<Vec<Forged>> {
    let window = |first: u64| (first..first + 4).map(|seq| record(seq, seq, true)).collect();
    [0, 4, 8, 12].map(window).to_vec()
}

fn slices(windows: &[Vec<Forged>]) -> Vec<&[Forged]> {
    windows.iter().map(Vec::as_slice).collect()
}

fn key() -> holobiont_surface::SealKey {
    holobiont_surface::SealKey::from_bytes([1; 32])
}

#[test]
fn every_break_of_structure_is_found_whatever_is_trusted() {
    let change = |at: usize, change: fn(&mut Forged)| {
        let mut windows = good();
        change(&mut windows[at / 4][at % 4]);
        windows
    };
    let padding = Damage::NonZeroPadding { seq: 1 };
    let cases = [
        (change(1, |it| it.seq = 7), 1, Damage::SequenceBroken { expected: 1, got: 7 }),
        (change(4, |it| it.seq = 3), 4, Damage::SequenceBroken { expected: 4, got: 3 }),
        (change(2, |it| it.clock = 0), 2, Damage::ClockWentBack { previous: 1, got: 0 }),
        (change(2, |it| it.clock = 1), 2, Damage::ClockReopened { clock: 1 }),
        (change(4, |it| it.clock = 3), 4, Damage::ClockReopened { clock: 3 }),
        (change(5, |it| it.closes = false), 5, Damage::ClockNotClosed { clock: 5 }),
        (change(1, |it| it.padding = 1), 1, padding),
        // After the last clock event that there is, and closed, nothing can follow.
        (
            change(1, |it| it.clock = u64::MAX),
            2,
            Damage::ClockWentBack { previous: u64::MAX, got: 2 },
        ),
    ];
    for (windows, good_records, what) in cases {
        let dir = folder();
        let view = forge(dir.path(), &slices(&windows), true);
        assert!(view.seal(&key()).is_err());
        for threads in [1, 2] {
            let full = read(&view, Trust::Full, threads);
            assert_eq!((full.0.len(), full.2.as_ref()), (good_records, Some(&what)));
            assert_eq!(read(&view, Trust::None, threads), full);
            assert_eq!(read(&view, Trust::Seal(key()), threads), full);
        }
    }
}

/// The very last clock event, closed twice in one window: the second is refused, and the head at
/// the first is the head at the first.
#[test]
fn nothing_follows_the_last_clock_event_once_it_is_closed() {
    let max = |seq| record(seq, u64::MAX, true);
    let mut windows = good();
    windows[1] = vec![record(4, 4, true), max(5), max(6), max(7)];
    // What follows holds by itself, so that opening the surface finds nothing.
    for window in &mut windows[2..] {
        window.iter_mut().for_each(|it| (it.clock, it.closes) = (u64::MAX, false));
    }
    let dir = folder();
    let view = forge(dir.path(), &slices(&windows), false);
    let (records, head, what) = read(&view, Trust::Full, 1);
    assert_eq!((records.len(), what), (6, Some(Damage::ClockReopened { clock: u64::MAX })));
    let link = |chain: Digest, window: &[u8]| {
        Digest::of([chain.as_bytes().as_slice(), Digest::of(window).as_bytes()].concat())
    };
    let chain = link(view.genesis().chain_start(), &records[..4].concat());
    let hash = link(chain, &records[4..].concat());
    assert_eq!(head, Some(Head { seq: 5, hash }));
}

/// The index says something else than the windows that it describes.
#[test]
fn an_index_that_describes_windows_wrongly_is_found_whatever_is_trusted() {
    let changes: [fn(&mut [WindowEntry]); 3] =
        [|it| it[1].first_clock = 3, |it| it[0].last_clock = 4, |it| it[0].last_clock = 2];
    for change in changes {
        let dir = folder();
        let view = forge_with(dir.path(), &slices(&good()), false, change);
        for trust in [Trust::Full, Trust::None, Trust::Seal(key())] {
            let (records, _, what) = read(&view, trust, 1);
            assert_eq!((records.len(), what), (4, Some(Damage::WindowIndex)));
        }
    }
}

#[test]
fn windows_that_end_too_early_are_found_whatever_is_trusted() {
    let mut windows = good();
    let moved = windows[0].split_off(2);
    windows.insert(1, moved);
    let dir = folder();
    let view = forge(dir.path(), &slices(&windows), true);
    for trust in [Trust::Full, Trust::None, Trust::Seal(key())] {
        let (records, _, what) = read(&view, trust, 2);
        assert_eq!((records.len(), what), (2, Some(Damage::WindowBoundary)));
    }
}

/// A surface whose segments' records are then overwritten on disk, not hashed by anybody.
fn overwritten(bytes: &[u8], at: usize) -> (TempDir, Surface, Vec<Vec<u8>>) {
    let dir = folder();
    surface(dir.path(), SMALL, 40, 42);
    let view = Surface::open(dir.path()).unwrap();
    let before = read(&view, Trust::Full, 1).0;
    let infos: Vec<_> = view.segments().collect();
    let file = &infos[at % infos.len()].file;
    let mut found = fs::read(file).unwrap();
    let offsets = record_offsets(&found);
    let (start, end) = (offsets[0], *offsets.last().unwrap());
    let room = &mut found[start..end];
    let at = at / infos.len() % room.len();
    room[at..].iter_mut().zip(bytes).for_each(|(byte, new)| *byte = *new);
    fs::write(file, found).unwrap();
    (dir, view, before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the disk holds: no panic, no more than there is; and where windows are hashed,
    /// nothing but what was written.
    #[test]
    fn arbitrary_bytes_are_refused_or_handed_out_as_they_are(
        bytes in proptest::collection::vec(any::<u8>(), 1..300),
        at in 0..100_000_usize,
        threads in 1..3_usize,
    ) {
        let (_dir, view, before) = overwritten(&bytes, at);
        for trust in [Trust::None, Trust::Seal(key()), Trust::Full] {
            let is_hashed = !matches!(trust, Trust::None);
            let (records, _, what) = read(&view, trust, threads);
            prop_assert!(records.len() <= before.len());
            prop_assert_eq!(what.is_none(), records.len() == before.len());
            if is_hashed {
                prop_assert!(before.starts_with(&records));
            }
        }
    }
}
