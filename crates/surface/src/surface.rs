use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::cursor::Cursor;
use crate::directory::Directory;
use crate::segment::{SegmentInfo, View};
use crate::{Damage, EvidenceItem, Genesis, Head, SurfaceError};

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

/// What a verification has recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// How many windows they are in.
    pub windows: u64,
    /// How many bytes they take, headers and padding included.
    pub bytes: u64,
    /// The head at the last of them.
    pub head: Option<Head>,
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
        let view = Directory::read(dir)?.view;
        Ok(Self { view })
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
    /// [`next_seq`](Self::next_seq), [`SurfaceError::Damage`], [`SurfaceError::Io`].
    pub fn cursor(&self, from_seq: u64) -> Result<Cursor, SurfaceError> {
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
        let (_, windows) = segment.read(&self.view)?;
        let window = windows.partition_point(|window| window.last_clock < clock);
        let Some(window) = windows.get(window) else {
            return Ok(None);
        };
        let mut cursor = self.cursor(window.first_seq)?;
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
        self.cursor(seq.saturating_add(1))?.head().ok_or(not_yet)
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
        let mut cursor = self.cursor(seq)?;
        cursor.peek()?;
        let last_seq = cursor.window().map(|(entry, ..)| entry.end_seq().saturating_sub(1));
        let last_seq = last_seq.ok_or_else(|| not_yet(seq))?.min(head_seq);
        while cursor.next_seq() <= last_seq && cursor.peek()?.is_some() {
            cursor.advance();
        }
        let (entry, chain_before, bytes, at) = cursor.window().ok_or_else(|| not_yet(seq))?;
        Ok(EvidenceItem {
            first_seq_of_window: entry.first_seq,
            window: bytes.get(..at).unwrap_or_default().to_vec(),
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
            let (_, windows) = segment.read(&self.view)?;
            let wanted = |first: u64| first >= from_seq && first <= head_seq;
            for window in windows.iter().filter(|window| wanted(window.first_seq)) {
                if window.end_seq() <= head_seq.saturating_add(1) {
                    digests.push(window.digest);
                    continue;
                }
                let cursor = self.cursor(head_seq.saturating_add(1))?;
                let bytes = cursor.window().and_then(|(_, _, bytes, at)| bytes.get(..at));
                digests.push(Digest::of(bytes.unwrap_or_default()));
            }
        }
        Ok(digests)
    }

    /// Recomputes the chain over everything, or over the windows that cover a range of records
    /// (first and last, inclusive): hashes, order, where windows end, the head at the mark.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Damage`] with file, window and offset; [`SurfaceError::Io`];
    /// [`SurfaceError::Gap`] and [`SurfaceError::NotYet`] for a range that is not here.
    pub fn verify(&self, range: Option<(u64, u64)>) -> Result<Verified, SurfaceError> {
        let (from, to) = range.unwrap_or((self.earliest(), u64::MAX));
        let next_seq = self.next_seq();
        if range.is_some() && to >= next_seq {
            return Err(SurfaceError::NotYet { wanted: to, next_seq });
        }
        let mut cursor = self.cursor(from)?;
        if cursor.peek()?.is_some() {
            let first_seq = cursor.window().map_or(from, |(entry, ..)| entry.first_seq);
            cursor = self.cursor(first_seq)?;
        }
        let mut verified = Verified { records: 0, windows: 0, bytes: 0, head: None };
        while let Some(header) = cursor.peek()? {
            if cursor.window().is_some_and(|(.., at)| at == 0) {
                if header.seq > to {
                    break;
                }
                verified.windows = verified.windows.saturating_add(1);
            }
            verified.records = verified.records.saturating_add(1);
            verified.bytes = verified.bytes.saturating_add(header.stored_size_bytes());
            cursor.advance();
            let mark = self.mark().filter(|mark| mark.seq == header.seq);
            if mark.is_some() && cursor.head() != mark {
                return Err(cursor.damage(Damage::MarkHead { seq: header.seq }));
            }
        }
        verified.head = cursor.head();
        Ok(verified)
    }
}
