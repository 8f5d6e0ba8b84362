use std::ops::Range;
use std::sync::Arc;

use crate::format::LogEntry;
use crate::index::{Index, Place, Segment, payload_bytes};

/// Entries to read: those in files first, then those in memory.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) runs: Vec<Run>,
    pub(crate) tail: Vec<Arc<LogEntry>>,
    pub(crate) generation: u64,
}

/// Records of one segment that follow each other.
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) salt: u32,
    pub(crate) crc_before: u32,
    pub(crate) first: u64,
    pub(crate) places: Vec<Place>,
    pub(crate) end_offset: u64,
}

impl Index {
    /// How the entries of a range can be read, up to a size, but at least one of them.
    pub(crate) fn plan(&self, range: Range<u64>, most_bytes: usize) -> Plan {
        let mut plan = Plan { generation: self.generation, ..Plan::default() };
        let (from, end) = (range.start.max(self.first), range.end.min(self.next));
        let mut bytes = 0_usize;
        let mut is_full = |size: usize| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(size);
            bytes > most_bytes && !is_first
        };
        let tail_first = self.tail.front().map_or(self.next, |entry| entry.log_id.index());
        for segment in &self.segments {
            if segment.end() <= from || segment.first >= end.min(tail_first) {
                continue;
            }
            let (run, was_full) = segment.run(from, end.min(tail_first), &mut is_full);
            plan.runs.extend(run);
            if was_full {
                return plan;
            }
        }
        let skip = usize::try_from(from.saturating_sub(tail_first)).unwrap_or(usize::MAX);
        for entry in self.tail.iter().skip(skip) {
            if entry.log_id.index() >= end || is_full(payload_bytes(&entry.payload)) {
                break;
            }
            plan.tail.push(Arc::clone(entry));
        }
        plan
    }
}

impl Segment {
    /// Its records from an index on, before another; and whether there was no room for all.
    fn run(
        &self,
        from: u64,
        end: u64,
        is_full: &mut impl FnMut(usize) -> bool,
    ) -> (Option<Run>, bool) {
        let first = from.max(self.first);
        let skip = usize::try_from(first.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let before = skip.checked_sub(1).and_then(|before| self.places.get(before));
        let mut run = Run {
            name: self.name.clone(),
            salt: self.salt,
            crc_before: before.map_or(self.crc_before, |place| place.crc),
            first,
            places: Vec::new(),
            end_offset: self.size_bytes,
        };
        let mut was_full = false;
        let mut places = self.places.iter().skip(skip).peekable();
        let mut index = first;
        while let Some(place) = places.next().filter(|_| index < end) {
            let next = places.peek().map_or(self.size_bytes, |next| u64::from(next.offset));
            let size = next.saturating_sub(u64::from(place.offset));
            if is_full(usize::try_from(size).unwrap_or(usize::MAX)) {
                was_full = true;
                break;
            }
            run.places.push(*place);
            run.end_offset = next;
            index = index.saturating_add(1);
        }
        ((!run.places.is_empty()).then_some(run), was_full)
    }
}
