use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_identity::Digest;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::format::WindowEntry;
use crate::handover::Work;
use crate::mapped::Mapped;
use crate::pool::{Checked, Counters};
use crate::record::{as_u64, as_usize};
use crate::segment::View;
use crate::source::Opened;
use crate::walk::Walk;
use crate::{Damage, Genesis, Record, SurfaceError};

/// How much is read at once, where that many whole windows follow each other: 256 KiB.
pub const READ_BLOCK_BYTES: u64 = 256 << 10;

const PAGE_BYTES: usize = 4096;

/// Memory that starts where the system's own pages do.
#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(4096))]
struct Page([u8; PAGE_BYTES]);

/// A segment that is open for reading, and what its windows must be.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    pub(crate) path: PathBuf,
    pub(crate) file: Opened,
    pub(crate) windows: Vec<WindowEntry>,
    /// What is checked of its windows beside their structure.
    pub(crate) checked: Checked,
}

/// Whole windows, read once into private memory and checked there.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pages: Vec<Page>,
    /// Set where the bytes are not in `pages`.
    mapped: Option<Mapped>,
    length: usize,
    /// The number of the segment, and where in its file they start.
    segment: usize,
    offset: u64,
}

impl Block {
    /// The memory that its bytes are in: see [`range_of`](Self::range_of).
    #[inline]
    pub(crate) fn memory(&self) -> &[u8] {
        match &self.mapped {
            None => self.pages.as_bytes(),
            Some(mapped) => mapped.all(),
        }
    }

    /// Whether it has a window of this segment.
    pub(crate) fn has(&self, segment: usize, entry: &WindowEntry) -> bool {
        let end = self.offset.saturating_add(as_u64(self.length));
        self.segment == segment && entry.offset >= self.offset && entry.end_offset() <= end
    }

    /// How much memory it holds, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.pages.as_bytes().len()
    }

    /// Where in [`memory`](Self::memory) a window is that it holds.
    pub(crate) fn range_of(&self, entry: &WindowEntry) -> Range<usize> {
        let start = match &self.mapped {
            None => as_usize(entry.offset.saturating_sub(self.offset)),
            Some(_) => as_usize(entry.offset),
        };
        start..start.saturating_add(as_usize(u64::from(entry.length_bytes)))
    }

    fn window(&self, entry: &WindowEntry) -> &[u8] {
        self.memory().get(self.range_of(entry)).unwrap_or_default()
    }

    /// What memory for this many bytes takes: whole pages.
    pub(crate) fn memory_bytes(length_bytes: u64) -> u64 {
        length_bytes.checked_next_multiple_of(as_u64(PAGE_BYTES)).unwrap_or(u64::MAX)
    }

    fn read(
        &mut self,
        segment: &OpenSegment,
        memory_bytes: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), SurfaceError> {
        (self.offset, self.length) = (offset, as_usize(length_bytes));
        if let Opened::Mapped(mapped) = &segment.file {
            self.mapped = Some(mapped.clone());
            let needed_bytes = length_bytes;
            return match mapped.get(offset, length_bytes) {
                Some(_) => Ok(()),
                None => Err(SurfaceError::damage(
                    &segment.path,
                    offset,
                    Damage::Truncated { needed_bytes },
                )),
            };
        }
        self.mapped = None;
        let count = as_usize(memory_bytes.div_ceil(as_u64(PAGE_BYTES)));
        if self.pages.len() < count {
            // Not grown: the old bytes need not be copied.
            self.pages = Vec::new();
            let no_memory = |_| io::ErrorKind::OutOfMemory.into();
            self.pages = Page::new_vec_zeroed(count)
                .map_err(no_memory)
                .map_err(SurfaceError::io(&segment.path, "making room for"))?;
        }
        let into = self.pages.as_mut_bytes().get_mut(..self.length).unwrap_or_default();
        segment.file.fill_at(&segment.path, offset, into)
    }

    /// Holds every window against its index entry, as far as `checked` says; names the record that
    /// is wrong where the CRCs tell.
    fn check(
        &self,
        path: &Path,
        genesis: &Genesis,
        windows: &[WindowEntry],
        checked: Checked,
    ) -> Result<(), SurfaceError> {
        for entry in windows {
            let bytes = self.window(entry);
            let found = match checked {
                Checked::Hashed if Digest::of(bytes) == entry.digest => continue,
                Checked::Hashed => Err(locate(bytes, genesis, entry)),
                Checked::Crc => check_records(bytes, genesis, entry),
                Checked::Nothing => continue,
            };
            found.map_err(|(at, what)| {
                SurfaceError::in_window(
                    path,
                    entry.first_seq,
                    entry.offset.saturating_add(at),
                    what,
                )
            })?;
        }
        Ok(())
    }
}

/// A block to be read and checked.
#[derive(Debug)]
pub(crate) struct BlockWork {
    pub(crate) segment: Arc<OpenSegment>,
    pub(crate) view: Arc<View>,
    pub(crate) counters: Arc<Counters>,
    /// The segment's number.
    pub(crate) number: usize,
    pub(crate) windows: Range<usize>,
    pub(crate) memory_bytes: u64,
}

impl BlockWork {
    pub(crate) fn make(&self, block: &mut Arc<Block>) -> Result<(), SurfaceError> {
        let windows = self.segment.windows.get(self.windows.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (windows.first(), windows.last()) else {
            return Ok(());
        };
        if Arc::get_mut(block).is_none() {
            *block = Arc::default();
        }
        let Some(block) = Arc::get_mut(block) else { return Ok(()) };
        let length_bytes = last.end_offset().saturating_sub(first.offset);
        block.segment = self.number;
        block.read(&self.segment, self.memory_bytes, first.offset, length_bytes)?;
        block.check(&self.segment.path, &self.view.genesis, windows, self.segment.checked)?;
        self.counters.add(self.segment.checked, as_u64(windows.len()));
        Ok(())
    }
}

impl Work for BlockWork {
    type Memory = Arc<Block>;

    fn run(self, block: &mut Arc<Block>) -> bool {
        self.make(block).is_ok()
    }
}

/// The CRC of every record of a window, and the rules that hold within one. Those between windows,
/// and those of the index, are the cursor's.
fn check_records(
    bytes: &[u8],
    genesis: &Genesis,
    entry: &WindowEntry,
) -> Result<(), (u64, Damage)> {
    let mut walk = Walk::new(genesis, entry.first_seq, None);
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let checked = Record::decode(rest).and_then(|record| {
            if !record.crc_holds() {
                return Err(Damage::RecordCrc { seq: walk.next_seq() });
            }
            walk.admit(record.header()).map(|_| record.stored().len())
        });
        at = at.saturating_add(checked.map_err(|what| (as_u64(at), what))?);
    }
    Ok(())
}

/// Where in a window that does not match its digest the first wrong record is.
fn locate(bytes: &[u8], genesis: &Genesis, entry: &WindowEntry) -> (u64, Damage) {
    match check_records(bytes, genesis, entry) {
        Err(found) => found,
        Ok(()) => (0, Damage::WindowDigest),
    }
}
