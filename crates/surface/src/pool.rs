use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::block::BlockWork;
use crate::handover::Handover;
use crate::{Access, SealKey, SurfaceError};

/// Memory for the blocks of a pool when nothing else is said, in bytes: 64 MiB.
pub const DEFAULT_POOL_BYTES: u64 = 64 << 20;

/// The most threads that a pool has read for it.
pub const MAX_POOL_THREADS: usize = 256;

/// How the records of surfaces are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The most memory for the blocks of all cursors together, in bytes. *Default*:
    /// [`DEFAULT_POOL_BYTES`]. *Limits*: two windows for every surface, and a page for each.
    pub budget_bytes: u64,
    /// How many threads read and verify. With 1 it is the caller's, when it needs the next block;
    /// with more, the others read and verify ahead beside it. *Default*: 1. *Limits*: 1 to
    /// [`MAX_POOL_THREADS`]; anything else counts as the nearest.
    pub threads: usize,
    /// What is verified. *Default*: [`Trust::Full`].
    pub trust: Trust,
    /// How bytes come into memory. *Default*: [`Access::Read`].
    pub access: Access,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            budget_bytes: DEFAULT_POOL_BYTES,
            threads: 1,
            trust: Trust::Full,
            access: Access::Read,
        }
    }
}

/// What a reader verifies of a segment's windows. Structure, that is lengths, sequence, clocks and
/// where windows end, is checked at every level.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Every window is hashed.
    #[default]
    Full,
    /// Windows of segments that this key has sealed have their CRCs checked, which finds a rotten
    /// disk but no forger; all others are hashed. See [`Surface::seal`](crate::Surface::seal).
    Seal(SealKey),
    /// Nothing beside the structure: for measurements. What was read so proves nothing.
    None,
}

/// What was checked of a window beside its structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    Hashed,
    Crc,
    Nothing,
}

/// How many windows a pool has read, by what was checked of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowsRead {
    /// Hashed, and equal to what the chain says.
    pub hashed: u64,
    /// Of sealed segments: their CRCs held.
    pub crc_checked: u64,
    /// Not verified at all.
    pub unverified: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    hashed: AtomicU64,
    crc_checked: AtomicU64,
    unverified: AtomicU64,
}

impl Counters {
    pub(crate) fn add(&self, checked: Checked, windows: u64) {
        let counter = match checked {
            Checked::Hashed => &self.hashed,
            Checked::Crc => &self.crc_checked,
            Checked::Nothing => &self.unverified,
        };
        counter.fetch_add(windows, Ordering::Relaxed);
    }
}

/// Memory and threads for reading surfaces, which their cursors share. A handle: clones are the
/// same pool, and its threads end with the last of them.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord, ReadOptions, ReadPool, Surface, SurfaceWriter};
/// # use holobiont_surface::WriterOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
/// for clock in 0..1000 {
///     let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
///     writer.append(record)?;
/// }
/// let pool = ReadPool::new(ReadOptions { threads: 2, ..ReadOptions::default() })?;
/// let mut cursor = Surface::open(dir.path())?.in_pool(&pool)?.cursor(0)?;
/// let mut bytes = 0;
/// while let Some(record) = cursor.next_record()? {
///     bytes += record.payload().len();
/// }
/// assert_eq!((bytes, pool.windows_read().hashed), (4000, 4));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ReadPool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ReadOptions,
    handover: Arc<Handover<BlockWork>>,
    counters: Arc<Counters>,
    lanes: AtomicU64,
    helpers: Vec<JoinHandle<()>>,
}

impl ReadPool {
    /// A pool with its threads started.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Threads`] where the system gives none.
    pub fn new(mut options: ReadOptions) -> Result<Self, SurfaceError> {
        options.threads = options.threads.clamp(1, MAX_POOL_THREADS);
        let handover = Arc::new(Handover::new(options.budget_bytes));
        let mut inner = Inner::new(options, handover);
        for number in 1..inner.options.threads {
            let handover = Arc::clone(&inner.handover);
            let helper = std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn(move || handover.serve())
                .map_err(|source| SurfaceError::Threads { source })?;
            inner.helpers.push(helper);
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How it reads.
    pub fn options(&self) -> &ReadOptions {
        &self.inner.options
    }

    /// The most memory that it ever held for blocks, in bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.inner.handover.peak_bytes()
    }

    /// How many windows it has read.
    pub fn windows_read(&self) -> WindowsRead {
        let counters = &self.inner.counters;
        WindowsRead {
            hashed: counters.hashed.load(Ordering::Relaxed),
            crc_checked: counters.crc_checked.load(Ordering::Relaxed),
            unverified: counters.unverified.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn handover(&self) -> &Handover<BlockWork> {
        &self.inner.handover
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.inner.counters)
    }

    /// The pool of a cursor that is on its own: one block at a time, whatever its size.
    pub(crate) fn alone() -> Self {
        let options = ReadOptions { budget_bytes: u64::MAX, ..ReadOptions::default() };
        let handover = Arc::new(Handover::new(options.budget_bytes));
        Self { inner: Arc::new(Inner::new(options, handover)) }
    }

    /// How many surfaces are being read in the pool.
    pub(crate) fn lanes(&self) -> u64 {
        self.inner.lanes.load(Ordering::Relaxed)
    }

    pub(crate) fn add_lane(&self) {
        self.inner.lanes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_lane(&self) {
        self.inner.lanes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    fn new(options: ReadOptions, handover: Arc<Handover<BlockWork>>) -> Self {
        let (counters, lanes, helpers) = (Arc::default(), AtomicU64::new(0), Vec::new());
        Self { options, handover, counters, lanes, helpers }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.handover.close();
        for helper in self.helpers.drain(..) {
            // A helper that has panicked has said so on its own.
            let _ = helper.join();
        }
    }
}
