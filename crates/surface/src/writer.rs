mod create;
mod cut_back;
mod recover;
mod retain;
mod roll;
mod stored;
mod view;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::{MAX_SEGMENT_WINDOWS, Mark, SEGMENT_HEADER_BYTES, Start, WindowEntry};
use crate::open_window::OpenWindow;
use crate::record::as_u64;
use crate::segment::Segment;
use crate::walk::Walk;
use crate::{Genesis, Head, NewRecord, RecordHeader, SurfaceError, files};

pub use create::StartAt;
pub use cut_back::CutBack;
pub use recover::Recovery;
pub use retain::Retained;
pub use roll::Sealed;

/// The default of [`WriterOptions::segment_bytes`]: 64 MiB.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 << 20;

/// How a writer lays out its files. Nothing of it changes what is written into the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// A segment is sealed at the first window end at which its records take this many bytes.
    pub segment_bytes: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { segment_bytes: DEFAULT_SEGMENT_BYTES }
    }
}

/// The one writer of a surface: appends records, makes them durable, seals and drops segments.
///
/// A failed write leaves the files in an unknown state: the writer then refuses everything with
/// [`SurfaceError::Poisoned`], and opening the surface again recovers it. The directory is locked
/// while the writer lives.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord, SurfaceError, SurfaceWriter, WriterOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
/// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// assert_eq!(writer.append(record)?, 0);
/// assert!(matches!(writer.append(record), Err(SurfaceError::ClockReopened { clock: 7 })));
/// assert_eq!(writer.sync()?, writer.head());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SurfaceWriter {
    dir: PathBuf,
    genesis: Genesis,
    options: WriterOptions,
    /// Held for its lock on the directory.
    lock: File,
    start: Start,
    mark: Option<Head>,
    sealed: Vec<Arc<Segment>>,
    tail: Tail,
    window: OpenWindow,
    walk: Walk,
    scratch: Vec<u8>,
    poisoned: bool,
}

/// The unsealed segment.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: File,
    first_seq: u64,
    chain_before: holobiont_identity::Digest,
    /// The windows that have ended.
    windows: Vec<WindowEntry>,
    end_offset: u64,
}

impl SurfaceWriter {
    /// Appends a record and gives its sequence number. It has been written, and is durable once
    /// [`sync`](Self::sync) returns.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::ClockWentBack`], [`SurfaceError::ClockReopened`],
    /// [`SurfaceError::ClockNotClosed`], [`SurfaceError::RecordTooLarge`],
    /// [`SurfaceError::TimeOutOfRange`], [`SurfaceError::KindOutOfRange`] and
    /// [`SurfaceError::Full`] for a record that cannot follow, which change nothing;
    /// [`SurfaceError::Io`], which poisons the writer; [`SurfaceError::Poisoned`].
    pub fn append(&mut self, record: NewRecord<'_>) -> Result<u64, SurfaceError> {
        self.check_usable()?;
        let mut stored = std::mem::take(&mut self.scratch);
        stored.clear();
        let appended = self.append_with(record, &mut stored);
        self.scratch = stored;
        self.poison_on_io(appended)
    }

    fn append_with(
        &mut self,
        record: NewRecord<'_>,
        stored: &mut Vec<u8>,
    ) -> Result<u64, SurfaceError> {
        let header = record.encode_into(self.next_seq(), stored)?;
        let mut walk = self.walk;
        let starts = walk.admit(&header).map_err(|what| SurfaceError::refused(what, header.seq))?;
        if starts {
            self.end_window();
        }
        // A window that ends for its bytes is known to end only now, and its segment with it.
        if starts && self.is_due() {
            self.roll(Some(stored))?;
        } else {
            let written = self.tail.file.write_all_at(stored, self.tail.end_offset);
            written.map_err(SurfaceError::io(&self.tail.path, "writing"))?;
        }
        self.take(&header, stored, walk);
        if self.walk.window_is_full() {
            self.end_window();
            if self.is_due() {
                self.roll(None)?;
            }
        }
        Ok(header.seq)
    }

    fn take(&mut self, header: &RecordHeader, stored: &[u8], walk: Walk) {
        self.window.push(header, stored);
        self.walk = walk;
        self.tail.end_offset = self.tail.end_offset.saturating_add(as_u64(stored.len()));
    }

    fn end_window(&mut self) {
        if let Some(entry) = self.window.entry(self.window_offset()) {
            self.window.turn(&entry, self.walk.previous());
            self.tail.windows.push(entry);
        }
    }

    /// Where the window that has not ended begins, in bytes.
    fn window_offset(&self) -> u64 {
        self.tail.end_offset.saturating_sub(self.window.length_bytes())
    }

    /// Makes everything appended durable, then moves the durable mark there: the head that it names
    /// is returned. None while the surface has no record.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Io`], which poisons the writer; [`SurfaceError::Poisoned`].
    pub fn sync(&mut self) -> Result<Option<Head>, SurfaceError> {
        self.check_usable()?;
        let synced = self.sync_unguarded();
        self.poison_on_io(synced)
    }

    fn sync_unguarded(&mut self) -> Result<Option<Head>, SurfaceError> {
        let head = self.head();
        if head != self.mark {
            let synced = self.tail.file.sync_data();
            synced.map_err(SurfaceError::io(&self.tail.path, "syncing"))?;
            files::replace(&self.dir.join(files::MARK), &Mark(head).encode())?;
            self.mark = head;
        }
        Ok(head)
    }

    /// The head at the last record appended; none while there is none before the next one.
    pub fn head(&self) -> Option<Head> {
        self.window.head()
    }

    /// The durable mark.
    pub const fn mark(&self) -> Option<Head> {
        self.mark
    }

    /// The sequence number that the next record gets.
    pub const fn next_seq(&self) -> u64 {
        self.walk.next_seq()
    }

    /// The first record kept.
    pub const fn earliest(&self) -> u64 {
        self.start.first_seq
    }

    /// The surface's genesis.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The window that the next record may join, for a snapshot at this place: a surface created at
    /// it goes on with the same heads.
    pub fn open_window(&self) -> StartAt<'_> {
        self.window.as_start()
    }

    /// Whether the segment is to be sealed at a window end.
    fn is_due(&self) -> bool {
        let records = self.tail.end_offset.saturating_sub(as_u64(SEGMENT_HEADER_BYTES));
        let windows = as_u64(self.tail.windows.len());
        windows > 0
            && (records >= self.options.segment_bytes || windows >= u64::from(MAX_SEGMENT_WINDOWS))
    }

    fn check_usable(&self) -> Result<(), SurfaceError> {
        match self.poisoned {
            true => Err(SurfaceError::Poisoned { dir: self.dir.clone() }),
            false => Ok(()),
        }
    }

    fn poison_on_io<T>(&mut self, result: Result<T, SurfaceError>) -> Result<T, SurfaceError> {
        self.poisoned |= result.as_ref().is_err_and(SurfaceError::is_io);
        result
    }
}
