use std::fs::{self, File, TryLockError};
use std::path::Path;

use holobiont_identity::Digest;

use super::{SurfaceWriter, WriterOptions};
use crate::files::{self, Listing};
use crate::format::{Mark, SegmentHeader, Start, encode_genesis};
use crate::open_window::OpenWindow;
use crate::walk::Walk;
use crate::{Damage, Genesis, Record, SurfaceError};

/// A place in a surface from which another copy can start: the window that is open there.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (one, two) = (tempfile::tempdir()?, tempfile::tempdir()?);
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let options = WriterOptions::default();
/// let mut writer = SurfaceWriter::create(one.path(), genesis.clone(), options)?;
/// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// writer.append(record)?;
/// let copy = SurfaceWriter::create_at(two.path(), genesis, writer.open_window(), options)?;
/// assert_eq!(copy.head(), writer.head());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartAt<'a> {
    /// Sequence number of the window's first record: the earliest that the copy has.
    pub first_seq: u64,
    /// The chain value before the window.
    pub chain_before: Digest,
    /// The records of the window, as stored; not yet the last that it can have.
    pub window_bytes: &'a [u8],
    /// Clock event of the record before the window, and whether that closed it.
    pub previous_clock: Option<(u64, bool)>,
}

impl SurfaceWriter {
    /// Creates an empty surface; the directory is created where it is missing.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::BadGenesis`], [`SurfaceError::AlreadyExists`], [`SurfaceError::Locked`],
    /// [`SurfaceError::Io`].
    pub fn create(
        dir: &Path,
        genesis: Genesis,
        options: WriterOptions,
    ) -> Result<Self, SurfaceError> {
        let chain_before = genesis.chain_start();
        let start = StartAt { first_seq: 0, chain_before, window_bytes: &[], previous_clock: None };
        Self::create_at(dir, genesis, start, options)
    }

    /// Creates a surface that starts in the middle, as a node does that begins from a snapshot.
    /// The durable mark is at the last record of the window given.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::BadStart`] where the window's bytes are damaged, end a window, or contradict
    /// the genesis; [`SurfaceError::BadGenesis`], [`SurfaceError::AlreadyExists`],
    /// [`SurfaceError::Locked`], [`SurfaceError::Io`].
    #[expect(clippy::needless_pass_by_value, reason = "the genesis is the surface's from here on")]
    pub fn create_at(
        dir: &Path,
        genesis: Genesis,
        start: StartAt<'_>,
        options: WriterOptions,
    ) -> Result<Self, SurfaceError> {
        genesis.check()?;
        let window = check_start(&genesis, &start)?;
        if !dir.try_exists().map_err(SurfaceError::io(dir, "looking for"))? {
            fs::create_dir_all(dir).map_err(SurfaceError::io(dir, "creating"))?;
            files::sync_parent(dir)?;
        }
        let lock = lock(dir)?;
        refuse_existing(dir)?;

        // The genesis comes last but one: without it the rest is no surface and may be overwritten.
        let StartAt { first_seq, chain_before, window_bytes, previous_clock } = start;
        let from = Start { first_seq, chain_before, previous_clock };
        files::replace(&dir.join(files::START), &from.encode())?;
        files::replace(&dir.join(files::MARK), &Mark(window.head()).encode())?;
        let mut segment = SegmentHeader::new(&genesis, first_seq, chain_before).encode();
        segment.extend_from_slice(window_bytes);
        let next = files::segment_path(dir, first_seq, files::NEXT);
        files::write_new(&next, &segment)?;
        files::replace(&dir.join(files::GENESIS), &encode_genesis(&genesis))?;
        files::rename(&next, &files::segment_path(dir, first_seq, files::OPEN))?;
        let (writer, _) = Self::open_locked(dir, lock, options)?;
        Ok(writer)
    }
}

/// Takes the directory for one writer.
pub(super) fn lock(dir: &Path) -> Result<File, SurfaceError> {
    let file = File::open(dir).map_err(SurfaceError::io(dir, "opening"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SurfaceError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(SurfaceError::io(dir, "locking")(error)),
    }
}

fn refuse_existing(dir: &Path) -> Result<(), SurfaceError> {
    let listing = Listing::of(dir)?;
    let segments = listing.sealed.into_values().chain(listing.open.into_values());
    let genesis = dir.join(files::GENESIS);
    let exists = genesis.try_exists().map_err(SurfaceError::io(&genesis, "looking for"))?;
    let found = exists.then_some(genesis).into_iter().chain(segments).chain(listing.aside).next();
    if let Some(path) = found {
        let found = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(SurfaceError::AlreadyExists { dir: dir.to_owned(), found });
    }
    // What a creation that was interrupted has left: never part of a surface.
    listing.next.values().chain(&listing.temporary).try_for_each(|path| files::remove(path))
}

/// The open window that a start describes, every record of it checked.
fn check_start(genesis: &Genesis, start: &StartAt<'_>) -> Result<OpenWindow, SurfaceError> {
    let StartAt { first_seq, chain_before, window_bytes, previous_clock } = *start;
    let bad = |why| SurfaceError::BadStart { first_seq, why };
    Start { first_seq, chain_before, previous_clock }.check(genesis).map_err(bad)?;
    let mut walk = Walk::new(genesis, first_seq, previous_clock);
    let mut window = OpenWindow::new(first_seq, chain_before, previous_clock);
    let mut rest = window_bytes;
    while !rest.is_empty() {
        let record = Record::decode(rest).map_err(bad)?;
        if !record.crc_holds() {
            return Err(bad(Damage::RecordCrc { seq: record.seq() }));
        }
        if walk.admit(record.header()).map_err(bad)? != window.is_empty() {
            return Err(bad(Damage::WindowBoundary));
        }
        window.push(record.header(), record.stored());
        rest = rest.get(record.stored().len()..).unwrap_or_default();
    }
    match walk.window_is_full() {
        true => Err(bad(Damage::WindowBoundary)),
        false => Ok(window),
    }
}
