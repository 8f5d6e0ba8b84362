use std::fs::File;
use std::ops::Range;
use std::path::Path;

use holobiont_identity::Digest;

use crate::format::WindowEntry;
use crate::record::as_usize;
use crate::segment::fill_at;
use crate::walk::Walk;
use crate::{Damage, Genesis, Record, SurfaceError};

/// How much is read at once, where that many whole windows follow each other: 256 KiB.
pub const READ_BLOCK_BYTES: u64 = 256 << 10;

/// Whole windows, read once into private memory and verified there. The memory is reused.
#[derive(Debug, Default)]
pub(crate) struct Block {
    buffer: Vec<u8>,
    windows: Range<usize>,
    offset: u64,
}

impl Block {
    /// Whether window number `window` of the segment is in the block.
    pub(crate) fn has(&self, window: usize) -> bool {
        self.windows.contains(&window)
    }

    /// Forgets what it holds and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.windows = 0..0;
    }

    pub(crate) fn capacity_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Reads windows from number `first` on, as many as a block takes and at least one. Nothing of
    /// them may be used before [`verify`](Self::verify).
    pub(crate) fn read(
        &mut self,
        file: &File,
        path: &Path,
        windows: &[WindowEntry],
        first: usize,
    ) -> Result<(), SurfaceError> {
        self.clear();
        let following = windows.get(first..).unwrap_or_default();
        let Some(start) = following.first() else {
            return Ok(());
        };
        let mut end_offset = start.offset;
        let mut count = 0_usize;
        for window in following {
            if end_offset.saturating_sub(start.offset) >= READ_BLOCK_BYTES {
                break;
            }
            end_offset = window.end_offset();
            count = count.saturating_add(1);
        }
        let length = as_usize(end_offset.saturating_sub(start.offset));
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        fill_at(file, path, start.offset, self.buffer.get_mut(..length).unwrap_or_default())?;
        self.offset = start.offset;
        self.windows = first..first.saturating_add(count);
        Ok(())
    }

    /// The bytes of a window that it holds.
    pub(crate) fn window(&self, entry: &WindowEntry) -> &[u8] {
        let start = as_usize(entry.offset.saturating_sub(self.offset));
        let end = as_usize(entry.end_offset().saturating_sub(self.offset));
        self.buffer.get(start..end).unwrap_or_default()
    }

    /// Hashes every window; on a difference, forgets the block and names the record that is wrong
    /// where the CRCs tell.
    pub(crate) fn verify(
        &mut self,
        path: &Path,
        genesis: &Genesis,
        windows: &[WindowEntry],
    ) -> Result<(), SurfaceError> {
        let held = windows.get(self.windows.clone()).unwrap_or_default();
        for entry in held {
            let bytes = self.window(entry);
            if Digest::of(bytes) != entry.digest {
                let (at, what) = locate(bytes, genesis, entry);
                let offset = entry.offset.saturating_add(at);
                self.clear();
                return Err(SurfaceError::in_window(path, entry.first_seq, offset, what));
            }
        }
        Ok(())
    }
}

/// Where in a window that does not match its digest the first wrong record is.
fn locate(bytes: &[u8], genesis: &Genesis, entry: &WindowEntry) -> (u64, Damage) {
    let mut walk = Walk::new(genesis, entry.first_seq, None);
    let mut at = 0;
    while let Some(rest) = bytes.get(as_usize(at)..).filter(|rest| !rest.is_empty()) {
        let checked = Record::decode(rest).and_then(|record| {
            if !record.crc_holds() {
                return Err(Damage::RecordCrc { seq: walk.next_seq() });
            }
            walk.admit(record.header())?;
            Ok(record.header().stored_size_bytes())
        });
        match checked {
            Ok(size) => at = at.saturating_add(size),
            Err(what) => return (at, what),
        }
    }
    (0, Damage::WindowDigest)
}
