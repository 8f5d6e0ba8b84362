use std::sync::Arc;

use crate::figures::Counters;
use crate::format::{Mark, Position, SEGMENT_HEADER_BYTES, SegmentHeader, encode_record};
use crate::index::{Batch, Index, Place, Segment};
use crate::{Disk, StoreError};

/// Where the log's end and its purged start are known.
pub(crate) const MARK: &str = "mark";
/// What this node has voted.
pub(crate) const VOTE: &str = "vote";
/// How a segment's name ends; before it comes the index of its first record.
pub(crate) const SEGMENT: &str = ".log";

/// So many bytes are written at a time.
const WRITE_BYTES: usize = 1 << 20;

/// The one who writes the log's files. Whoever holds it has the disk for itself.
#[derive(Debug)]
pub(crate) struct Writer<D> {
    pub(crate) disk: Arc<D>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) segment_bytes: u64,
    /// The mark as it is on disk.
    pub(crate) mark: Mark,
    /// The segment that is written to, without its places.
    pub(crate) open: Option<Segment>,
}

/// The file of the segment whose first record has this index.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}{SEGMENT}")
}

impl<D: Disk> Writer<D> {
    /// Writes entries and waits until they are on disk. Gives the segments they are in.
    pub(crate) fn write(
        &mut self,
        batch: &Batch,
        last: Option<Position>,
    ) -> Result<Vec<Segment>, StoreError> {
        let knows = (batch.durable, batch.committed);
        let mut written: Vec<Segment> = Vec::new();
        let mut buffer = Vec::new();
        let mut last = last;
        let mut bytes = 0_u64;
        for entry in &batch.entries {
            let is_full = self.open.as_ref().is_none_or(|it| it.size_bytes >= self.segment_bytes);
            if is_full || buffer.len() >= WRITE_BYTES {
                self.put(&mut buffer)?;
            }
            if is_full {
                self.roll(entry.log_id.index(), last)?;
            }
            let Some(open) = &mut self.open else { continue };
            if written.last().is_none_or(|it| it.first != open.first) {
                written.push(open.clone());
            }
            let start = buffer.len();
            let offset = u32::try_from(open.size_bytes).unwrap_or(u32::MAX);
            let crc = encode_record(&mut buffer, open.salt, open.crc_before, entry, knows)?;
            let added = u64::try_from(buffer.len().saturating_sub(start)).unwrap_or(u64::MAX);
            open.size_bytes = open.size_bytes.saturating_add(added);
            open.crc_before = crc;
            bytes = bytes.saturating_add(added);
            if let Some(segment) = written.last_mut() {
                segment.size_bytes = open.size_bytes;
                segment.places.push(Place { offset, crc });
            }
            last = Some(Position::from(&entry.log_id));
        }
        self.put(&mut buffer)?;
        self.sync()?;
        let entries = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        self.counters.appended(entries, bytes);
        Ok(written)
    }

    /// Writes what was encoded, which ends where the open segment ends.
    fn put(&mut self, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        if let Some(open) = self.open.as_ref().filter(|_| !buffer.is_empty()) {
            let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
            let offset = open.size_bytes.saturating_sub(length);
            let written = self.disk.write_at(&open.name, offset, buffer);
            written.map_err(StoreError::io(&open.name, "writing"))?;
        }
        buffer.clear();
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let Some(open) = &self.open else { return Ok(()) };
        let synced = self.counters.timed(|| self.disk.sync(&open.name));
        synced.map_err(StoreError::io(&open.name, "syncing"))
    }

    /// Starts a segment. It is there only once all before it is on disk, so that whatever is wrong
    /// in an older one is damage.
    fn roll(&mut self, first: u64, previous: Option<Position>) -> Result<(), StoreError> {
        self.sync()?;
        let crc_before = self.open.as_ref().map_or(0, |it| it.crc_before);
        let header = SegmentHeader { first, previous, crc_before };
        let name = segment_name(first);
        self.replace(&name, &header.encode())?;
        self.open = Some(Segment {
            name,
            first,
            salt: header.salt(),
            crc_before,
            size_bytes: SEGMENT_HEADER_BYTES as u64,
            places: Vec::new(),
        });
        let first_segment = self.mark.first_segment.or(Some(first));
        let last_segment = Some(first);
        self.save_mark(Mark { synced: previous, first_segment, last_segment, ..self.mark })
    }

    pub(crate) fn save_mark(&mut self, mark: Mark) -> Result<(), StoreError> {
        if self.mark != mark {
            self.replace(MARK, &mark.encode())?;
            self.mark = mark;
        }
        Ok(())
    }

    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let replaced = self.counters.timed(|| self.disk.replace(name, bytes));
        replaced.map_err(StoreError::io(name, "replacing"))
    }

    /// What the mark says once the log is as in memory.
    pub(crate) fn mark_of(index: &Index) -> Mark {
        let durable = index.durable.checked_sub(1).and_then(|last| index.position(last));
        Mark {
            purged: index.purged,
            // Of entries of one log the one with the lower index is the lesser.
            committed: index.committed_here().min(durable),
            synced: durable,
            first_segment: index.segments.front().map(|it| it.first),
            last_segment: index.segments.back().map(|it| it.first),
        }
    }

    /// Cuts the files down to what is left in memory, the newest first, so that there is never a
    /// hole. The mark is lowered already.
    pub(crate) fn truncate(
        &mut self,
        last: Option<Segment>,
        gone: &[Segment],
    ) -> Result<(), StoreError> {
        for segment in gone {
            self.remove(segment)?;
            self.sync_dir()?;
        }
        self.open = last;
        if let Some(open) = &self.open {
            let cut = self.disk.set_size(&open.name, open.size_bytes);
            cut.map_err(StoreError::io(&open.name, "cutting"))?;
        }
        self.sync()
    }

    /// Removes segments from the front. The mark says already that they are not needed.
    pub(crate) fn purge(&mut self, gone: &[Segment]) -> Result<(), StoreError> {
        for segment in gone {
            self.remove(segment)?;
            if self.open.as_ref().is_some_and(|open| open.first == segment.first) {
                self.open = None;
            }
        }
        self.sync_dir()
    }

    fn remove(&self, segment: &Segment) -> Result<(), StoreError> {
        self.disk.remove(&segment.name).map_err(StoreError::io(&segment.name, "removing"))
    }

    pub(crate) fn sync_dir(&self) -> Result<(), StoreError> {
        let synced = self.counters.timed(|| self.disk.sync_dir());
        synced.map_err(StoreError::io(".", "syncing"))
    }
}
