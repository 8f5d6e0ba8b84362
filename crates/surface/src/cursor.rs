use std::fs::File;
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::block::Block;
use crate::format::WindowEntry;
use crate::head::chain;
use crate::record::as_usize;
use crate::segment::View;
use crate::walk::{PreviousClock, Walk};
use crate::{Damage, Head, Record, RecordHeader, StartAt, SurfaceError};

/// A place in a surface, and the verified records from there on, one after the other.
///
/// Windows are read once into a private buffer and verified there, and records are borrowed from
/// that buffer. After an error the cursor stays where it was.
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
    view: Arc<View>,
    /// Number of the segment that `source` is.
    segment: usize,
    source: Option<Source>,
    /// Number of the window that comes after the one in hand.
    next_window: usize,
    block: Block,
    entry: Option<WindowEntry>,
    chain_before: Digest,
    clock_before_window: PreviousClock,
    /// Offset of the first record not passed, in the window in hand.
    at: usize,
    walk: Walk,
    peeked: Option<RecordHeader>,
    passed_clock: PreviousClock,
    hasher: blake3::Hasher,
    hashed: usize,
}

#[derive(Debug)]
struct Source {
    file: File,
    windows: Vec<WindowEntry>,
}

impl Cursor {
    /// A cursor whose next record is `from_seq`. It has read the window before, so that the rules
    /// between records hold from the first one on.
    pub(crate) fn new(view: Arc<View>, from_seq: u64) -> Result<Self, SurfaceError> {
        let (start, next_seq) = (view.start, view.next_seq);
        if from_seq < start.first_seq {
            return Err(SurfaceError::Gap { wanted: from_seq, earliest: start.first_seq });
        }
        if from_seq > next_seq {
            return Err(SurfaceError::NotYet { wanted: from_seq, next_seq });
        }
        let walk = Walk::new(&view.genesis, start.first_seq, start.previous_clock);
        let mut cursor = Self {
            view,
            segment: 0,
            source: None,
            next_window: 0,
            block: Block::default(),
            entry: None,
            chain_before: start.chain_before,
            clock_before_window: start.previous_clock,
            at: 0,
            walk,
            peeked: None,
            passed_clock: start.previous_clock,
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
    /// [`SurfaceError::Damage`], [`SurfaceError::Io`], and [`SurfaceError::Gap`] where retention
    /// overtook the cursor.
    pub fn peek(&mut self) -> Result<Option<RecordHeader>, SurfaceError> {
        loop {
            if self.peeked.is_some() {
                return Ok(self.peeked);
            }
            if let Some(entry) = self.entry.filter(|entry| self.at < length(entry)) {
                let header = self.check(&entry).map_err(|what| self.damage(what))?;
                self.peeked = Some(header);
            } else if !self.turn()? {
                return Ok(None);
            }
        }
    }

    /// The record that [`peek`](Self::peek) showed, borrowed from the cursor's buffer.
    pub fn current(&self) -> Option<Record<'_>> {
        self.peeked?;
        let window = self.block.window(self.entry.as_ref()?);
        Record::decode(window.get(self.at..)?).ok()
    }

    /// Passes the record that [`peek`](Self::peek) showed; nothing where it has shown none.
    pub fn advance(&mut self) {
        if let Some(header) = self.peeked.take() {
            self.at = self.at.saturating_add(as_usize(header.stored_size_bytes()));
            self.passed_clock = Some((header.clock, header.closes_clock()));
        }
    }

    /// Sequence number of the record that has not been passed yet.
    pub fn next_seq(&self) -> u64 {
        self.peeked.map_or(self.walk.next_seq(), |header| header.seq)
    }

    /// The head at the last record passed, also where that was passed before the cursor began; none
    /// before the first record of the surface. Each byte is hashed once, however often it is asked.
    pub fn head(&mut self) -> Option<Head> {
        let seq = self.next_seq().checked_sub(1)?;
        let hash = match self.entry {
            None => self.chain_before,
            Some(_) if self.at == 0 => self.chain_before,
            Some(entry) if self.at == length(&entry) => chain(self.chain_before, entry.digest),
            Some(entry) => {
                let window = self.block.window(&entry);
                self.hasher.update(window.get(self.hashed..self.at).unwrap_or_default());
                self.hashed = self.at;
                chain(self.chain_before, self.hasher.finalize().into())
            }
        };
        Some(Head { seq, hash })
    }

    /// The window that the records passed leave open, for a snapshot at this place: a surface
    /// created at it goes on with the same heads.
    pub fn open_window(&self) -> StartAt<'_> {
        let next_seq = self.next_seq();
        let genesis = &self.view.genesis;
        let ended = self.entry.filter(|entry| {
            let full = entry.records == genesis.window_records;
            self.at == length(entry) && (full || next_seq < self.view.next_seq)
        });
        if let Some(entry) = ended {
            return StartAt {
                first_seq: next_seq,
                chain_before: chain(self.chain_before, entry.digest),
                window_bytes: &[],
                previous_clock: self.passed_clock,
            };
        }
        let window = self.entry.as_ref().map(|entry| self.block.window(entry));
        StartAt {
            first_seq: self.entry.map_or(next_seq, |entry| entry.first_seq),
            chain_before: self.chain_before,
            window_bytes: window.and_then(|window| window.get(..self.at)).unwrap_or_default(),
            previous_clock: self.clock_before_window,
        }
    }

    /// Memory that the cursor holds for records, in bytes: at most
    /// [`READ_BLOCK_BYTES`](crate::READ_BLOCK_BYTES) and one window, rounded up by the allocator.
    pub fn buffer_bytes(&self) -> usize {
        self.block.capacity_bytes()
    }

    pub(crate) const fn walk(&self) -> Walk {
        self.walk
    }

    /// The window in hand, the chain value before it, and where in it the cursor is.
    pub(crate) fn window(&self) -> Option<(WindowEntry, Digest, &[u8], usize)> {
        let entry = self.entry?;
        Some((entry, self.chain_before, self.block.window(&entry), self.at))
    }

    /// What is wrong, with the place where the cursor is.
    pub(crate) fn damage(&self, what: Damage) -> SurfaceError {
        let file = self.view.segments.get(self.segment).map(|segment| &segment.info.file);
        let file = file.unwrap_or(&self.view.dir);
        match self.entry {
            Some(entry) => {
                let offset = entry.offset.saturating_add(crate::record::as_u64(self.at));
                SurfaceError::in_window(file, entry.first_seq, offset, what)
            }
            None => SurfaceError::damage(file, 0, what),
        }
    }

    /// Goes to the start of the window before the one that has record `seq`.
    fn place_before(&mut self, seq: u64) -> Result<(), SurfaceError> {
        let view = Arc::clone(&self.view);
        let mut number = view.segments.partition_point(|segment| segment.end_seq() <= seq);
        let read = |number: usize| match view.segments.get(number) {
            Some(segment) => segment.read(&view).map(|(file, windows)| Source { file, windows }),
            None => Err(SurfaceError::NotYet { wanted: seq, next_seq: view.next_seq }),
        };
        let mut source = read(number)?;
        let mut window = source.windows.partition_point(|window| window.end_seq() <= seq);
        if let Some(before) = window.checked_sub(1) {
            window = before;
        } else if let Some(before) = number.checked_sub(1) {
            (number, source) = (before, read(before)?);
            window = source.windows.len().saturating_sub(1);
        }
        let segment_chain = view.segments.get(number).map(|segment| segment.chain_before);
        let before = source.windows.iter().take(window);
        self.chain_before = before
            .fold(segment_chain.unwrap_or(self.chain_before), |value, w| chain(value, w.digest));
        if let Some(entry) = source.windows.get(window).filter(|_| (number, window) != (0, 0)) {
            self.walk = Walk::new(&view.genesis, entry.first_seq, None);
        }
        (self.segment, self.source, self.next_window) = (number, Some(source), window);
        Ok(())
    }

    /// Holds the next record of the window in hand against all before it and against the index.
    fn check(&mut self, entry: &WindowEntry) -> Result<RecordHeader, Damage> {
        let window = self.block.window(entry);
        let header = *Record::decode(window.get(self.at..).unwrap_or_default())?.header();
        let mut walk = self.walk;
        if walk.admit(&header)? != (self.at == 0) {
            return Err(Damage::WindowBoundary);
        }
        if self.at == 0 && header.clock != entry.first_clock {
            return Err(Damage::WindowIndex);
        }
        self.walk = walk;
        Ok(header)
    }

    /// Takes the next window in hand; false where there is none.
    fn turn(&mut self) -> Result<bool, SurfaceError> {
        if let Some(entry) = self.entry {
            let last_clock = self.walk.previous().map(|(clock, _)| clock);
            if (self.walk.next_seq(), last_clock) != (entry.end_seq(), Some(entry.last_clock)) {
                return Err(self.damage(Damage::WindowIndex));
            }
        }
        let Some((number, chain_of_segment, entry)) = self.load()? else {
            return Ok(false);
        };
        let chain_before =
            self.entry.map_or(self.chain_before, |ended| chain(self.chain_before, ended.digest));
        if number == 0 && chain_of_segment != chain_before {
            return Err(self.damage(Damage::ChainBroken));
        }
        self.entry = Some(entry);
        self.chain_before = chain_before;
        self.clock_before_window = self.walk.previous();
        self.next_window = number.saturating_add(1);
        (self.at, self.hashed) = (0, 0);
        self.hasher.reset();
        Ok(true)
    }

    /// Has the window after the one in hand read and verified: its number and index, and the chain
    /// value before its segment.
    fn load(&mut self) -> Result<Option<(usize, Digest, WindowEntry)>, SurfaceError> {
        loop {
            let Some(segment) = self.view.segments.get(self.segment) else {
                return Ok(None);
            };
            let source = match &mut self.source {
                Some(source) => source,
                none => {
                    let (file, windows) = segment.read(&self.view)?;
                    none.insert(Source { file, windows })
                }
            };
            let number = self.next_window;
            if let Some(entry) = source.windows.get(number).copied() {
                if !self.block.has(number) {
                    let path = &segment.info.file;
                    self.block.read(&source.file, path, &source.windows, number)?;
                    self.block.verify(path, &self.view.genesis, &source.windows)?;
                }
                return Ok(Some((number, segment.chain_before, entry)));
            }
            let after = self.segment.saturating_add(1);
            if after >= self.view.segments.len() {
                return Ok(None);
            }
            (self.segment, self.source, self.next_window) = (after, None, 0);
            self.block.clear();
        }
    }
}

fn length(entry: &WindowEntry) -> usize {
    usize::try_from(entry.length_bytes).unwrap_or(usize::MAX)
}
