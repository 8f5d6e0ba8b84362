//! Exhaustive: every byte of every file of a small surface, changed, dropped, swapped, repeated.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use holobiont_surface::{Damage, Surface, SurfaceError};

use crate::common::{SMALL, files, has_extension, only, record_offsets, surface};

const DURABLE: u64 = 29;
const RECORDS: u64 = 32;

/// Several sealed segments and an unsealed one, durable up to the middle of it.
fn small() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, DURABLE, RECORDS);
    let view = Surface::open(dir.path()).unwrap();
    assert!(view.segments().count() > 4);
    let tail = view.segments().last().unwrap();
    assert!(!tail.sealed && tail.first_seq < DURABLE && tail.windows > 1, "{tail:?}");
    view.verify(None).unwrap();
    dir
}

/// Where somebody who opens and verifies the surface is told that something is wrong.
struct Found {
    file: PathBuf,
    window_first_seq: Option<u64>,
    offset: u64,
    what: Damage,
    torn: bool,
}

fn find(dir: &Path) -> Option<Found> {
    let view = match Surface::open(dir) {
        Ok(view) => view,
        Err(error) => return Some(found(error)),
    };
    if let Err(error) = view.verify(None) {
        return Some(found(error));
    }
    view.torn().cloned().map(|torn| Found {
        file: torn.file,
        window_first_seq: None,
        offset: torn.offset,
        what: torn.why,
        torn: true,
    })
}

fn found(error: SurfaceError) -> Found {
    match error {
        SurfaceError::Damage { file, window_first_seq, offset, what } => {
            Found { file, window_first_seq, offset, what, torn: false }
        }
        other => panic!("{other}"),
    }
}

/// Puts changed bytes in a file's place while `check` runs.
fn with_bytes(file: &Path, changed: &[u8], check: impl FnOnce()) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, changed).unwrap();
    check();
    fs::write(file, bytes).unwrap();
}

#[test]
fn finds_every_changed_byte_of_every_file() {
    let dir = small();
    for file in files(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        let segment = has_extension(&file, "segment") || has_extension(&file, "open");
        let offsets = if segment { record_offsets(&bytes) } else { vec![usize::MAX, 0] };
        let records = offsets[0]..*offsets.last().unwrap();
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80] {
                // In place: rewriting a whole file each time would wait for the disk.
                let writing = fs::File::options().write(true).open(&file).unwrap();
                let position = u64::try_from(at).unwrap();
                writing.write_all_at(&[bytes[at] ^ mask], position).unwrap();
                let place = format!("byte {at} of {}", file.display());
                let found = find(dir.path()).unwrap_or_else(|| panic!("{place} not found"));
                writing.write_all_at(&bytes[at..=at], position).unwrap();
                assert_eq!(found.file, file, "{place}");
                if !records.contains(&at) {
                    assert!(!found.torn, "{place}");
                    continue;
                }
                let record = offsets.iter().rfind(|offset| **offset <= at).unwrap();
                assert_eq!(found.offset, u64::try_from(*record).unwrap(), "{place}");
                assert!(found.torn || found.window_first_seq.is_some(), "{place}");
            }
        }
    }
    assert!(find(dir.path()).is_none());
}

#[test]
fn finds_the_last_byte_missing_from_every_file() {
    let dir = small();
    for file in files(dir.path()) {
        let bytes = fs::read(&file).unwrap();
        for changed in [&bytes[..bytes.len() - 1], &bytes[..0]] {
            with_bytes(&file, changed, || {
                assert_eq!(find(dir.path()).unwrap().file, file);
            });
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        with_bytes(&file, &longer, || {
            assert_eq!(find(dir.path()).unwrap().file, file);
        });
    }
}

/// The swapped or repeated records have their own, matching CRCs.
#[test]
fn finds_records_swapped_or_repeated() {
    let dir = small();
    let mut tried = [0; 4];
    for file in files(dir.path()) {
        if !has_extension(&file, "segment") && !has_extension(&file, "open") {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let offsets = record_offsets(&bytes);
        let record = |number: usize| &bytes[offsets[number]..offsets[number + 1]];
        for first in 0..offsets.len() - 1 {
            for second in first + 1..offsets.len() - 1 {
                let between = &bytes[offsets[first + 1]..offsets[second]];
                let rest = &bytes[offsets[second + 1]..];
                let before = &bytes[..offsets[first]];
                let swapped = [before, record(second), between, record(first), rest].concat();
                let mut replaced = bytes.clone();
                let (one, two) = (record(first), record(second));
                if one.len() == two.len() {
                    replaced[offsets[second]..offsets[second + 1]].copy_from_slice(one);
                    tried[0] += 1;
                } else {
                    replaced.clone_from(&swapped);
                }
                for changed in [&swapped, &replaced] {
                    with_bytes(&file, changed, || {
                        let found = find(dir.path()).unwrap();
                        assert_eq!(found.file, file);
                        let named = matches!(
                            found.what,
                            Damage::SequenceBroken { .. }
                                | Damage::WindowDigest
                                | Damage::RecordCrc { .. }
                                | Damage::Truncated { .. }
                                | Damage::NonZeroPadding { .. }
                                | Damage::PayloadTooLong { .. }
                        );
                        assert!(named, "{:?}", found.what);
                        tried[1 + usize::from(found.torn)] += 1;
                    });
                }
            }
            let (before, after) = bytes.split_at(offsets[first + 1]);
            let repeated = [before, record(first), after].concat();
            with_bytes(&file, &repeated, || {
                assert_eq!(find(dir.path()).unwrap().file, file);
                tried[3] += 1;
            });
        }
    }
    assert!(tried.iter().all(|count| *count > 0), "{tried:?}");
}

/// A record rewritten below the mark with a matching CRC: only the head tells.
#[test]
fn finds_a_rewritten_record_below_the_mark() {
    let dir = small();
    let file = only(dir.path(), "open");
    let mut bytes = fs::read(&file).unwrap();
    let at = record_offsets(&bytes)[0];
    let old = holobiont_surface::Record::decode(&bytes[at..]).unwrap();
    let forged = holobiont_surface::NewRecord {
        clock: old.clock(),
        closes_clock: old.closes_clock(),
        time_ms: old.time_ms() + 1,
        kind: old.kind(),
        payload: old.payload(),
    };
    let mut stored = Vec::new();
    forged.encode_into(old.seq(), &mut stored).unwrap();
    bytes[at..at + stored.len()].copy_from_slice(&stored);
    with_bytes(&file, &bytes, || {
        let found = find(dir.path()).unwrap();
        assert_eq!((found.file, found.what), (file.clone(), Damage::MarkHead { seq: DURABLE - 1 }));
    });
}
