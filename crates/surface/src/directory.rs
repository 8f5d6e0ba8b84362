use std::io;
use std::path::Path;
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::cursor::Cursor;
use crate::files::{self, Listing};
use crate::format::{Mark, Start, decode_genesis};
use crate::scan::{Scan, Stop};
use crate::segment::{Segment, View};
use crate::surface::TornTail;
use crate::walk::Walk;
use crate::{Damage, Genesis, SurfaceError};

/// How often a reader looks again when a live writer renames or drops files under its eyes.
const LISTING_ATTEMPTS: usize = 16;

/// A directory that was read and found right up to its durable mark.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) view: Arc<View>,
    /// The unsealed segment.
    pub(crate) scan: Scan,
    pub(crate) listing: Listing,
}

impl Directory {
    /// Reads a surface's directory and changes nothing.
    pub(crate) fn read(dir: &Path) -> Result<Self, SurfaceError> {
        for _ in 1..LISTING_ATTEMPTS {
            match Self::read_once(dir) {
                Err(error) if may_be_a_race(&error) => {}
                other => return other,
            }
        }
        Self::read_once(dir)
    }

    fn read_once(dir: &Path) -> Result<Self, SurfaceError> {
        let genesis = read_genesis(dir)?;
        let start = read_start(dir, &genesis)?;
        // Before the segments, so that a live writer can only be further on than it says.
        let mark = decode_small(dir, files::MARK, Mark::decode)?.0;
        let listing = Listing::of(dir)?;

        let (mut next_seq, mut chain_before) = (start.first_seq, start.chain_before);
        let mut segments = Vec::new();
        for (first_seq, path) in listing.sealed.range(start.first_seq..) {
            // Under way to be cut back: its successor without footer has taken its place.
            if listing.open.contains_key(first_seq) {
                break;
            }
            if *first_seq != next_seq {
                return Err(missing(dir, next_seq, files::SEALED));
            }
            let segment = Segment::open_sealed(path, &genesis, next_seq, chain_before)?;
            next_seq = segment.end_seq();
            chain_before = segment.chain_after().unwrap_or(chain_before);
            segments.push(Arc::new(segment));
        }
        let dir = dir.to_owned();
        let torn = None;
        let sealed = Arc::new(View { dir, genesis, start, mark, segments, next_seq, torn });
        let walk = walk_after(&sealed)?;
        let mut view = Arc::unwrap_or_clone(sealed);

        let path = unsealed(&view, &listing)?;
        let scan = add_unsealed(&mut view, path, walk, chain_before)?;
        let view = Arc::new(view);
        check_mark(&view)?;
        Ok(Self { view, scan, listing })
    }
}

fn may_be_a_race(error: &SurfaceError) -> bool {
    match error {
        SurfaceError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        SurfaceError::Damage { what, .. } => {
            matches!(what, Damage::MissingSegment { .. } | Damage::UnsealedInside)
        }
        SurfaceError::Gap { .. } => true,
        _ => false,
    }
}

/// Reads what surface a directory holds, without looking at its records.
///
/// # Errors
///
/// [`SurfaceError::NotASurface`] where there is no genesis, [`SurfaceError::Damage`] for a damaged
/// one, [`SurfaceError::Io`].
pub fn read_genesis(dir: &Path) -> Result<Genesis, SurfaceError> {
    let path = dir.join(files::GENESIS);
    if !path.try_exists().map_err(SurfaceError::io(&path, "looking for"))? {
        let why = "it has no genesis";
        return Err(SurfaceError::NotASurface { dir: dir.to_owned(), why });
    }
    decode_small(dir, files::GENESIS, decode_genesis)
}

fn read_start(dir: &Path, genesis: &Genesis) -> Result<Start, SurfaceError> {
    let start = decode_small(dir, files::START, Start::decode)?;
    start.check(genesis).map_err(|what| SurfaceError::damage(&dir.join(files::START), 0, what))?;
    Ok(start)
}

fn decode_small<T>(
    dir: &Path,
    name: &str,
    decode: impl FnOnce(&[u8]) -> Result<T, Damage>,
) -> Result<T, SurfaceError> {
    let path = dir.join(name);
    decode(&files::read_small(&path)?).map_err(|what| SurfaceError::damage(&path, 0, what))
}

fn missing(dir: &Path, first_seq: u64, extension: &str) -> SurfaceError {
    let path = files::segment_path(dir, first_seq, extension);
    SurfaceError::damage(&path, 0, Damage::MissingSegment { first_seq })
}

/// The rules after the last sealed record: read, not taken from an index.
fn walk_after(sealed: &Arc<View>) -> Result<Walk, SurfaceError> {
    Ok(Cursor::new(Arc::clone(sealed), sealed.next_seq)?.walk())
}

/// The file without footer: the last of all. While its predecessor's seal is being completed it may
/// still have the name of a successor.
fn unsealed<'a>(view: &View, listing: &'a Listing) -> Result<&'a Path, SurfaceError> {
    let expected = view.next_seq;
    if let Some(path) = listing.open.get(&expected).filter(|_| listing.is_cut_at(expected)) {
        return Ok(path);
    }
    let inside = |path: &Path| SurfaceError::damage(path, 0, Damage::UnsealedInside);
    for (first_seq, path) in listing.open.range(view.start.first_seq..) {
        if *first_seq < expected {
            return Err(inside(path));
        }
        if *first_seq > expected {
            let before = listing.open.get(&expected).map(|path| inside(path));
            return Err(before.unwrap_or_else(|| missing(&view.dir, expected, files::SEALED)));
        }
    }
    let found = listing.open.get(&expected).or_else(|| listing.next.get(&expected));
    found.map(AsRef::as_ref).ok_or_else(|| missing(&view.dir, expected, files::OPEN))
}

fn add_unsealed(
    view: &mut View,
    path: &Path,
    walk: Walk,
    chain_before: Digest,
) -> Result<Scan, SurfaceError> {
    let scan = Scan::read(path, &view.genesis, walk, chain_before)?;
    view.next_seq = scan.walk.next_seq();
    let (first_seq, chain_before) = (scan.header.first_seq, scan.header.chain_before);
    let unsealed = Segment::unsealed(path, first_seq, chain_before, scan.windows());
    view.segments.push(Arc::new(unsealed));
    let Stop::Torn(what) = &scan.stop else {
        return Ok(scan);
    };
    let offset = scan.end_offset;
    if view.mark.is_some_and(|mark| mark.seq >= view.next_seq) {
        let first_seq = scan.window.first_seq();
        return Err(SurfaceError::in_window(path, first_seq, offset, what.clone()));
    }
    view.torn = Some(TornTail {
        file: path.to_owned(),
        offset,
        size_bytes: scan.length_bytes.saturating_sub(offset),
        why: what.clone(),
        kept_as: None,
    });
    Ok(scan)
}

/// Everything that was durable must be here, and be what it was.
fn check_mark(view: &Arc<View>) -> Result<(), SurfaceError> {
    let Some(mark) = view.mark else {
        return Ok(());
    };
    let (mark_seq, next_seq, earliest) = (mark.seq, view.next_seq, view.start.first_seq);
    let mark_file = view.dir.join(files::MARK);
    if mark_seq >= next_seq {
        let last = view.segments.last().map(|segment| &segment.info);
        let file = last.map_or(&mark_file, |info| &info.file);
        let offset = last.map_or(0, |info| info.size_bytes);
        return Err(SurfaceError::damage(file, offset, Damage::MarkAhead { mark_seq, next_seq }));
    }
    if mark_seq.saturating_add(1) < earliest {
        let what = Damage::MarkBehind { mark_seq, earliest };
        return Err(SurfaceError::damage(&mark_file, 0, what));
    }
    let mut cursor = Cursor::new(Arc::clone(view), mark_seq.saturating_add(1))?;
    match cursor.head() == Some(mark) {
        true => Ok(()),
        false => Err(cursor.damage(Damage::MarkHead { seq: mark_seq })),
    }
}
