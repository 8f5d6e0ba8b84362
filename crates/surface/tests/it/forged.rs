//! Files with right hashes and wrong content: what only the rules between records can find.

use std::fs;
use std::path::Path;

use holobiont_identity::Digest;
use holobiont_surface::format::{SegmentFooter, SegmentHeader, Start, WindowEntry};
use holobiont_surface::{Damage, NewRecord, Surface, SurfaceError, SurfaceWriter, WriterOptions};

use crate::common::{SMALL, genesis, only};

/// How many records each window of each segment has.
type Segments = &'static [&'static [u32]];

/// A surface from `start` on with these windows in these segments, the last of them unsealed, and
/// a record for each of `clocks`, all with `payload`.
fn forged(dir: &Path, segments: Segments, clocks: &[u64], payload: &[u8], start: Start) {
    drop(SurfaceWriter::create(dir, genesis(), SMALL).unwrap());
    fs::remove_file(only(dir, "open")).unwrap();
    fs::write(dir.join("start"), start.encode()).unwrap();
    let (mut seq, mut chain) = (start.first_seq, start.chain_before);
    for (number, windows) in segments.iter().enumerate() {
        let name = format!("{seq:020}");
        let mut bytes = SegmentHeader::new(&genesis(), seq, chain).encode();
        let mut entries = Vec::new();
        for &records in *windows {
            let (first_seq, end) = (seq, seq + u64::from(records));
            let offset = bytes.len();
            let clock = |seq: u64| clocks[usize::try_from(seq - start.first_seq).unwrap()];
            for seq in first_seq..end {
                let record = NewRecord {
                    clock: clock(seq),
                    closes_clock: false,
                    time_ms: 0,
                    kind: 3,
                    payload,
                };
                record.encode_into(seq, &mut bytes).unwrap();
            }
            entries.push(WindowEntry {
                offset: u64::try_from(offset).unwrap(),
                length_bytes: u32::try_from(bytes.len() - offset).unwrap(),
                records,
                first_seq,
                first_clock: clock(first_seq),
                last_clock: clock(end - 1),
                digest: Digest::of(&bytes[offset..]),
            });
            seq = end;
        }
        if number + 1 < segments.len() {
            let footer = SegmentFooter::new(chain, entries).unwrap();
            chain = footer.chain_after;
            bytes.extend(footer.encode());
        }
        let extension = if number + 1 < segments.len() { "segment" } else { "open" };
        fs::write(dir.join(name).with_extension(extension), bytes).unwrap();
    }
}

fn from_genesis() -> Start {
    Start { first_seq: 0, chain_before: genesis().chain_start(), previous_clock: None }
}

/// What opening and verifying says is wrong, a torn tail included.
fn wrong(dir: &Path) -> Option<Damage> {
    let found = Surface::open(dir).and_then(|view| view.verify(None).map(|_| view));
    match found {
        Ok(view) => view.torn().map(|torn| torn.why.clone()),
        Err(SurfaceError::Damage { what, .. }) => Some(what),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn windows_that_end_elsewhere_than_the_genesis_says_are_found() {
    let clocks = [1; 12];
    let index = Damage::Contradiction("window index");
    let cases: [(Segments, usize, Option<Damage>); 6] = [
        (&[&[4, 4], &[1]], 0, None),
        // Five records of four, and three that take 408 bytes of 320.
        (&[&[5, 4], &[1]], 0, Some(index.clone())),
        (&[&[3, 2], &[1]], 100, Some(index)),
        // Ended before it was full: within a segment, in one in front of others, at a seal.
        (&[&[2, 4], &[1]], 0, Some(Damage::WindowBoundary)),
        (&[&[2, 2], &[4], &[4], &[]], 0, Some(Damage::WindowBoundary)),
        (&[&[4, 2], &[1]], 0, Some(Damage::WindowBoundary)),
    ];
    for (segments, length, what) in cases {
        let dir = tempfile::tempdir().unwrap();
        forged(dir.path(), segments, &clocks, &[0; 100][..length], from_genesis());
        assert_eq!(wrong(dir.path()), what, "{segments:?}");
    }
    // A writer does not go on after the last one either.
    let dir = tempfile::tempdir().unwrap();
    forged(dir.path(), &[&[4, 2], &[1]], &clocks, &[], from_genesis());
    let error = SurfaceWriter::open(dir.path(), WriterOptions::default()).unwrap_err();
    assert!(matches!(error, SurfaceError::Damage { what: Damage::WindowBoundary, .. }), "{error}");
}

/// One record's clock lies below those around it; the surface begins after another of theirs.
#[test]
fn a_clock_that_goes_back_is_found_wherever_it_is() {
    const FIRST: u64 = 100;
    let start = Start { first_seq: FIRST, previous_clock: Some((5, false)), ..from_genesis() };
    for at in 0..12 {
        let mut clocks = [5; 12];
        clocks[at] = 4;
        let dir = tempfile::tempdir().unwrap();
        forged(dir.path(), &[&[4], &[4], &[4], &[]], &clocks, &[], start);
        let back = Damage::ClockWentBack { previous: 5, got: 4 };
        // As the last of a sealed window it makes the index go back.
        let index = Damage::Contradiction("window index");
        let what = if at % 4 == 3 { index } else { back.clone() };
        assert_eq!(wrong(dir.path()), Some(what), "{at}");
        if at == 0 {
            let view = Surface::open(dir.path()).unwrap();
            for from in FIRST + 1..FIRST + 8 {
                let error = view.cursor(from).unwrap_err();
                assert!(matches!(error, SurfaceError::Damage { what, .. } if what == back));
            }
        }
    }
}
