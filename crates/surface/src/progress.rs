use std::ops::Range;

use crate::record::{as_u64, as_usize};
use crate::walk::PreviousClock;
use crate::{Genesis, Record, RecordHeader};

/// How far a cursor has come in the window in hand, and what the next record must be.
///
/// The rules are those of [`Walk`](crate::walk::Walk) that hold within a window: where windows end,
/// the cursor checks when it turns to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// Where the first record not passed starts in the block's memory, and where the window ends.
    at: usize,
    end: usize,
    /// Where the last record passed starts.
    last: usize,
    next_seq: u64,
    every_record_closes: bool,
    /// Clock event of the last record passed, and whether it closed it. While none has been passed
    /// they are such that any clock may follow.
    last_clock: u64,
    last_closes: bool,
    has_passed: bool,
}

impl Progress {
    /// Before the first window.
    pub(crate) fn new(genesis: &Genesis, next_seq: u64, previous: PreviousClock) -> Self {
        let (last_clock, last_closes) = previous.unwrap_or_default();
        let every_record_closes = genesis.every_record_closes;
        let has_passed = previous.is_some();
        let (at, end, last) = (0, 0, 0);
        Self { at, end, last, next_seq, every_record_closes, last_clock, last_closes, has_passed }
    }

    /// Before a window with this record first, of which the record before is not known.
    pub(crate) const fn jump(&mut self, next_seq: u64) {
        self.next_seq = next_seq;
        (self.last_clock, self.last_closes, self.has_passed) = (0, false, false);
    }

    /// At the start of a window.
    pub(crate) const fn enter(&mut self, window: Range<usize>) {
        (self.at, self.end) = (window.start, window.end);
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    pub(crate) const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(crate) const fn passed_clock(&self) -> PreviousClock {
        match self.has_passed {
            true => Some((self.last_clock, self.last_closes)),
            false => None,
        }
    }

    /// From the first record not passed to the end of the window.
    #[inline]
    pub(crate) fn rest<'a>(&self, memory: &'a [u8]) -> &'a [u8] {
        memory.get(self.at..self.end).unwrap_or_default()
    }

    /// The next record, where it is one that may follow.
    #[inline]
    pub(crate) fn next_of<'a>(&self, memory: &'a [u8]) -> Option<Record<'a>> {
        let record = Record::split(self.rest(memory))?;
        self.admits(&record).then_some(record)
    }

    /// Passes the next record, where it is one that may follow.
    #[inline]
    pub(crate) fn take_next(&mut self, memory: &[u8]) -> bool {
        let next = self.next_of(memory);
        if let Some(record) = &next {
            self.pass(record.header());
        }
        next.is_some()
    }

    /// Passes the next record, which was found to be one that may follow.
    #[inline]
    pub(crate) fn pass_shown(&mut self, memory: &[u8]) {
        if let Some(fixed) = self.rest(memory).first_chunk() {
            self.pass(&RecordHeader::decode(fixed));
        }
    }

    /// Passes records up to and with the one that starts at `last`, `count` of them before it; all
    /// were found to be such that may follow.
    pub(crate) fn pass_to(&mut self, memory: &[u8], last: usize, count: usize) {
        self.at = last;
        self.next_seq = self.next_seq.saturating_add(as_u64(count));
        self.pass_shown(memory);
    }

    /// The last record passed, while its window is in memory.
    #[inline]
    pub(crate) fn last_of<'a>(&self, memory: &'a [u8]) -> Option<Record<'a>> {
        Record::split(memory.get(self.last..self.at)?)
    }

    #[inline]
    fn admits(&self, record: &Record<'_>) -> bool {
        let header = record.header();
        // None where the clock goes back.
        let advance = header.clock.checked_sub(self.last_clock);
        header.seq == self.next_seq
            && advance.is_some_and(|advance| advance >= u64::from(self.last_closes))
            && (header.closes_clock() || !self.every_record_closes)
            && record.is_padded_with_zeros()
    }

    #[inline]
    pub(crate) fn pass(&mut self, header: &RecordHeader) {
        self.last = self.at;
        self.at = self.at.saturating_add(as_usize(header.stored_size_bytes()));
        self.next_seq = header.seq.saturating_add(1);
        (self.last_clock, self.last_closes) = (header.clock, header.closes_clock());
        self.has_passed = true;
    }
}

/// Records of one window, in order, borrowed from the memory that they were verified in: see
/// [`Cursor::records`](crate::Cursor::records). The cursor has passed those that were taken.
#[derive(Debug)]
pub struct Records<'a> {
    memory: &'a [u8],
    /// A copy, so that it can live in registers; given back at the end.
    progress: Progress,
    cursor: &'a mut Progress,
}

impl<'a> Records<'a> {
    #[inline]
    pub(crate) fn new(memory: &'a [u8], cursor: &'a mut Progress) -> Self {
        Self { memory, progress: *cursor, cursor }
    }

    /// The next record, if `wanted` says so of its header; it stays the next one if not.
    #[inline]
    pub fn next_if(&mut self, wanted: impl FnOnce(&RecordHeader) -> bool) -> Option<Record<'a>> {
        let record = self.progress.next_of(self.memory)?;
        if !wanted(record.header()) {
            return None;
        }
        self.progress.pass(record.header());
        Some(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        self.next_if(|_| true)
    }
}

impl Drop for Records<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.cursor = self.progress;
    }
}
