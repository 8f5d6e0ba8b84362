//! The folders of one copy, and how they are replaced.
//!
//! | folder | content |
//! | --- | --- |
//! | `<member>` | the copy |
//! | `<member>.next` | the one that takes its place, behind a gap; no copy yet |
//! | `<member>.from-<seq>` | an older one: records before a gap, which the fold may still need |
//! | `<member>.gone` | one that is being removed |
//! | `<member>.forked-<n>` | one that had another history from its beginning; never read |

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use holobiont_surface::{Genesis, StartAt, Surface, SurfaceError, SurfaceWriter, WriterOptions};

use super::aside::{self, Aside};
use crate::FoldError;

const NEXT: &str = "next";
const OLDER: &str = "from";
const FORKED: &str = "forked";
const GONE: &str = "gone";

/// What [`Shelf::recover`] found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovered {
    /// Whether there is a copy.
    pub(super) is_there: bool,
    /// Whether one behind a gap has taken its place only now.
    pub(super) finished_restart: bool,
}

#[derive(Debug)]
pub(super) struct Shelf {
    parent: PathBuf,
    name: String,
    options: WriterOptions,
}

impl Shelf {
    pub(super) fn new(parent: &Path, name: &str, options: WriterOptions) -> Self {
        Self { parent: parent.to_owned(), name: name.to_owned(), options }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn failed(&self) -> impl Fn(SurfaceError) -> FoldError + '_ {
        |source| FoldError::Copy { member: self.name.clone(), source }
    }

    /// Completes what was interrupted.
    pub(super) fn recover(&self) -> Result<Recovered, FoldError> {
        let (dir, next) = (self.dir(), self.dir_of(NEXT));
        remove(&self.dir_of(GONE))?;
        let mut finished_restart = false;
        if exists(&dir)? {
            // It never was the copy.
            remove(&next)?;
        } else if exists(&next.join("genesis"))? {
            self.rename(&next, &dir)?;
            finished_restart = true;
        } else if let Some((_, newest)) = self.older_dirs()?.pop_last() {
            // The one after it was given up: it is the copy again.
            self.rename(&newest, &dir)?;
        }
        Ok(Recovered { is_there: exists(&dir.join("genesis"))?, finished_restart })
    }

    pub(super) fn create(&self, genesis: Genesis) -> Result<SurfaceWriter, FoldError> {
        SurfaceWriter::create(&self.dir(), genesis, self.options).map_err(self.failed())
    }

    pub(super) fn open(&self) -> Result<(SurfaceWriter, holobiont_surface::Recovery), FoldError> {
        SurfaceWriter::open(&self.dir(), self.options).map_err(self.failed())
    }

    /// The older ones, oldest records first.
    pub(super) fn older(&self) -> Result<Vec<Surface>, FoldError> {
        let dirs = self.older_dirs()?;
        dirs.into_values().map(|path| Surface::open(&path).map_err(self.failed())).collect()
    }

    /// Their folders, by their first records.
    fn older_dirs(&self) -> Result<BTreeMap<u64, PathBuf>, FoldError> {
        let prefix = format!("{}.{OLDER}-", self.name);
        let mut found = BTreeMap::new();
        let failed = || FoldError::io(&self.parent, "listing");
        for entry in fs::read_dir(&self.parent).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let seq = name.to_str().and_then(|name| name.strip_prefix(&prefix));
            if let Some(seq) = seq.and_then(|seq| seq.parse::<u64>().ok()) {
                found.insert(seq, entry.path());
            }
        }
        Ok(found)
    }

    /// Puts a copy that starts there in the place of the present one, which becomes an older one, or
    /// goes where it has no record. The writer of the present one may live on meanwhile.
    pub(super) fn start_anew(
        &self,
        genesis: Genesis,
        start: StartAt<'_>,
        present: &Surface,
    ) -> Result<(), FoldError> {
        let (dir, next) = (self.dir(), self.dir_of(NEXT));
        remove(&next)?;
        let made = SurfaceWriter::create_at(&next, genesis, start, self.options);
        drop(made.map_err(self.failed())?);
        if present.next_seq() > present.earliest() {
            let older = self.dir_of(&format!("{OLDER}-{:020}", present.earliest()));
            self.rename(&dir, &older)?;
        } else {
            self.remove(&dir)?;
        }
        self.rename(&next, &dir)
    }

    /// Puts a copy where nothing reads it.
    pub(super) fn put_aside(&self, dir: &Path) -> Result<PathBuf, FoldError> {
        for attempt in 0..u32::MAX {
            let aside = self.dir_of(&format!("{FORKED}-{attempt}"));
            if !exists(&aside)? {
                self.rename(dir, &aside)?;
                return Ok(aside);
            }
        }
        let error = io::ErrorKind::AlreadyExists.into();
        Err(FoldError::io(dir, "moving")(error))
    }

    /// What is where nothing reads it, the oldest first: whole copies, and ends that were cut off.
    pub(super) fn aside(&self) -> Result<Vec<Aside>, FoldError> {
        let whole = format!("{}.{FORKED}-", self.name);
        let end = format!(".{FORKED}");
        let mut found = Vec::new();
        aside::list(&self.parent, |name| name.starts_with(&whole), &mut found)?;
        for dir in self.older_dirs()?.into_values().chain([self.dir()]) {
            aside::list(&dir, |name| name.ends_with(&end), &mut found)?;
        }
        Ok(aside::in_order(found))
    }

    /// Removes an empty copy, or an older one.
    pub(super) fn remove(&self, dir: &Path) -> Result<(), FoldError> {
        // Under a name that says so, since a part of a copy is damage.
        let gone = self.dir_of(GONE);
        remove(&gone)?;
        self.rename(dir, &gone)?;
        remove(&gone)
    }

    fn dir_of(&self, what: &str) -> PathBuf {
        self.parent.join(format!("{}.{what}", self.name))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), FoldError> {
        fs::rename(from, to).map_err(FoldError::io(from, "moving"))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), FoldError> {
        let synced = File::open(&self.parent).and_then(|parent| parent.sync_all());
        synced.map_err(FoldError::io(&self.parent, "syncing"))
    }
}

fn exists(path: &Path) -> Result<bool, FoldError> {
    path.try_exists().map_err(FoldError::io(path, "looking for"))
}

fn remove(dir: &Path) -> Result<(), FoldError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(FoldError::io(dir, "removing")),
    }
}
