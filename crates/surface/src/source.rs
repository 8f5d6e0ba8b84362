use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::mapped::Mapped;
use crate::record::as_u64;
use crate::{Damage, SurfaceError};

/// A file of a surface, open for reading.
///
/// What it gives is believed only after it was verified, so it may be anything; see
/// [`Access::Storage`].
pub trait Source: fmt::Debug + Send + Sync {
    /// Reads into `buffer` from `offset` on, as much as it likes; 0 at the end.
    ///
    /// # Errors
    ///
    /// The system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

/// Where the files of surfaces are read from, in place of the file system.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Opens a segment's file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where there is none of this name; else the system's.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Source>>;
}

/// How the bytes of segments come into memory.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Read once into private memory, which neither the host nor another process can change.
    #[default]
    Read,
    /// Mapped (`mmap`), with nothing copied. Only for data that the reader itself can trust:
    ///
    /// - the system may evict a page and fetch it again *after* it was verified, so that what was
    ///   verified and what is folded may differ: in a confidential guest the disk is the host's;
    /// - a file that becomes shorter meanwhile ends the process with `SIGBUS`;
    /// - pages do not count against the pool's budget.
    ///
    /// It is there to measure what private memory costs, and for auditors who own the disk.
    Mapped,
    /// Read once into private memory, from somewhere else than the file system.
    Storage(Arc<dyn Storage>),
}

/// An open segment.
#[derive(Debug, Clone)]
pub(crate) enum Opened {
    Read(Arc<dyn Source>),
    Mapped(Mapped),
}

impl Access {
    pub(crate) fn open(&self, path: &Path) -> io::Result<Opened> {
        match self {
            Self::Read => Ok(Opened::Read(Arc::new(File::open(path)?))),
            Self::Mapped => Ok(Opened::Mapped(Mapped::open(path)?)),
            Self::Storage(storage) => storage.open(path).map(Opened::Read),
        }
    }
}

impl Opened {
    pub(crate) const fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped(_))
    }

    /// Fills `bytes` from `offset` on; a file that ends before is damage.
    pub(crate) fn fill_at(
        &self,
        path: &Path,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<(), SurfaceError> {
        let needed_bytes = as_u64(bytes.len());
        let truncated = || SurfaceError::damage(path, offset, Damage::Truncated { needed_bytes });
        let source = match self {
            Self::Read(source) => source,
            Self::Mapped(mapped) => {
                let from = mapped.get(offset, needed_bytes).ok_or_else(truncated)?;
                bytes.copy_from_slice(from);
                return Ok(());
            }
        };
        let mut filled = 0_usize;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match source.read_at(rest, offset.saturating_add(as_u64(filled))) {
                Ok(0) => return Err(truncated()),
                Ok(count) => filled = filled.saturating_add(count.min(rest.len())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(SurfaceError::io(path, "reading")(error)),
            }
        }
        Ok(())
    }
}
