//! The one place with `unsafe` in this crate.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::record::as_usize;

/// A file in memory, as the system has it: see [`Access::Mapped`](crate::Access::Mapped).
#[derive(Debug, Clone)]
pub(crate) struct Mapped(Arc<Mmap>);

impl Mapped {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the mapping is private to this process's eyes only while nobody writes to the
        // file or shortens it. The crate itself never does: a sealed segment is immutable, and an
        // unsealed one is only written behind the records that a view covers. That nobody else does
        // is what a caller takes upon itself by choosing `Access::Mapped`, and its documentation
        // says so. Every access goes through a bounds-checked slice of the length at opening.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self(Arc::new(map)))
    }

    #[inline]
    pub(crate) fn all(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn get(&self, offset: u64, length_bytes: u64) -> Option<&[u8]> {
        let start = as_usize(offset);
        self.0.get(start..start.checked_add(as_usize(length_bytes))?)
    }
}
