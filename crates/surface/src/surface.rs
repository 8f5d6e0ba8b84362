use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::cursor::Cursor;
use crate::directory::Directory;
use crate::feed::Lane;
use crate::segment::{SegmentInfo, View};
use crate::{Damage, EvidenceItem, Genesis, Head, ReadPool, SurfaceError};

/// A surface as its directory was when it was opened; opening and reading change nothing there.
///
/// A writer may be at work meanwhile: the view stays as it was, and a new one shows what came.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
/// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// writer.append(record)?;
///
/// let surface = Surface::open(dir.path())?;
/// assert_eq!(surface.seq_of_clock(5)?, Some(0));
/// let evidence = surface.prove(0, 0)?;
/// let proven = evidence.verify(0, &surface.head_at(0)?, surface.genesis())?;
/// assert_eq!(proven.payload(), b"1.07");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Surface {
    view: Arc<View>,
    /// Its place in a pool, where it has one.
    lane: Option<Arc<Lane>>,
}

/// Bytes after the last whole record of an unsealed segment, all of them after the durable mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the last whole record ends, in bytes.
    pub offset: u64,
    /// How many bytes follow it.
    pub size_bytes: u64,
    /// Why they are not a record.
    pub why: Damage,
    /// Where a recovery has put them; none where the surface was only read.
    pub kept_as: Option<PathBuf>,
}

impl Surface {
    /// Opens a surface for reading.
    ///
    /// Checks genesis, segment headers and footers, that the segments follow each other, the
    /// records of the unsealed one, and that everything up to the durable mark is here and is what
    /// was durable. A torn tail after the mark is reported by [`torn`](Self::torn) and not read;
    /// where a writer is at work, that may be a record that it is just writing.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::NotASurface`], [`SurfaceError::Damage`], [`SurfaceError::Io`].
    pub fn open(dir: &Path) -> Result<Self, SurfaceError> {
        Ok(Self::of(Directory::read(dir)?.view))
    }

    /// The same surface, whose cursors read through a pool: with its memory, its threads, and what
    /// it verifies. Cursors of this surface and its clones share the blocks that they read.
    ///
    /// ([`head_at`](Self::head_at), [`prove`](Self::prove) and what else looks up single windows
    /// verifies them in full, and in memory of its own.)
    ///
    /// Have all surfaces in the pool before reading the first: what is set aside for one more must
    /// be there at that moment, and blocks that cursors hold or have read ahead take memory, too.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::MemoryBudget`] where the pool has no room for two windows more.
    pub fn in_pool(&self, pool: &ReadPool) -> Result<Self, SurfaceError> {
        let lane = Lane::new(pool.clone(), &self.view)?;
        Ok(Self { view: Arc::clone(&self.view), lane: Some(Arc::new(lane)) })
    }

    pub(crate) const fn of(view: Arc<View>) -> Self {
        Self { view, lane: None }
    }

    pub(crate) const fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Whether its cursors verify everything that they read.
    pub(crate) fn is_read_in_full(&self) -> bool {
        self.lane.as_ref().is_none_or(|lane| lane.reads_in_full())
    }

    /// The surface's genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.view.genesis
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.view.dir
    }

    /// The first record kept.
    pub fn earliest(&self) -> u64 {
        self.view.start.first_seq
    }

    /// The sequence number after the last record.
    pub fn next_seq(&self) -> u64 {
        self.view.next_seq
    }

    /// The durable mark: what was on disk for certain. Records after it may be gone after a crash.
    pub fn mark(&self) -> Option<Head> {
        self.view.mark
    }

    /// What follows the last whole record, where that is no record.
    pub fn torn(&self) -> Option<&TornTail> {
        self.view.torn.as_ref()
    }

    /// The segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentInfo> {
        self.view.segments.iter().map(|segment| &segment.info)
    }

    /// All of its segments, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.segments().map(|segment| segment.size_bytes).fold(0, u64::saturating_add)
    }

    /// Clock events of the first and last record kept; none while there is no record.
    pub fn clock_range(&self) -> Option<(u64, u64)> {
        let mut clocks = self.segments().filter_map(|info| info.clocks);
        let (first, mut last) = clocks.next()?;
        if let Some((_, later)) = clocks.last() {
            last = later;
        }
        Some((first, last))
    }

    /// A cursor whose next record is `from_seq`.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Gap`] below [`earliest`](Self::earliest), [`SurfaceError::NotYet`] past
    /// [`next_seq`](Self::next_seq), [`SurfaceError::Damage`], [`SurfaceError::Io`], and
    /// [`SurfaceError::MemoryBudget`] for a third cursor and later, where the pool has no room.
    pub fn cursor(&self, from_seq: u64) -> Result<Cursor, SurfaceError> {
        match &self.lane {
            Some(lane) => Cursor::in_lane(Arc::clone(&self.view), Arc::clone(lane), from_seq),
            None => self.cursor_alone(from_seq),
        }
    }

    /// A cursor for one look, outside of the pool.
    pub(crate) fn cursor_alone(&self, from_seq: u64) -> Result<Cursor, SurfaceError> {
        Cursor::new(Arc::clone(&self.view), from_seq)
    }

    /// The first record kept whose clock event is `clock` or later; none where there is none yet.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Damage`], [`SurfaceError::Io`].
    pub fn seq_of_clock(&self, clock: u64) -> Result<Option<u64>, SurfaceError> {
        let below = |clocks: Option<(u64, u64)>| clocks.is_some_and(|(_, last)| last < clock);
        let segments = &self.view.segments;
        let number = segments.partition_point(|segment| below(segment.info.clocks));
        let Some(segment) = segments.get(number) else {
            return Ok(None);
        };
        let windows = segment.windows(&self.view)?;
        let window = windows.partition_point(|window| window.last_clock < clock);
        let Some(window) = windows.get(window) else {
            return Ok(None);
        };
        let mut cursor = self.cursor_alone(window.first_seq)?;
        while let Some(header) = cursor.peek()? {
            if header.clock >= clock {
                return Ok(Some(header.seq));
            }
            cursor.advance();
        }
        Ok(None)
    }

    /// The head at a record.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Gap`], [`SurfaceError::NotYet`], [`SurfaceError::Damage`],
    /// [`SurfaceError::Io`].
    pub fn head_at(&self, seq: u64) -> Result<Head, SurfaceError> {
        let (earliest, next_seq) = (self.earliest(), self.next_seq());
        if seq < earliest {
            return Err(SurfaceError::Gap { wanted: seq, earliest });
        }
        let not_yet = SurfaceError::NotYet { wanted: seq, next_seq };
        if seq >= next_seq {
            return Err(not_yet);
        }
        self.cursor_alone(seq.saturating_add(1))?.head().ok_or(not_yet)
    }

    /// Evidence that record `seq` lies under the head at `head_seq`.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::HeadBeforeRecord`], [`SurfaceError::Gap`], [`SurfaceError::NotYet`],
    /// [`SurfaceError::Damage`], [`SurfaceError::Io`].
    pub fn prove(&self, seq: u64, head_seq: u64) -> Result<EvidenceItem, SurfaceError> {
        if head_seq < seq {
            return Err(SurfaceError::HeadBeforeRecord { seq, head_seq });
        }
        let not_yet = |wanted| SurfaceError::NotYet { wanted, next_seq: self.next_seq() };
        if head_seq >= self.next_seq() {
            return Err(not_yet(head_seq));
        }
        let mut cursor = self.cursor_alone(seq)?;
        cursor.peek()?;
        let last_seq = cursor.window().map(|(entry, ..)| entry.end_seq().saturating_sub(1));
        let last_seq = last_seq.ok_or_else(|| not_yet(seq))?.min(head_seq);
        while cursor.next_seq() <= last_seq && cursor.peek()?.is_some() {
            cursor.advance();
        }
        let (entry, chain_before, bytes) = cursor.window().ok_or_else(|| not_yet(seq))?;
        Ok(EvidenceItem {
            first_seq_of_window: entry.first_seq,
            window: bytes.to_vec(),
            chain_before,
            later: self.digests(entry.end_seq(), head_seq)?,
        })
    }

    /// Digests of the windows from record `from_seq` on, the last one only up to `head_seq`.
    fn digests(&self, from_seq: u64, head_seq: u64) -> Result<Vec<Digest>, SurfaceError> {
        let mut digests = Vec::new();
        for segment in &self.view.segments {
            if segment.end_seq() <= from_seq || segment.info.first_seq > head_seq {
                continue;
            }
            let windows = segment.windows(&self.view)?;
            let wanted = |first: u64| first >= from_seq && first <= head_seq;
            for window in windows.iter().filter(|window| wanted(window.first_seq)) {
                if window.end_seq() <= head_seq.saturating_add(1) {
                    digests.push(window.digest);
                    continue;
                }
                let cursor = self.cursor_alone(head_seq.saturating_add(1))?;
                let bytes = cursor.window().map(|(.., bytes)| bytes);
                digests.push(Digest::of(bytes.unwrap_or_default()));
            }
        }
        Ok(digests)
    }
}
