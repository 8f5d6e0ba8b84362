use std::cmp::Ordering;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use openraft::Vote;

use crate::figures::Counters;
use crate::format::{LogEntry, Position, encode_vote};
use crate::index::{Callback, Index, Segment};
use crate::options::MAX_WAITING_BYTES;
use crate::plan::Plan;
use crate::read::read_run;
use crate::recover::{Recovered, recover};
use crate::writer::{VOTE, Writer};
use crate::{Disk, Flush, Leader, LogOptions, LogRecovery, StoreError, StoreFigures, StoreMarks};

/// How often a read is planned again because entries went away under it.
const READ_ATTEMPTS: usize = 16;

/// The log itself, which knows nothing of the engine's runtime.
///
/// Whoever takes both locks takes the writer's first. Entries are appended and read under the
/// index's alone, which is never held while the disk is waited for.
pub(crate) struct Log<D> {
    disk: Arc<D>,
    counters: Arc<Counters>,
    options: LogOptions,
    index: Mutex<Index>,
    /// Tells the flushing thread that there is something to write.
    work: Condvar,
    writer: Mutex<Writer<D>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Disk> Log<D> {
    pub(crate) fn open(
        disk: Arc<D>,
        options: LogOptions,
    ) -> Result<(Self, LogRecovery), StoreError> {
        let Recovered { index, writer, recovery } = recover(&disk, options)?;
        let counters = Arc::clone(&writer.counters);
        let (index, writer) = (Mutex::new(index), Mutex::new(writer));
        Ok((Self { disk, counters, options, index, work: Condvar::new(), writer }, recovery))
    }

    pub(crate) fn append(
        &self,
        entries: Vec<LogEntry>,
        callback: Callback,
    ) -> Result<(), StoreError> {
        let waiting = {
            let mut index = locked(&self.index);
            index.append(entries, callback).map_err(|(error, _)| error)?;
            index.unwritten_bytes
        };
        if self.options.flush == Flush::Thread && waiting < MAX_WAITING_BYTES {
            self.work.notify_one();
            return Ok(());
        }
        self.written(&mut locked(&self.writer))
    }

    /// Writes all that waits and tells those who wait.
    fn written(&self, writer: &mut Writer<D>) -> Result<(), StoreError> {
        let (batch, last) = {
            let mut index = locked(&self.index);
            index.check()?;
            let batch = index.batch();
            let before =
                batch.entries.first().and_then(|first| first.log_id.index().checked_sub(1));
            (batch, before.and_then(|before| index.position(before)))
        };
        if !batch.entries.is_empty() {
            match writer.write(&batch, last) {
                Ok(segments) => {
                    let mut index = locked(&self.index);
                    index.written(&batch.entries, segments);
                    index.shrink_tail(self.options.cache_bytes);
                }
                Err(error) => return Err(self.failed(error, batch.callbacks)),
            }
        }
        batch.callbacks.into_iter().for_each(|callback| callback(Ok(())));
        Ok(())
    }

    /// Nothing is written from now on: what the disk has is unknown until it is opened again.
    fn failed(&self, error: StoreError, callbacks: Vec<Callback>) -> StoreError {
        let why = error.to_string();
        let waiting = locked(&self.index).fail(why.clone());
        let kind = match &error {
            StoreError::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        for callback in callbacks.into_iter().chain(waiting) {
            callback(Err(io::Error::new(kind, why.clone())));
        }
        error
    }

    /// Does something with the disk after all that waits.
    fn after_all<T>(
        &self,
        does: impl FnOnce(&mut Writer<D>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut writer = locked(&self.writer);
        self.written(&mut writer)?;
        does(&mut writer)
    }

    fn or_failed<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.map_err(|error| self.failed(error, Vec::new()))
    }

    pub(crate) fn save_vote(&self, vote: &Vote<Leader>) -> Result<(), StoreError> {
        self.after_all(|writer| {
            let saved = locked(&self.index).vote;
            if saved.as_ref() == Some(vote) {
                return Ok(());
            }
            let goes_on = |saved: &Vote<Leader>| vote.partial_cmp(saved) == Some(Ordering::Greater);
            if let Some(saved) = saved.filter(|saved| !goes_on(saved)) {
                let (saved, given) = (saved.leader_id.term, vote.leader_id.term);
                return Err(StoreError::VoteBack { saved, given });
            }
            self.or_failed(writer.replace(VOTE, &encode_vote(Some(vote))))?;
            locked(&self.index).vote = Some(*vote);
            Ok(())
        })
    }

    pub(crate) fn truncate_after(&self, to: Option<u64>) -> Result<(), StoreError> {
        self.after_all(|writer| {
            let next = to.map_or(0, |to| to.saturating_add(1));
            let (mark, kept, gone) = {
                let mut index = locked(&self.index);
                let next = if index.purged.is_none() { next.max(index.first) } else { next };
                if next >= index.next {
                    return Ok(());
                }
                let committed = index.committed.max(index.purged).map(|it| it.index);
                if let Some(committed) = committed.filter(|committed| *committed >= next) {
                    return Err(StoreError::TruncatesCommitted { to, committed });
                }
                let gone = index.truncate(next);
                (Writer::<D>::mark_of(&index), index.segments.back().map(Segment::at_end), gone)
            };
            let cut = writer.save_mark(mark).and_then(|()| writer.truncate(kept, &gone));
            self.or_failed(cut)
        })
    }

    /// Drops all up to and with `to`. Entries that contradict it go first, as when a snapshot is
    /// installed over them.
    pub(crate) fn purge(&self, to: Position) -> Result<(), StoreError> {
        let here = self.with_index(|index| index.position(to.index));
        if here.is_some_and(|here| here != to) {
            self.truncate_after(to.index.checked_sub(1))?;
        }
        self.after_all(|writer| {
            let (mark, gone) = {
                let mut index = locked(&self.index);
                if index.purged.is_some_and(|purged| purged.index >= to.index) {
                    return Ok(());
                }
                let gone = index.purge(to);
                (Writer::<D>::mark_of(&index), gone)
            };
            let purged = writer.save_mark(mark).and_then(|()| writer.purge(&gone));
            self.or_failed(purged)
        })
    }

    /// Puts on disk what is only remembered: all is below the mark then.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        self.after_all(|writer| {
            let mark = Writer::<D>::mark_of(&locked(&self.index));
            self.or_failed(writer.save_mark(mark))
        })
    }

    /// Entries of a range, up to a size, but at least one if there is one.
    pub(crate) fn read(
        &self,
        range: Range<u64>,
        most_bytes: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut attempts = READ_ATTEMPTS;
        loop {
            let plan = locked(&self.index).plan(range.clone(), most_bytes);
            let read = self.follow(&plan);
            attempts = attempts.saturating_sub(1);
            if read.is_ok() || attempts == 0 || locked(&self.index).generation == plan.generation {
                return read;
            }
        }
    }

    fn follow(&self, plan: &Plan) -> Result<Vec<LogEntry>, StoreError> {
        let mut entries = Vec::new();
        for run in &plan.runs {
            read_run(self.disk.as_ref(), run, &mut entries)?;
        }
        entries.extend(plan.tail.iter().map(|entry| LogEntry::clone(entry)));
        Ok(entries)
    }

    pub(crate) fn with_index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut locked(&self.index))
    }

    pub(crate) fn marks(&self) -> StoreMarks {
        let index = locked(&self.index);
        StoreMarks {
            vote_term: index.vote.map_or(0, |vote| vote.leader_id.term),
            last_log: index.last().map(Position::pair),
            committed: index.committed.map(Position::pair),
            purged: index.purged.map(Position::pair),
        }
    }

    pub(crate) fn figures(&self) -> StoreFigures {
        let (size_bytes, entries) = self.with_index(|index| (index.size_bytes(), index.entries()));
        self.counters.read(size_bytes, entries)
    }

    /// What the flushing thread does until it is told to stop and nothing is left.
    fn run(&self) {
        loop {
            let mut index = locked(&self.index);
            while !index.has_work() {
                if index.stops {
                    return;
                }
                index = self.work.wait(index).unwrap_or_else(PoisonError::into_inner);
            }
            drop(index);
            if self.written(&mut locked(&self.writer)).is_err() {
                return;
            }
        }
    }
}

/// A log and its thread, which ends when nobody has the log any more.
pub(crate) struct Running<D: Disk> {
    pub(crate) log: Arc<Log<D>>,
    thread: Option<JoinHandle<()>>,
}

impl<D: Disk> Running<D> {
    pub(crate) fn start(log: Log<D>) -> Result<Self, StoreError> {
        let log = Arc::new(log);
        let thread = match log.options.flush {
            Flush::Inline => None,
            Flush::Thread => {
                let flushing = Arc::clone(&log);
                let builder = std::thread::Builder::new().name("committee-log".to_owned());
                let thread = builder.spawn(move || flushing.run());
                Some(thread.map_err(StoreError::io("the log's thread", "starting"))?)
            }
        };
        Ok(Self { log, thread })
    }
}

impl<D: Disk> Drop for Running<D> {
    fn drop(&mut self) {
        self.log.with_index(|index| index.stops = true);
        self.log.work.notify_one();
        // A thread that has panicked has told its callers already, by never calling them back.
        drop(self.thread.take().map(JoinHandle::join));
    }
}
