#![expect(unsafe_code, reason = "a mapped file can only be had so")]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::BenchError;

/// A file mapped for reading.
pub(crate) struct Mapped(Mmap);

impl Mapped {
    pub(crate) fn open(path: &Path) -> Result<Self, BenchError> {
        let file = File::open(path).map_err(BenchError::io(path, "opening"))?;
        // SAFETY: the bytes must not change, nor the file be cut, while they are borrowed as `&[u8]`.
        // The run made this file in a folder of its own, has sealed or synced it and closed its
        // writer, and nothing of the run writes there until the map is dropped. Another process
        // that does so breaks this; a measurement may take that risk, and nothing else here does.
        let map = unsafe { Mmap::map(&file) };
        map.map(Self).map_err(BenchError::io(path, "mapping"))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
