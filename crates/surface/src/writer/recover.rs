use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::create::lock;
use super::cut_back::finish_cut;
use super::{SurfaceWriter, Tail, WriterOptions};
use crate::SurfaceError;
use crate::directory::Directory;
use crate::files;
use crate::format::SegmentHeader;
use crate::scan::{Scan, Stop};
use crate::surface::TornTail;

/// What opening a surface for writing found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// How many records after the durable mark are whole and were kept.
    pub kept_after_mark: u64,
    /// What follows the last whole record: cut off, and kept beside the segments.
    pub torn: Option<TornTail>,
    /// Whether a seal that was interrupted was completed.
    pub finished_seal: bool,
}

impl SurfaceWriter {
    /// Opens a surface for writing, and recovers it where the last writer was interrupted: records
    /// after the durable mark are kept while they are whole and follow each other, what comes then
    /// is moved to a `*.torn` file.
    ///
    /// # Errors
    ///
    /// As [`Surface::open`](crate::Surface::open): anything wrong at or below the durable mark is
    /// [`SurfaceError::Damage`] and nothing is changed. [`SurfaceError::Locked`].
    pub fn open(dir: &Path, options: WriterOptions) -> Result<(Self, Recovery), SurfaceError> {
        let genesis = dir.join(files::GENESIS);
        if !genesis.try_exists().map_err(SurfaceError::io(&genesis, "looking for"))? {
            let why = "it has no genesis";
            return Err(SurfaceError::NotASurface { dir: dir.to_owned(), why });
        }
        Self::open_locked(dir, lock(dir)?, options)
    }

    pub(super) fn open_locked(
        dir: &Path,
        lock: File,
        options: WriterOptions,
    ) -> Result<(Self, Recovery), SurfaceError> {
        let mut directory = Directory::read(dir)?;
        let finished_cut = finish_cut(dir, &directory.listing, directory.scan.header.first_seq)?;
        if !finished_cut.is_empty() {
            directory = Directory::read(dir)?;
        }
        let finished_seal = finish_roll(&directory)?;
        if finished_seal {
            directory = Directory::read(dir)?;
        }
        let torn = directory.view.torn.as_ref().map(keep_torn).transpose()?;
        remove_leftovers(&directory)?;

        let Directory { view, scan, .. } = directory;
        let Scan { path, header, ended, window, walk, end_offset, .. } = scan;
        let mark_end = view.mark.map_or(view.start.first_seq, |mark| mark.seq.saturating_add(1));
        let kept_after_mark = view.next_seq.saturating_sub(mark_end);
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(SurfaceError::io(&path, "opening"))?;
        let (first_seq, chain_before) = (header.first_seq, header.chain_before);
        let mut writer = Self {
            dir: dir.to_owned(),
            genesis: view.genesis.clone(),
            options,
            lock,
            start: view.start,
            mark: view.mark,
            sealed: view.segments.clone(),
            tail: Tail { path, file, first_seq, chain_before, windows: ended, end_offset },
            window,
            walk,
            scratch: Vec::new(),
            poisoned: false,
        };
        writer.sealed.retain(|segment| segment.info.sealed);
        Ok((writer, Recovery { kept_after_mark, torn, finished_seal }))
    }
}

/// Completes the sealing of a segment that a crash interrupted, or takes it back where nothing
/// shows that its last window had ended; true where it was completed.
fn finish_roll(directory: &Directory) -> Result<bool, SurfaceError> {
    let Directory { view, scan, listing } = directory;
    let open = scan.path.with_extension(files::OPEN);
    if scan.path != open {
        files::rename(&scan.path, &open)?;
        return Ok(true);
    }
    if scan.stop != Stop::Footer {
        return Ok(false);
    }
    let (next_seq, chain_before) = (view.next_seq, scan.chain_after());
    let next = files::segment_path(&view.dir, next_seq, files::NEXT);
    let successor = listing.next.contains_key(&next_seq)
        && Scan::read(&next, &view.genesis, scan.walk, chain_before).is_ok();
    if !successor && !scan.walk.window_is_full() {
        truncate(&open, scan.end_offset)?;
        return Ok(false);
    }
    if !successor {
        let header = SegmentHeader::new(&view.genesis, next_seq, chain_before);
        files::write_new(&next, &header.encode())?;
    }
    files::rename(&open, &open.with_extension(files::SEALED))?;
    files::rename(&next, &next.with_extension(files::OPEN))?;
    Ok(true)
}

/// Moves a torn tail to a file of its own.
fn keep_torn(torn: &TornTail) -> Result<TornTail, SurfaceError> {
    let TornTail { file: path, offset, .. } = torn;
    let kept_as = copy_tail(path, *offset, files::TORN)?;
    truncate(path, *offset)?;
    Ok(TornTail { kept_as: Some(kept_as), ..torn.clone() })
}

/// Copies what lies past `offset` to a file of its own.
pub(super) fn copy_tail(
    path: &Path,
    offset: u64,
    extension: &str,
) -> Result<PathBuf, SurfaceError> {
    let failed = || SurfaceError::io(path, "keeping the tail of");
    let mut from = File::open(path).map_err(failed())?;
    from.seek(io::SeekFrom::Start(offset)).map_err(failed())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    for attempt in 0..u32::MAX {
        let name = format!("{stem}-{offset}-{attempt}.{extension}");
        let kept = path.with_file_name(name);
        let mut to = match File::create_new(&kept) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other.map_err(SurfaceError::io(&kept, "creating"))?,
        };
        io::copy(&mut from.by_ref(), &mut to).map_err(failed())?;
        to.sync_all().map_err(SurfaceError::io(&kept, "syncing"))?;
        files::sync_dir(path.parent().unwrap_or(path))?;
        return Ok(kept);
    }
    Err(failed()(io::ErrorKind::AlreadyExists.into()))
}

pub(super) fn truncate(path: &Path, length_bytes: u64) -> Result<(), SurfaceError> {
    let file = File::options().write(true).open(path).map_err(SurfaceError::io(path, "opening"))?;
    let cut = file.set_len(length_bytes).and_then(|()| file.sync_all());
    cut.map_err(SurfaceError::io(path, "truncating"))
}

/// Removes what an interrupted write left beside the segments, and what retention had still to drop.
fn remove_leftovers(directory: &Directory) -> Result<(), SurfaceError> {
    let Directory { view, listing, .. } = directory;
    let dropped = [&listing.seals, &listing.sealed];
    let dropped = dropped.into_iter().flat_map(|files| files.range(..view.start.first_seq));
    let dropped = dropped.map(|(_, path)| path);
    let leftover = dropped.chain(listing.next.values()).chain(&listing.temporary);
    leftover.into_iter().try_for_each(|path| files::remove(path))?;
    files::sync_dir(&view.dir)
}
