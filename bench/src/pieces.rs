//! Small sets of records in the page cache, for benches that measure one piece at a time.
//!
//! They are made by what makes the records of a [run](crate::run), and read by what it measures.

use std::path::Path;

use holobiont_programs::Visit;
use holobiont_replay::{
    Commands as _, LogReader, NoOutput, Program, Replay, ReplayError, Surfaces,
};
use holobiont_surface::{Access, ReadOptions, Trust};

use crate::layout::Layout;
use crate::ours::{empty, scan, surfaces, unverified, verified};
use crate::prepare::{Expected, Prepared, Set, rates_reading};
use crate::{BenchError, Settings, Sum, Which};

/// Records of several payload sizes and, where asked for, a slice of the ECB's rates, in one folder.
///
/// ```
/// use holobiont_bench::pieces::Pieces;
/// use holobiont_surface::Trust;
///
/// let dir = tempfile::tempdir()?;
/// let pieces = Pieces::make(dir.path(), &[64], &[1, 2], 1000, None)?;
/// let (sum, _) = pieces.expected(64, 1)?;
/// assert_eq!((sum.records, sum), (1024, pieces.scan(64, Trust::Full)?));
/// assert_eq!(pieces.expected(64, 2)?.0, pieces.merge(2)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pieces {
    prepared: Prepared,
}

impl Pieces {
    /// Makes the records in a folder that is empty, or made by this before. There are `records` of
    /// every payload size, or a few more to fill every member's windows; those of the first size
    /// are shared by so many `members`, once for each number of them. `rates` is a file as the ECB
    /// publishes it.
    ///
    /// # Errors
    ///
    /// [`BenchError`]: settings that nothing can be measured with, a folder of somebody else's or
    /// without room, rates that are none.
    pub fn make(
        root: &Path,
        payloads_bytes: &[u32],
        members: &[u16],
        records: u64,
        rates: Option<&str>,
    ) -> Result<Self, BenchError> {
        let seeded = payloads_bytes.iter().copied().map(Which::Fixed);
        let settings = Settings {
            scenarios: seeded.chain(rates.map(|_| Which::Ecb)).collect(),
            records: Some(records),
            members: members.to_vec(),
            ..Settings::default()
        };
        settings.check()?;
        let prepared = Prepared::make(root, &settings, rates.unwrap_or_default(), &mut |_| ())?;
        Ok(Self { prepared })
    }

    /// The records that an earlier [`make`](Self::make) left in this folder.
    ///
    /// # Errors
    ///
    /// [`BenchError::NothingKept`] and [`BenchError::Json`] where there are none.
    pub fn open(root: &Path) -> Result<Self, BenchError> {
        Ok(Self { prepared: Prepared::reuse(root)? })
    }

    /// What a reader of the seeded records must arrive at, and their size as stored, in bytes.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where no such records were made.
    pub fn expected(&self, payload_bytes: u32, members: u16) -> Result<(Sum, u64), BenchError> {
        let which = self.made(payload_bytes, members)?;
        let expected = Expected::of(&self.prepared.workload(which, members));
        Ok((expected.sum, expected.stored_bytes))
    }

    /// The bytes of the first window of records of this size.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where no such records were made; otherwise the file system's.
    pub fn window(&self, payload_bytes: u32) -> Result<Vec<u8>, BenchError> {
        let layout = Layout::of(&self.prepared.set(self.made(payload_bytes, 1)?, 1)?.dirs())?;
        let first = layout.blocks.first();
        let length = first.and_then(|block| block.windows.first()).copied().unwrap_or(0);
        let bytes = first.and_then(|block| layout.bytes(block).get(..length));
        Ok(bytes.unwrap_or_default().to_vec())
    }

    /// Reads all records of this size, of one member, by one thread.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where no such records were made; otherwise the surface's.
    pub fn scan(&self, payload_bytes: u32, trust: Trust) -> Result<Sum, BenchError> {
        let set = self.prepared.set(self.made(payload_bytes, 1)?, 1)?;
        let reading = match trust {
            Trust::None => unverified(Access::Read),
            trust => ReadOptions { trust, ..verified(1) },
        };
        set.dirs().iter().try_fold(Sum::default(), |_, dir| scan(dir, reading.clone()))
    }

    /// Replays the log of cuts over the records of the first size that so many members share, with
    /// a program that only sums them up, every window verified, by one thread.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where no such records were made; otherwise the fold's.
    pub fn merge(&self, members: u16) -> Result<Sum, BenchError> {
        let which = self.prepared.kept.settings.scenarios.first();
        let Some(Which::Fixed(payload_bytes)) = which else { return Err(none_made()) };
        let set = self.prepared.set(self.made(*payload_bytes, members)?, members)?;
        let surfaces = surfaces(&set.organism, &set.surfaces, verified(1))?;
        empty(&set.organism, &surfaces, &set.cuts, false)
    }

    /// What a reader of the rates must arrive at, and their size as stored, in bytes.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where none were made.
    pub fn expected_rates(&self) -> Result<(Sum, u64), BenchError> {
        let rates = self.prepared.kept.rates.as_ref().ok_or_else(none_made)?;
        Ok((rates.expected.sum, rates.expected.stored_bytes))
    }

    /// Replays the log of cuts over the rates with their organism's own program, `cross-feed`, by
    /// one thread; what it commits goes nowhere. Gives the number of records folded.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] where none were made; otherwise the fold's.
    pub fn cross_feed(&self) -> Result<u64, BenchError> {
        self.expected_rates()?;
        let set = self.prepared.ecb()?;
        let surfaces = surfaces(&set.organism, &set.surfaces, rates_reading(1))?;
        let fold = Unpublished { set: &set, surfaces: &surfaces };
        Ok(holobiont_programs::load(&set.organism, fold)??)
    }

    fn made(&self, payload_bytes: u32, members: u16) -> Result<Which, BenchError> {
        let which = Which::Fixed(payload_bytes);
        let is_made = self.prepared.kept.settings.scenarios.contains(&which)
            && self.prepared.members(which).contains(&members);
        is_made.then_some(which).ok_or_else(none_made)
    }
}

/// The fold alone: what it commits is neither encoded into a surface nor written.
struct Unpublished<'a> {
    set: &'a Set,
    surfaces: &'a Surfaces,
}

impl Visit for Unpublished<'_> {
    type Output = Result<u64, ReplayError>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let organism = &self.set.organism;
        let mut log = LogReader::open(&self.set.cuts, organism)?;
        let mut replay = Replay::new(organism, log.roster().clone(), self.surfaces, program);
        while let Some((index, command)) = log.next(replay.state())? {
            replay.step(index, &command, &mut NoOutput)?;
        }
        Ok(replay.totals().records)
    }
}

fn none_made() -> BenchError {
    BenchError::Setting { what: "no such records were made".to_owned() }
}
