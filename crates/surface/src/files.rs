use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Damage, SurfaceError};

pub(crate) const GENESIS: &str = "genesis";
pub(crate) const START: &str = "start";
pub(crate) const MARK: &str = "mark";
pub(crate) const SEALED: &str = "segment";
pub(crate) const OPEN: &str = "open";
pub(crate) const NEXT: &str = "next";
pub(crate) const SEAL: &str = "seal";
pub(crate) const TORN: &str = "torn";
pub(crate) const FORKED: &str = "forked";
pub(crate) const TEMPORARY: &str = "tmp";

/// The most bytes that a `genesis`, `start` or `mark` file can have.
const MAX_SMALL_FILE_BYTES: u64 = 4096;
const SEQ_DIGITS: usize = 20;

/// The segment files of a directory, by first sequence number.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) sealed: BTreeMap<u64, PathBuf>,
    pub(crate) open: BTreeMap<u64, PathBuf>,
    pub(crate) next: BTreeMap<u64, PathBuf>,
    pub(crate) seals: BTreeMap<u64, PathBuf>,
    pub(crate) temporary: Vec<PathBuf>,
    /// What a recovery, or a cut, has put aside.
    pub(crate) aside: Vec<PathBuf>,
}

impl Listing {
    pub(crate) fn of(dir: &Path) -> Result<Self, SurfaceError> {
        let failed = || SurfaceError::io(dir, "listing");
        let mut listing = Self::default();
        for entry in fs::read_dir(dir).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let Some(extension) = path.extension().and_then(|text| text.to_str()) else {
                continue;
            };
            let segments = match extension {
                SEALED => &mut listing.sealed,
                OPEN => &mut listing.open,
                NEXT => &mut listing.next,
                SEAL => &mut listing.seals,
                TEMPORARY => {
                    listing.temporary.push(path);
                    continue;
                }
                TORN | FORKED => {
                    listing.aside.push(path);
                    continue;
                }
                _ => continue,
            };
            if let Some(seq) = first_seq_of(&path) {
                segments.insert(seq, path);
            }
        }
        Ok(listing)
    }

    /// Whether a cut of the segment that starts there has begun and was not completed: what is left
    /// of it lies beside it as the open one, and whatever comes after it is given up.
    pub(crate) fn is_cut_at(&self, first_seq: u64) -> bool {
        self.sealed.contains_key(&first_seq) && self.open.contains_key(&first_seq)
    }
}

fn first_seq_of(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let digits = stem.len() == SEQ_DIGITS && stem.bytes().all(|byte| byte.is_ascii_digit());
    stem.parse().ok().filter(|_| digits)
}

/// The file of the segment that starts at `first_seq`.
pub(crate) fn segment_path(dir: &Path, first_seq: u64, extension: &str) -> PathBuf {
    dir.join(format!("{first_seq:020}.{extension}"))
}

/// All bytes of a small file; a missing one is damage.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>, SurfaceError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SurfaceError::damage(path, 0, Damage::MissingFile));
        }
        other => other.map_err(SurfaceError::io(path, "opening"))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(MAX_SMALL_FILE_BYTES).read_to_end(&mut bytes);
    read.map_err(SurfaceError::io(path, "reading"))?;
    Ok(bytes)
}

/// Puts `bytes` at `path` in one step: whoever opens it sees the old content or the new, also after
/// a crash.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SurfaceError> {
    let temporary = path.with_extension(TEMPORARY);
    write_new(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Writes a whole file and waits until it is on disk, its name included. What was there is gone.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<File, SurfaceError> {
    let options = || File::options().read(true).write(true).create(true).truncate(true).open(path);
    let mut file = options().map_err(SurfaceError::io(path, "creating"))?;
    file.write_all(bytes).map_err(SurfaceError::io(path, "writing"))?;
    file.sync_all().map_err(SurfaceError::io(path, "syncing"))?;
    sync_parent(path)?;
    Ok(file)
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), SurfaceError> {
    fs::rename(from, to).map_err(SurfaceError::io(from, "renaming"))?;
    sync_parent(to)
}

pub(crate) fn remove(path: &Path) -> Result<(), SurfaceError> {
    fs::remove_file(path).map_err(SurfaceError::io(path, "removing"))
}

pub(crate) fn remove_if_there(path: &Path) -> Result<(), SurfaceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(SurfaceError::io(path, "removing")),
    }
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), SurfaceError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(SurfaceError::io(dir, "syncing"))
}

pub(crate) fn sync_parent(path: &Path) -> Result<(), SurfaceError> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_dir(Path::new(".")),
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}
