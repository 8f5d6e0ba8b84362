use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{LogId, OptionalSend, RaftLogReader, Vote};

use crate::format::{LogEntry, LogPayload, Position};
use crate::log::{Log, Running};
use crate::{
    Committee, Disk, Flush, Leader, LogOptions, LogRecovery, MAX_READ_BYTES, Payload, StoreError,
    StoreFigures, StoreMarks, Term,
};

/// A node's replicated log, as the engine writes and reads it. Clones are handles of one log.
///
/// An entry can be read once [`append`](RaftLogStorage::append) has returned, and is on disk once
/// its callback is called. A vote is on disk when [`save_vote`](RaftLogStorage::save_vote) returns.
/// After a failed write nothing more is written: open the log again.
///
/// ```
/// use std::sync::Arc;
/// use holobiont_committee_store::{Flush, Live, LogStore, SimulatedDisk};
///
/// let disk = Arc::new(SimulatedDisk::new(1));
/// let (log, recovery) = LogStore::<Live, _>::open(disk, Flush::Inline)?;
/// assert_eq!((recovery.entries, log.marks().last_log), (0, None));
/// # Ok::<(), holobiont_committee_store::StoreError>(())
/// ```
pub struct LogStore<C, D: Disk> {
    running: Arc<Running<D>>,
    engine: PhantomData<fn() -> C>,
}

impl<C, D: Disk> Clone for LogStore<C, D> {
    fn clone(&self) -> Self {
        Self { running: Arc::clone(&self.running), engine: PhantomData }
    }
}

impl<C, D: Disk> fmt::Debug for LogStore<C, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStore").field("marks", &self.log().marks()).finish_non_exhaustive()
    }
}

impl<C, D: Disk> LogStore<C, D> {
    fn log(&self) -> &Log<D> {
        &self.running.log
    }
}

impl<C: Committee, D: Disk> LogStore<C, D> {
    /// Opens a log, creating it on an empty disk, and recovers what a crash has left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damage`] when something that was acknowledged is not there, or not what it
    /// was, [`StoreError::UnknownVersion`], [`StoreError::Io`].
    pub fn open(disk: Arc<D>, flush: Flush) -> Result<(Self, LogRecovery), StoreError> {
        Self::open_with(disk, LogOptions::new(flush))
    }

    /// As [`open`](Self::open), with other sizes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(disk: Arc<D>, options: LogOptions) -> Result<(Self, LogRecovery), StoreError> {
        let (log, recovery) = Log::open(disk, options)?;
        let running = Arc::new(Running::start(log)?);
        Ok((Self { running, engine: PhantomData }, recovery))
    }

    /// The commands of entries `from` to `to`, both included, with their indices: up to a size, but
    /// at least one entry if there is one. An entry that is none of ours (a new leader's first, a
    /// membership) has `None`. The caller says how far is committed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Purged`] when `from` is not kept any more, [`StoreError::Damage`],
    /// [`StoreError::Io`].
    pub fn committed_entries(
        &self,
        from: u64,
        to: u64,
        most_bytes: usize,
    ) -> Result<Vec<(u64, Option<Payload>)>, StoreError> {
        let read = self.log().read(from..to.saturating_add(1), most_bytes)?;
        let first = read.first().map(|entry| entry.log_id.index());
        let earliest = self.log().with_index(|index| index.first);
        // Looked at after reading: entries may have gone in between.
        if first.map_or(from < earliest && from <= to, |first| first != from) {
            return Err(StoreError::Purged { wanted: from, earliest });
        }
        let command = |entry: LogEntry| match entry.payload {
            LogPayload::Normal(payload) => (entry.log_id.index(), Some(payload)),
            _ => (entry.log_id.index(), None),
        };
        Ok(read.into_iter().map(command).collect())
    }

    /// The log id of an entry, also of the last purged one.
    #[must_use]
    pub fn log_id(&self, index: u64) -> Option<LogId<Term>> {
        self.log().with_index(|it| it.position(index)).map(Position::log_id)
    }

    /// The saved vote.
    #[must_use]
    pub fn vote(&self) -> Option<Vote<Leader>> {
        self.log().with_index(|index| index.vote)
    }

    /// How far the log has come.
    #[must_use]
    pub fn marks(&self) -> StoreMarks {
        self.log().marks()
    }

    /// Size of the log's files, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.figures().size_bytes
    }

    /// Figures for metrics, since it was opened.
    #[must_use]
    pub fn figures(&self) -> StoreFigures {
        self.log().figures()
    }

    /// Puts on disk all that waits and all that is only remembered, such as what is committed. The
    /// log can be used after that.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], [`StoreError::Poisoned`].
    pub fn close(&self) -> Result<(), StoreError> {
        self.log().close()
    }
}

/// The indices of any kind of range.
fn indices(range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    start..end
}

impl<C: Committee, D: Disk> RaftLogReader<C> for LogStore<C, D> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<C::Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        Ok(self.log().read(indices(&range), usize::MAX)?)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<C::Entry>, io::Error> {
        Ok(self.log().read(start..end, MAX_READ_BYTES)?)
    }

    /// Some at a time: what is applied after a restart may be more than memory should hold.
    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<C::Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + fmt::Debug + OptionalSend,
    {
        let log = Arc::clone(&self.running.log);
        let parts = stream::unfold(indices(&range), move |range| {
            let read = log.read(range.clone(), MAX_READ_BYTES);
            let part = match read {
                Ok(entries) => match entries.last().map(|last| last.log_id.index()) {
                    None => None,
                    Some(last) => {
                        let entries: Vec<io::Result<C::Entry>> =
                            entries.into_iter().map(Ok).collect();
                        Some((entries, last.saturating_add(1)..range.end))
                    }
                },
                // Nothing follows an error.
                Err(error) => Some((vec![Err(error.into())], 0..0)),
            };
            std::future::ready(part)
        });
        parts.flat_map(stream::iter)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<Leader>>, io::Error> {
        Ok(self.vote())
    }
}

impl<C: Committee, D: Disk> RaftLogStorage<C> for LogStore<C, D> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let (purged, last) = self.log().with_index(|index| (index.purged, index.last()));
        Ok(LogState {
            last_purged_log_id: purged.map(Position::log_id),
            last_log_id: last.map(Position::log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<Leader>) -> Result<(), io::Error> {
        Ok(self.log().save_vote(vote)?)
    }

    /// Remembered, and put on disk with the entries and marks that follow.
    async fn save_committed(&mut self, committed: Option<LogId<Term>>) -> Result<(), io::Error> {
        let committed = committed.as_ref().map(Position::from);
        self.log().with_index(|index| index.committed = index.committed.max(committed));
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId<Term>>, io::Error> {
        Ok(self.log().with_index(|index| index.committed).map(Position::log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = C::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<LogEntry> = entries.into_iter().collect();
        let callback = Box::new(|result| callback.io_completed(result));
        Ok(self.log().append(entries, callback)?)
    }

    async fn truncate_after(&mut self, last: Option<LogId<Term>>) -> Result<(), io::Error> {
        Ok(self.log().truncate_after(last.map(|last| last.index()))?)
    }

    async fn purge(&mut self, log_id: LogId<Term>) -> Result<(), io::Error> {
        Ok(self.log().purge(Position::from(&log_id))?)
    }
}
