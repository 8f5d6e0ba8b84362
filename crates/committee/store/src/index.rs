use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use openraft::Vote;

use crate::format::{LogEntry, LogPayload, Position};
use crate::{Leader, MAX_ENTRY_BYTES, StoreError};

/// What an entry without a command counts for in memory, in bytes.
const SMALL_ENTRY_BYTES: usize = 64;

/// Called once what was appended is on disk, or cannot be put there.
pub(crate) type Callback = Box<dyn FnOnce(std::io::Result<()>) + Send>;

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: u32,
    /// The record's checksum, which is the one before the next record.
    pub(crate) crc: u32,
}

/// A file of records, as it is known in memory.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) name: String,
    /// Index of its first record.
    pub(crate) first: u64,
    pub(crate) salt: u32,
    pub(crate) crc_before: u32,
    pub(crate) size_bytes: u64,
    pub(crate) places: Vec<Place>,
}

impl Segment {
    /// The index after its last record.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.places.len()).unwrap_or(u64::MAX))
    }

    /// The checksum of its last record.
    pub(crate) fn crc_after(&self) -> u32 {
        self.places.last().map_or(self.crc_before, |place| place.crc)
    }

    /// As it is written on: without its places, after its last record.
    pub(crate) fn at_end(&self) -> Self {
        let (name, crc_before) = (self.name.clone(), self.crc_after());
        let (first, salt, size_bytes) = (self.first, self.salt, self.size_bytes);
        Self { name, first, salt, crc_before, size_bytes, places: Vec::new() }
    }
}

/// The log in memory: where each entry is, the newest entries themselves, and what waits for the
/// disk.
#[derive(Default)]
pub(crate) struct Index {
    pub(crate) segments: VecDeque<Segment>,
    /// The term of the entries from an index on.
    terms: BTreeMap<u64, u64>,
    /// Index of the first entry, and of the one that is appended next.
    pub(crate) first: u64,
    pub(crate) next: u64,
    /// The index of the first entry that is not in a file yet.
    pub(crate) unwritten: u64,
    /// Entries before this index are on disk.
    pub(crate) durable: u64,
    pub(crate) purged: Option<Position>,
    pub(crate) committed: Option<Position>,
    pub(crate) vote: Option<Vote<Leader>>,
    /// The newest entries; all that are not in a file yet are here.
    pub(crate) tail: VecDeque<Arc<LogEntry>>,
    tail_bytes: usize,
    pub(crate) unwritten_bytes: usize,
    callbacks: Vec<Callback>,
    /// Moves when entries go: what was planned to be read before may not be there any more.
    pub(crate) generation: u64,
    pub(crate) failed: Option<String>,
    pub(crate) stops: bool,
}

/// Entries that are to be written, and who waits for them.
pub(crate) struct Batch {
    pub(crate) entries: Vec<Arc<LogEntry>>,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) durable: u64,
    pub(crate) committed: u64,
}

pub(crate) fn payload_bytes(payload: &LogPayload) -> usize {
    match payload {
        LogPayload::Normal(payload) => payload.0.len().saturating_add(SMALL_ENTRY_BYTES),
        _ => SMALL_ENTRY_BYTES,
    }
}

/// Whether an entry's content is within its limit.
pub(crate) fn check_size(content_bytes: usize) -> Result<(), StoreError> {
    match content_bytes > MAX_ENTRY_BYTES {
        true => Err(StoreError::EntryTooLarge {
            size_bytes: content_bytes as u64,
            limit_bytes: MAX_ENTRY_BYTES as u64,
        }),
        false => Ok(()),
    }
}

impl Index {
    /// What the files of a log hold.
    pub(crate) fn of(
        segments: VecDeque<Segment>,
        terms: BTreeMap<u64, u64>,
        purged: Option<Position>,
        vote: Option<Vote<Leader>>,
    ) -> Self {
        let after_purged = purged.map_or(0, |purged| purged.index.saturating_add(1));
        let first = segments.front().map_or(after_purged, |it| it.first).max(after_purged);
        let next = segments.back().map_or(first, Segment::end).max(first);
        let (unwritten, durable) = (next, next);
        Self { segments, terms, first, next, unwritten, durable, purged, vote, ..Self::default() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first == self.next
    }

    pub(crate) const fn entries(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.segments.iter().fold(0, |sum: u64, it| sum.saturating_add(it.size_bytes))
    }

    /// The last entry, or the last purged one where there is none.
    pub(crate) fn last(&self) -> Option<Position> {
        match self.is_empty() {
            true => self.purged,
            false => self.position(self.next.saturating_sub(1)),
        }
    }

    /// What is known to be committed and is an entry of this log. A snapshot that is being taken in may
    /// make more known than the log has, and then entries of this log may never have been committed.
    pub(crate) fn committed_here(&self) -> Option<Position> {
        self.committed.filter(|known| self.position(known.index) == Some(*known))
    }

    /// An entry's position; also that of the last purged one.
    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        if self.purged.is_some_and(|purged| purged.index == index) {
            return self.purged;
        }
        let is_here = index >= self.first && index < self.next;
        let (_, term) = self.terms.range(..=index).next_back().filter(|_| is_here)?;
        Some(Position { term: *term, index })
    }

    /// The position of an entry that is in a file, purged or not.
    pub(crate) fn written_position(&self, index: u64) -> Option<Position> {
        let is_here = self.segments.front().is_some_and(|oldest| oldest.first <= index);
        let (_, term) = self.terms.range(..=index).next_back().filter(|_| is_here)?;
        Some(Position { term: *term, index })
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match &self.failed {
            Some(why) => Err(StoreError::Poisoned { why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Nothing is written any more. Gives who waits.
    pub(crate) fn fail(&mut self, why: String) -> Vec<Callback> {
        self.failed.get_or_insert(why);
        std::mem::take(&mut self.callbacks)
    }

    /// Takes entries that follow the last one. An empty log takes any first one.
    pub(crate) fn append(
        &mut self,
        entries: Vec<LogEntry>,
        callback: Callback,
    ) -> Result<(), (StoreError, Callback)> {
        if let Err(error) = self.check().and_then(|()| self.check_follow(&entries)) {
            return Err((error, callback));
        }
        for entry in entries {
            let at = Position::from(&entry.log_id);
            if self.is_empty() && self.purged.is_none() {
                (self.first, self.next, self.unwritten) = (at.index, at.index, at.index);
                self.durable = at.index;
            }
            if self.terms.range(..=at.index).next_back().is_none_or(|(_, term)| *term != at.term) {
                self.terms.insert(at.index, at.term);
            }
            self.next = at.index.saturating_add(1);
            let size = payload_bytes(&entry.payload);
            self.tail_bytes = self.tail_bytes.saturating_add(size);
            self.unwritten_bytes = self.unwritten_bytes.saturating_add(size);
            self.tail.push_back(Arc::new(entry));
        }
        self.callbacks.push(callback);
        Ok(())
    }

    fn check_follow(&self, entries: &[LogEntry]) -> Result<(), StoreError> {
        let mut last = self.last();
        for entry in entries {
            if let LogPayload::Normal(payload) = &entry.payload {
                check_size(payload.0.len())?;
            }
            let at = Position::from(&entry.log_id);
            let follows = last.is_none_or(|last| {
                last.index.checked_add(1) == Some(at.index) && last.term <= at.term
            });
            if !follows || at.index == u64::MAX {
                let (index, term, last) = (at.index, at.term, last.map(Position::pair));
                return Err(StoreError::NotNext { index, term, last });
            }
            last = Some(at);
        }
        Ok(())
    }

    /// All that is to be written, and all who wait.
    pub(crate) fn batch(&mut self) -> Batch {
        let count = usize::try_from(self.next.saturating_sub(self.unwritten)).unwrap_or(usize::MAX);
        let skip = self.tail.len().saturating_sub(count);
        let committed = self.committed_here().map_or(0, |it| it.index.saturating_add(1));
        Batch {
            entries: self.tail.iter().skip(skip).cloned().collect(),
            callbacks: std::mem::take(&mut self.callbacks),
            durable: self.durable,
            committed,
        }
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.callbacks.is_empty() || self.unwritten < self.next
    }

    /// Records are in files now, and on disk. They follow those that were.
    pub(crate) fn written(&mut self, entries: &[Arc<LogEntry>], segments: Vec<Segment>) {
        for segment in segments {
            match self.segments.back_mut() {
                Some(last) if last.first == segment.first => {
                    last.places.extend(segment.places);
                    last.size_bytes = segment.size_bytes;
                }
                _ => self.segments.push_back(segment),
            }
        }
        if let Some(last) = entries.last() {
            self.unwritten = last.log_id.index().saturating_add(1);
            self.durable = self.unwritten;
        }
        let size = entries.iter().map(|entry| payload_bytes(&entry.payload)).sum();
        self.unwritten_bytes = self.unwritten_bytes.saturating_sub(size);
    }

    /// Drops the oldest entries of memory that are in files, down to a size.
    pub(crate) fn shrink_tail(&mut self, cache_bytes: usize) {
        while self.tail_bytes > cache_bytes
            && let Some(oldest) = self.tail.front()
            && oldest.log_id.index() < self.unwritten
        {
            let size = payload_bytes(&oldest.payload);
            self.tail_bytes = self.tail_bytes.saturating_sub(size);
            self.tail.pop_front();
        }
    }

    /// Cuts off the entries from `next` on, all of which are on disk, and gives the segments that
    /// are not needed any more.
    pub(crate) fn truncate(&mut self, next: u64) -> Vec<Segment> {
        self.generation = self.generation.wrapping_add(1);
        self.next = next;
        (self.unwritten, self.durable) = (self.unwritten.min(next), self.durable.min(next));
        drop(self.terms.split_off(&next));
        while let Some(newest) = self.tail.pop_back_if(|entry| entry.log_id.index() >= next) {
            self.tail_bytes = self.tail_bytes.saturating_sub(payload_bytes(&newest.payload));
        }
        let mut gone = Vec::new();
        while let Some(segment) = self.segments.pop_back_if(|segment| segment.first >= next) {
            gone.push(segment);
        }
        if let Some(last) = self.segments.back_mut() {
            let keep = usize::try_from(next.saturating_sub(last.first)).unwrap_or(usize::MAX);
            if let Some(place) = last.places.get(keep) {
                last.size_bytes = u64::from(place.offset);
            }
            last.places.truncate(keep);
        }
        gone
    }

    /// Drops the entries up to and with `to`, all of which are on disk, and gives the segments that
    /// are not needed any more.
    pub(crate) fn purge(&mut self, to: Position) -> Vec<Segment> {
        self.generation = self.generation.wrapping_add(1);
        let first = to.index.saturating_add(1);
        self.purged = Some(to);
        self.first = first;
        if first >= self.next {
            (self.next, self.unwritten, self.durable) = (first, first, first);
            self.terms.clear();
        } else {
            let from = self.terms.range(..=first).next_back().map(|(from, _)| *from);
            self.terms = self.terms.split_off(&from.unwrap_or(0));
        }
        while let Some(oldest) = self.tail.pop_front_if(|entry| entry.log_id.index() < first) {
            self.tail_bytes = self.tail_bytes.saturating_sub(payload_bytes(&oldest.payload));
        }
        let mut gone = Vec::new();
        while let Some(segment) = self.segments.pop_front_if(|segment| segment.end() <= first) {
            gone.push(segment);
        }
        gone
    }
}
