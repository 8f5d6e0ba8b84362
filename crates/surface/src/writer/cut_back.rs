use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::SurfaceWriter;
use super::recover::{copy_tail, truncate};
use crate::files::{self, Listing};
use crate::format::Mark;
use crate::{SurfaceError, files::FORKED};

/// What [`SurfaceWriter::cut_back`] gave up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CutBack {
    /// How many records.
    pub records: u64,
    /// Where their bytes were put aside.
    pub kept_as: Vec<PathBuf>,
}

impl SurfaceWriter {
    /// Gives up record `from_seq` and all after it: this copy has turned out to be of another
    /// history. Their bytes are put aside as `*.forked`, which nothing reads.
    ///
    /// The durable mark goes back first. After a crash at any moment the surface has either all of
    /// its records or those before `from_seq`; the next opening for writing completes what was begun.
    /// Views that were taken before must not be read any more.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Gap`] below [`earliest`](Self::earliest), and [`SurfaceError::Damage`] where
    /// what is kept cannot be read, which change nothing; [`SurfaceError::Io`], which poisons the
    /// writer; [`SurfaceError::Poisoned`].
    pub fn cut_back(&mut self, from_seq: u64) -> Result<CutBack, SurfaceError> {
        self.check_usable()?;
        let cut = self.cut_back_unguarded(from_seq);
        self.poison_on_io(cut)
    }

    fn cut_back_unguarded(&mut self, from_seq: u64) -> Result<CutBack, SurfaceError> {
        let records = self.next_seq().saturating_sub(from_seq);
        if records == 0 {
            return Ok(CutBack::default());
        }
        let view = self.view();
        let mut kept = view.cursor_alone(from_seq)?;
        let (head, (number, offset)) = (kept.head(), kept.file_place());
        drop(kept);
        if self.mark.is_some_and(|mark| mark.seq >= from_seq) {
            files::replace(&self.dir.join(files::MARK), &Mark(head).encode())?;
            self.mark = head;
        }
        let kept_as = match self.sealed.get(number) {
            None => {
                let kept_as = copy_tail(&self.tail.path, offset, FORKED)?;
                truncate(&self.tail.path, offset)?;
                vec![kept_as]
            }
            Some(sealed) => {
                let (path, first_seq) = (&sealed.info.file, sealed.info.first_seq);
                // From here on the copy without footer counts, and nothing after it.
                copy_front(path, offset, &path.with_extension(files::OPEN))?;
                finish_cut(&self.dir, &Listing::of(&self.dir)?, first_seq)?
            }
        };
        let lock = self.lock.try_clone().map_err(SurfaceError::io(&self.dir, "locking"))?;
        let dir = std::mem::take(&mut self.dir);
        let opened = Self::open_locked(&dir, lock, self.options);
        self.dir = dir;
        (*self, _) = opened?;
        Ok(CutBack { records, kept_as })
    }
}

/// Completes a cut that was begun at the segment that starts at `first_seq`: puts aside everything
/// after its open file, and last the sealed file that shows that there is a cut. Nothing where no cut
/// was begun.
pub(super) fn finish_cut(
    dir: &Path,
    listing: &Listing,
    first_seq: u64,
) -> Result<Vec<PathBuf>, SurfaceError> {
    let Some(shows) = listing.sealed.get(&first_seq).filter(|_| listing.is_cut_at(first_seq))
    else {
        return Ok(Vec::new());
    };
    let after = first_seq.saturating_add(1)..;
    let mut kept_as = Vec::new();
    for (_, path) in listing.open.range(after.clone()).chain(listing.sealed.range(after)) {
        kept_as.push(put_aside(path)?);
    }
    for (_, path) in listing.seals.range(first_seq..) {
        files::remove(path)?;
    }
    files::sync_dir(dir)?;
    kept_as.push(put_aside(shows)?);
    files::sync_dir(dir)?;
    Ok(kept_as)
}

/// Gives a segment a name under which nothing reads it.
fn put_aside(path: &Path) -> Result<PathBuf, SurfaceError> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    for attempt in 0..u32::MAX {
        let kept = path.with_file_name(format!("{stem}-0-{attempt}.{FORKED}"));
        if !kept.try_exists().map_err(SurfaceError::io(&kept, "looking for"))? {
            fs::rename(path, &kept).map_err(SurfaceError::io(path, "renaming"))?;
            return Ok(kept);
        }
    }
    Err(SurfaceError::io(path, "renaming")(io::ErrorKind::AlreadyExists.into()))
}

/// Puts the first bytes of a file in a new one, which appears under its name when it is whole and
/// durable.
fn copy_front(from: &Path, length_bytes: u64, to: &Path) -> Result<(), SurfaceError> {
    let failed = || SurfaceError::io(from, "copying");
    let partial = to.with_extension(files::TEMPORARY);
    let source = File::open(from).map_err(failed())?;
    let mut copy = File::create(&partial).map_err(SurfaceError::io(&partial, "creating"))?;
    let copied = io::copy(&mut source.take(length_bytes), &mut copy).map_err(failed())?;
    if copied != length_bytes {
        return Err(failed()(io::ErrorKind::UnexpectedEof.into()));
    }
    copy.sync_all().map_err(SurfaceError::io(&partial, "syncing"))?;
    files::rename(&partial, to)
}
