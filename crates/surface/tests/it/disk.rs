//! A disk in memory that does what a test says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use holobiont_surface::{Access, ReadOptions, ReadPool, Source, Storage, Trust};

/// One read of a file that is all in memory.
pub(crate) struct Reading<'a> {
    /// How many reads there were before, of all files.
    pub(crate) number: u64,
    pub(crate) path: &'a Path,
    pub(crate) bytes: &'a [u8],
    pub(crate) offset: usize,
    buffer: &'a mut [u8],
}

impl Reading<'_> {
    /// Gives at most this many bytes, as a file would.
    pub(crate) fn give(&mut self, most: usize) -> usize {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let count = rest.len().min(self.buffer.len()).min(most);
        self.buffer[..count].copy_from_slice(&rest[..count]);
        count
    }

    /// Gives all, with one byte of the file changed.
    pub(crate) fn give_with(&mut self, at: usize, mask: u8) -> usize {
        let count = self.give(usize::MAX);
        let place = at.checked_sub(self.offset).filter(|place| *place < count);
        if let Some(place) = place {
            self.buffer[place] ^= mask;
        }
        count
    }
}

pub(crate) type Fault = Box<dyn FnMut(&mut Reading<'_>) -> io::Result<usize> + Send>;

/// A disk with the files of a surface, which does what a test says.
pub(crate) struct Disk {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    reads: Mutex<u64>,
    fault: Mutex<Fault>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

/// The handle under which the pool has it.
#[derive(Debug)]
struct Mounted(Arc<Disk>);

#[derive(Debug)]
struct OnDisk {
    disk: Arc<Disk>,
    path: PathBuf,
}

impl Storage for Mounted {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Source>> {
        match self.0.files().contains_key(path) {
            true => Ok(Arc::new(OnDisk { disk: Arc::clone(&self.0), path: path.to_owned() })),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Source for OnDisk {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.disk.files().get(&self.path).cloned().unwrap_or_default();
        let number = {
            let mut reads = self.disk.reads.lock().unwrap();
            *reads += 1;
            *reads - 1
        };
        let (path, bytes, offset) = (&*self.path, &*bytes, usize::try_from(offset).unwrap());
        self.disk.fault.lock().unwrap()(&mut Reading { number, path, bytes, offset, buffer })
    }
}

pub(crate) fn sound() -> Fault {
    Box::new(|reading| Ok(reading.give(usize::MAX)))
}

pub(crate) fn broken() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Disk {
    pub(crate) fn of(dir: &Path) -> Arc<Self> {
        let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let files = paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let (reads, fault) = (Mutex::new(0), Mutex::new(sound()));
        Arc::new(Self { files: Mutex::new(files), reads, fault })
    }

    pub(crate) fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.files.lock().unwrap()
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.reads.lock().unwrap() = 0;
        *self.fault.lock().unwrap() = fault;
    }

    pub(crate) fn reads(&self) -> u64 {
        *self.reads.lock().unwrap()
    }

    pub(crate) fn pool(self: &Arc<Self>, threads: usize, trust: Trust) -> ReadPool {
        let access = Access::Storage(Arc::new(Mounted(Arc::clone(self))));
        // Blocks of one window and of more, some of which have to go before others come.
        let budget_bytes = 64 << 10;
        ReadPool::new(ReadOptions { budget_bytes, threads, trust, access }).unwrap()
    }
}
