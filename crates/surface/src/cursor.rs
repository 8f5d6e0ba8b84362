use std::sync::Arc;

use holobiont_identity::Digest;

use crate::block::{Block, OpenSegment};
use crate::feed::{Feed, Lane};
use crate::format::{SEGMENT_HEADER_BYTES, WindowEntry, chain_over};
use crate::head::chain;
use crate::pool::ReadPool;
use crate::progress::{Progress, Records};
use crate::record::{as_u64, as_usize};
use crate::segment::View;
use crate::walk::{PreviousClock, Walk};
use crate::{Ahead, Damage, Head, Record, RecordHeader, StartAt, SurfaceError};

/// A place in a surface, and the verified records from there on, one after the other.
///
/// Windows are read once into private memory and verified there, and records are borrowed from that
/// same memory. After an error the cursor stays where it was.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, Surface, SurfaceWriter, WriterOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
/// let mut cursor = Surface::open(dir.path())?.cursor(0)?;
/// assert!(cursor.peek()?.is_none() && cursor.head().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cursor {
    // Before `feed`, whose end gives the block's memory back.
    block: Option<Arc<Block>>,
    feed: Feed,
    /// Number of the segment that `source` is.
    segment: usize,
    source: Option<Arc<OpenSegment>>,
    /// Number of the window that comes after the one in hand.
    next_window: usize,
    /// The window in hand.
    entry: Option<WindowEntry>,
    chain_before: Digest,
    clock_before_window: PreviousClock,
    /// Where in the block's memory the window in hand starts.
    start: usize,
    /// How far it has come in that.
    progress: Progress,
    /// Whether the record that comes next has been shown.
    shown: bool,
    hasher: blake3::Hasher,
    /// How much of the window is in the hasher.
    hashed: usize,
}

impl Cursor {
    /// A cursor on its own: it reads one block after the other into memory of its own.
    pub(crate) fn new(view: Arc<View>, from_seq: u64) -> Result<Self, SurfaceError> {
        let lane = Lane::new(ReadPool::alone(), &view)?;
        Self::in_lane(view, Arc::new(lane), from_seq)
    }

    /// A cursor whose next record is `from_seq`. It has read the window before, so that the rules
    /// between records hold from the first one on.
    pub(crate) fn in_lane(
        view: Arc<View>,
        lane: Arc<Lane>,
        from_seq: u64,
    ) -> Result<Self, SurfaceError> {
        let (start, next_seq) = (view.start, view.next_seq);
        if from_seq < start.first_seq {
            return Err(SurfaceError::Gap { wanted: from_seq, earliest: start.first_seq });
        }
        if from_seq > next_seq {
            return Err(SurfaceError::NotYet { wanted: from_seq, next_seq });
        }
        let progress = Progress::new(&view.genesis, start.first_seq, start.previous_clock);
        let mut cursor = Self {
            block: None,
            feed: Feed::new(view, lane)?,
            segment: 0,
            source: None,
            next_window: 0,
            entry: None,
            chain_before: start.chain_before,
            clock_before_window: start.previous_clock,
            start: 0,
            progress,
            shown: false,
            hasher: blake3::Hasher::new(),
            hashed: 0,
        };
        if from_seq > start.first_seq {
            cursor.place_before(from_seq.saturating_sub(1))?;
        }
        while cursor.next_seq() < from_seq && cursor.peek()?.is_some() {
            cursor.advance();
        }
        Ok(cursor)
    }

    /// The record that has not been passed yet, loading and verifying windows as needed; none at
    /// the end of what the surface had when it was opened.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Damage`], [`SurfaceError::Io`], [`SurfaceError::Gap`] where retention
    /// overtook the cursor, and [`SurfaceError::MemoryBudget`].
    #[inline]
    pub fn peek(&mut self) -> Result<Option<RecordHeader>, SurfaceError> {
        if self.progress.is_at_end() && !self.turn()? {
            return Ok(None);
        }
        match self.progress.next_of(self.memory()) {
            Some(record) => {
                let header = *record.header();
                self.shown = true;
                Ok(Some(header))
            }
            None => Err(self.why_not()),
        }
    }

    /// The record that [`peek`](Self::peek) showed, borrowed from the memory it was verified in.
    #[inline]
    pub fn current(&self) -> Option<Record<'_>> {
        if !self.shown {
            return None;
        }
        Record::split(self.progress.rest(self.memory()))
    }

    /// Passes the record that [`peek`](Self::peek) showed; nothing where it has shown none.
    #[inline]
    pub fn advance(&mut self) {
        if std::mem::take(&mut self.shown) {
            let memory = self.block.as_ref().map(|block| block.memory()).unwrap_or_default();
            self.progress.pass_shown(memory);
        }
    }

    /// The next record, which is passed with this: [`peek`](Self::peek), [`current`](Self::current)
    /// and [`advance`](Self::advance) in one.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, SurfaceError> {
        if self.progress.is_at_end() && !self.turn()? {
            return Ok(None);
        }
        self.shown = false;
        let Self { block, progress, .. } = &mut *self;
        let memory = block.as_ref().map(|block| block.memory()).unwrap_or_default();
        match progress.take_next(memory) {
            true => Ok(self.progress.last_of(self.memory())),
            false => Err(self.why_not()),
        }
    }

    /// The records from here to the end of the window in hand, which is where the fastest way to
    /// read many goes through; none at the end of the surface. Where one is no record that may
    /// follow, they end before it, and the next call says why.
    ///
    /// ```no_run
    /// # fn read(mut cursor: holobiont_surface::Cursor) -> Result<u64, holobiont_surface::SurfaceError> {
    /// let mut bytes = 0;
    /// while let Some(records) = cursor.records()? {
    ///     for record in records {
    ///         bytes += u64::from(record.header().payload_length);
    ///     }
    /// }
    /// # Ok(bytes)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    #[inline]
    pub fn records(&mut self) -> Result<Option<Records<'_>>, SurfaceError> {
        if self.peek()?.is_none() {
            return Ok(None);
        }
        self.shown = false;
        let Self { block, progress, .. } = self;
        let memory = block.as_ref().map(|block| block.memory()).unwrap_or_default();
        Ok(Some(Records::new(memory, progress)))
    }

    /// Sequence number of the record that has not been passed yet.
    pub const fn next_seq(&self) -> u64 {
        self.progress.next_seq()
    }

    /// The head at the last record passed, also where that was passed before the cursor began; none
    /// before the first record of the surface. Each byte is hashed once, however often it is asked.
    pub fn head(&mut self) -> Option<Head> {
        let seq = self.next_seq().checked_sub(1)?;
        let hash = match self.entry {
            None => self.chain_before,
            Some(_) if self.progress.at() == self.start => self.chain_before,
            Some(entry) if self.progress.is_at_end() => chain(self.chain_before, entry.digest),
            Some(_) => {
                let from = self.start.saturating_add(self.hashed);
                let memory = self.block.as_ref().map(|block| block.memory()).unwrap_or_default();
                self.hasher.update(memory.get(from..self.progress.at()).unwrap_or_default());
                self.hashed = self.progress.at().saturating_sub(self.start);
                chain(self.chain_before, self.hasher.finalize().into())
            }
        };
        Some(Head { seq, hash })
    }

    /// The window that the records passed leave open, for a snapshot at this place: a surface
    /// created at it goes on with the same heads.
    pub fn open_window(&self) -> StartAt<'_> {
        let next_seq = self.next_seq();
        let view = self.feed.view();
        let ended = self.entry.filter(|entry| {
            let full = entry.records == view.genesis.window_records;
            self.progress.is_at_end() && (full || next_seq < view.next_seq)
        });
        if let Some(entry) = ended {
            return StartAt {
                first_seq: next_seq,
                chain_before: chain(self.chain_before, entry.digest),
                window_bytes: &[],
                previous_clock: self.progress.passed_clock(),
            };
        }
        StartAt {
            first_seq: self.entry.map_or(next_seq, |entry| entry.first_seq),
            chain_before: self.chain_before,
            window_bytes: self.passed_bytes(),
            previous_clock: self.clock_before_window,
        }
    }

    /// Memory that the cursor holds for records, in bytes: at most
    /// [`READ_BLOCK_BYTES`](crate::READ_BLOCK_BYTES) or one window, and a page.
    pub fn buffer_bytes(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.held_bytes())
    }

    /// The rules, after the last record passed.
    pub(crate) fn walk(&self) -> Walk {
        let walk =
            Walk::new(&self.feed.view().genesis, self.next_seq(), self.progress.passed_clock());
        match self.entry {
            Some(entry) => {
                let records = self.next_seq().saturating_sub(entry.first_seq);
                let bytes = as_u64(self.progress.at().saturating_sub(self.start));
                walk.resumed(u32::try_from(records).unwrap_or(u32::MAX), bytes)
            }
            None => walk,
        }
    }

    /// The window in hand, the chain value before it, and its bytes up to where the cursor is.
    pub(crate) fn window(&self) -> Option<(WindowEntry, Digest, &[u8])> {
        Some((self.entry?, self.chain_before, self.passed_bytes()))
    }

    /// The number of the segment that has the last record passed, and where in its file that ends.
    pub(crate) fn file_place(&self) -> (usize, u64) {
        let passed = as_u64(self.progress.at().saturating_sub(self.start));
        let offset = self.entry.map(|entry| entry.offset.saturating_add(passed));
        (self.segment, offset.unwrap_or(as_u64(SEGMENT_HEADER_BYTES)))
    }

    /// What is wrong, with the place where the cursor is.
    #[cold]
    pub(crate) fn damage(&self, what: Damage) -> SurfaceError {
        let view = self.feed.view();
        let file = view.segments.get(self.segment).map(|segment| &segment.info.file);
        let file = file.unwrap_or(&view.dir);
        match self.entry {
            Some(entry) => {
                let at = as_u64(self.progress.at().saturating_sub(self.start));
                let offset = entry.offset.saturating_add(at);
                SurfaceError::in_window(file, entry.first_seq, offset, what)
            }
            None => SurfaceError::damage(file, 0, what),
        }
    }

    #[inline]
    pub(crate) fn memory(&self) -> &[u8] {
        self.block.as_ref().map(|block| block.memory()).unwrap_or_default()
    }

    pub(crate) fn fill_ahead(&self, ahead: &mut Ahead) {
        let records = self.entry.map_or(0, |entry| entry.records);
        ahead.fill(self.progress, self.memory(), as_usize(records.into()));
    }

    pub(crate) fn pass_to(&mut self, last: usize, before: usize) {
        self.shown = false;
        let memory = self.block.as_ref().map(|block| block.memory()).unwrap_or_default();
        self.progress.pass_to(memory, last, before);
    }

    /// What is wrong with the record that comes next.
    #[cold]
    fn why_not(&self) -> SurfaceError {
        let record = Record::decode(self.progress.rest(self.memory()));
        let what = record.and_then(|record| self.walk().admit(record.header()));
        self.damage(what.err().unwrap_or(Damage::WindowIndex))
    }

    fn passed_bytes(&self) -> &[u8] {
        self.memory().get(self.start..self.progress.at()).unwrap_or_default()
    }

    /// Goes to the start of the window before the one that has record `seq`.
    fn place_before(&mut self, seq: u64) -> Result<(), SurfaceError> {
        let view = Arc::clone(self.feed.view());
        let mut number = view.segments.partition_point(|segment| segment.end_seq() <= seq);
        let not_yet = || SurfaceError::NotYet { wanted: seq, next_seq: view.next_seq };
        let mut source = self.feed.segment(number)?.ok_or_else(not_yet)?;
        let mut window = source.windows.partition_point(|window| window.end_seq() <= seq);
        if let Some(before) = window.checked_sub(1) {
            window = before;
        } else if let Some(before) = number.checked_sub(1) {
            (number, source) = (before, self.feed.segment(before)?.ok_or_else(not_yet)?);
            window = source.windows.len().saturating_sub(1);
        }
        let segment_chain = view.segments.get(number).map(|segment| segment.chain_before);
        let before = source.windows.get(..window).unwrap_or_default();
        self.chain_before = chain_over(segment_chain.unwrap_or(self.chain_before), before);
        if let Some(entry) = source.windows.get(window).filter(|_| (number, window) != (0, 0)) {
            self.progress.jump(entry.first_seq);
        }
        (self.segment, self.source, self.next_window) = (number, Some(source), window);
        Ok(())
    }

    /// Takes the next window in hand; false where there is none.
    #[cold]
    #[inline(never)]
    fn turn(&mut self) -> Result<bool, SurfaceError> {
        self.shown = false;
        let last_clock = self.progress.passed_clock().map(|(clock, _)| clock);
        let reached = (self.next_seq(), last_clock);
        if self.entry.is_some_and(|entry| reached != (entry.end_seq(), Some(entry.last_clock))) {
            return Err(self.damage(Damage::WindowIndex));
        }
        let Some((source, entry)) = self.find_next()? else {
            return Ok(false);
        };
        let number = self.next_window;
        let bytes = self.load(&source, number, &entry)?;
        let chain_before =
            self.entry.map_or(self.chain_before, |ended| chain(self.chain_before, ended.digest));
        let segment = self.feed.view().segments.get(self.segment);
        if number == 0 && segment.is_some_and(|segment| segment.chain_before != chain_before) {
            return Err(self.damage(Damage::ChainBroken));
        }
        let first = self.memory().get(bytes.start..).and_then(<[u8]>::first_chunk);
        let mut walk = self.walk();
        let (file, offset) = (&source.path, entry.offset);
        let wrong = |what| SurfaceError::in_window(file, entry.first_seq, offset, what);
        let first = first.map(RecordHeader::decode).filter(|it| it.clock == entry.first_clock);
        match first.map(|header| walk.admit(&header)) {
            Some(Ok(true)) => {}
            Some(Ok(false)) => return Err(wrong(Damage::WindowBoundary)),
            Some(Err(what)) => return Err(wrong(what)),
            None => return Err(wrong(Damage::WindowIndex)),
        }
        self.clock_before_window = self.progress.passed_clock();
        (self.entry, self.chain_before) = (Some(entry), chain_before);
        self.next_window = number.saturating_add(1);
        self.start = bytes.start;
        self.progress.enter(bytes);
        if std::mem::take(&mut self.hashed) > 0 {
            self.hasher.reset();
        }
        Ok(true)
    }

    /// The segment that has the window after the one in hand, and its entry.
    fn find_next(&mut self) -> Result<Option<(Arc<OpenSegment>, WindowEntry)>, SurfaceError> {
        loop {
            let source = match &self.source {
                Some(source) => Arc::clone(source),
                None => {
                    let Some(source) = self.feed.segment(self.segment)? else { return Ok(None) };
                    self.source = Some(Arc::clone(&source));
                    source
                }
            };
            if let Some(entry) = source.windows.get(self.next_window).copied() {
                return Ok(Some((source, entry)));
            }
            let after = self.segment.saturating_add(1);
            if after >= self.feed.view().segments.len() {
                return Ok(None);
            }
            (self.segment, self.source, self.next_window) = (after, None, 0);
        }
    }

    /// Has the block of a window in hand: where in it that window is.
    fn load(
        &mut self,
        source: &Arc<OpenSegment>,
        number: usize,
        entry: &WindowEntry,
    ) -> Result<std::ops::Range<usize>, SurfaceError> {
        if let Some(block) = self.block.as_ref().filter(|block| block.has(self.segment, entry)) {
            return Ok(block.range_of(entry));
        }
        // Let go first: a cursor never holds two blocks.
        self.block = None;
        let block = self.feed.block(source, (self.segment, number))?;
        let range = block.range_of(entry);
        self.block = Some(block);
        Ok(range)
    }
}
