use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Disk, StoreError};

/// The most files that are kept open at a time.
const MAX_OPEN_FILES: usize = 64;

/// A directory of the file system, locked for as long as it is held.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Holds the lock, and is what is synced for names.
    directory: File,
    files: Mutex<BTreeMap<String, Arc<File>>>,
}

impl Directory {
    /// Opens a directory, creating it where it is missing, and keeps every other process out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Io`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        fs::create_dir_all(path).map_err(StoreError::io(&name, "creating"))?;
        let directory = File::open(path).map_err(StoreError::io(&name, "opening"))?;
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { directory: name }),
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&name, "locking")(error)),
            Ok(()) => {}
        }
        Ok(Self { path: path.to_owned(), directory, files: Mutex::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<File>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str, create: bool) -> io::Result<Arc<File>> {
        let mut files = self.files();
        if let Some(file) = files.get(name) {
            return Ok(Arc::clone(file));
        }
        let mut options = File::options();
        let options = options.read(true).write(true).create(create).truncate(false);
        let file = Arc::new(options.open(self.path.join(name))?);
        if files.len() >= MAX_OPEN_FILES {
            files.clear();
        }
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn size_bytes(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path.join(name))?.len())
    }

    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.file(name, false)?;
        let (mut offset, mut done) = (offset, 0_usize);
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset) {
                Ok(0) => break,
                Ok(read) => {
                    done = done.saturating_add(read);
                    offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name, true)?.write_all_at(bytes, offset)
    }

    fn set_size(&self, name: &str, size_bytes: u64) -> io::Result<()> {
        self.file(name, true)?.set_len(size_bytes)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        self.file(name, false)?.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        files.remove(from);
        files.remove(to);
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name);
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_all()
    }
}
