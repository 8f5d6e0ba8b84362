use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::block::{Block, BlockWork, OpenSegment, READ_BLOCK_BYTES};
use crate::format::WindowEntry;
use crate::handover::{Place, Plan, Planned, Taken};
use crate::pool::{Checked, ReadPool};
use crate::segment::View;
use crate::{SurfaceError, Trust};

/// How many blocks are read ahead of a cursor, where there are threads for it.
const AHEAD_BLOCKS: usize = 8;

/// What the blocks in the hands of all cursors should take together, so that they stay in the
/// caches of processors: with many surfaces at once, blocks get smaller.
const IN_HAND_BYTES: u64 = 512 << 10;

/// How often a cursor looks again when another one has just planned the block that it needs.
const ATTEMPTS: usize = 16;

/// A surface's place in a pool.
#[derive(Debug)]
pub(crate) struct Lane {
    pool: ReadPool,
    id: u64,
}

impl Lane {
    pub(crate) fn new(pool: ReadPool, view: &View) -> Result<Self, SurfaceError> {
        let window_bytes = u64::from(view.largest_window_bytes());
        let reserve_bytes = Block::memory_bytes(window_bytes);
        let opened = pool.handover().open_lane(reserve_bytes);
        let id = opened.map_err(|needed_bytes| over_budget(&pool, needed_bytes))?;
        pool.add_lane();
        Ok(Self { pool, id })
    }

    pub(crate) fn reads_in_full(&self) -> bool {
        matches!(self.pool.options().trust, Trust::Full)
    }

    /// How large blocks are, where windows allow it.
    fn block_bytes(&self) -> u64 {
        let lanes = self.pool.lanes().max(1);
        IN_HAND_BYTES.checked_div(lanes).unwrap_or(IN_HAND_BYTES).min(READ_BLOCK_BYTES)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.pool.handover().close_lane(self.id);
        self.pool.remove_lane();
    }
}

/// A cursor's supply of blocks: in order, made by it or ahead of it.
#[derive(Debug)]
pub(crate) struct Feed {
    view: Arc<View>,
    lane: Arc<Lane>,
    reader: u64,
    /// The segment in hand, and those after it that were opened to read ahead.
    open: VecDeque<(usize, Arc<OpenSegment>)>,
    /// Where what is planned ahead ends.
    ahead_to: Place,
    /// Where the blocks planned ahead begin.
    ahead: VecDeque<Place>,
}

impl Feed {
    pub(crate) fn new(view: Arc<View>, lane: Arc<Lane>) -> Result<Self, SurfaceError> {
        let entered = lane.pool.handover().enter(lane.id, (0, 0));
        let reader = entered.map_err(|needed_bytes| over_budget(&lane.pool, needed_bytes))?;
        let (open, ahead) = (VecDeque::new(), VecDeque::new());
        Ok(Self { view, lane, reader, open, ahead_to: (0, 0), ahead })
    }

    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Opens a segment, and forgets those before it; none where the surface ends.
    pub(crate) fn segment(
        &mut self,
        number: usize,
    ) -> Result<Option<Arc<OpenSegment>>, SurfaceError> {
        while self.open.front().is_some_and(|(before, _)| *before < number) {
            self.open.pop_front();
        }
        self.find_or_open(number)
    }

    fn find_or_open(&mut self, number: usize) -> Result<Option<Arc<OpenSegment>>, SurfaceError> {
        if let Some((_, open)) = self.open.iter().find(|(open, _)| *open == number) {
            return Ok(Some(Arc::clone(open)));
        }
        let Some(segment) = self.view.segments.get(number) else {
            return Ok(None);
        };
        let options = self.lane.pool.options();
        let (file, windows) = segment.open(&self.view, &options.access)?;
        let checked = match &options.trust {
            Trust::Full => Checked::Hashed,
            Trust::None => Checked::Nothing,
            Trust::Seal(key) if segment.is_sealed_by(&self.view, key)? => Checked::Crc,
            Trust::Seal(_) => Checked::Hashed,
        };
        let path = segment.info.file.clone();
        let open = Arc::new(OpenSegment { path, file, windows, checked });
        self.open.push_back((number, Arc::clone(&open)));
        Ok(Some(open))
    }

    /// The block that has a window of an open segment, and which windows that has. The caller holds
    /// no block any more.
    pub(crate) fn block(
        &mut self,
        segment: &Arc<OpenSegment>,
        place: Place,
    ) -> Result<Arc<Block>, SurfaceError> {
        let block = self.get(segment, place)?;
        while self.ahead.front().is_some_and(|planned| *planned <= place) {
            self.ahead.pop_front();
        }
        if self.lane.pool.options().threads > 1 {
            self.plan_ahead(segment, place);
        }
        Ok(block)
    }

    fn get(
        &mut self,
        segment: &Arc<OpenSegment>,
        place: Place,
    ) -> Result<Arc<Block>, SurfaceError> {
        let lane = Arc::clone(&self.lane);
        let handover = lane.pool.handover();
        for _ in 0..ATTEMPTS {
            if let Taken::Ready(block) = handover.take(lane.id, self.reader, place) {
                return Ok(block);
            }
            let one = place.1..place.1.saturating_add(1);
            let whole = self.extent(&segment.windows, place.1);
            let smaller = (whole != one).then_some((one, true));
            let is_one = smaller.is_none();
            let mut failure = None;
            for (windows, reserved) in [(whole, is_one)].into_iter().chain(smaller) {
                let (plan, work) = self.plan_of(segment, place, windows);
                let Some(mut block) = handover.begin(&plan, reserved) else { continue };
                let made = work.make(&mut block);
                // Only then: memory that goes back must be nobody else's.
                let made = made.map(|()| Arc::clone(&block));
                handover.finish(lane.id, place, block, made.is_ok());
                match made {
                    Ok(given) => return Ok(given),
                    // Where a later window is to blame, this one can still be handed out.
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        let window_bytes = u64::from(self.view.largest_window_bytes());
        Err(over_budget(&lane.pool, Block::memory_bytes(window_bytes)))
    }

    /// Has the blocks after `place` made by the threads that help.
    fn plan_ahead(&mut self, segment: &OpenSegment, place: Place) {
        if self.ahead_to <= place {
            self.ahead_to = (place.0, self.extent(&segment.windows, place.1).end);
        }
        let lane = Arc::clone(&self.lane);
        while self.ahead.len() < AHEAD_BLOCKS {
            // What cannot be opened is reported when its turn comes.
            let Ok(Some(segment)) = self.find_or_open(self.ahead_to.0) else { return };
            if self.ahead_to.1 >= segment.windows.len() {
                self.ahead_to = (self.ahead_to.0.saturating_add(1), 0);
                continue;
            }
            let windows = self.extent(&segment.windows, self.ahead_to.1);
            let (plan, work) = self.plan_of(&segment, self.ahead_to, windows);
            let is_first = self.ahead.is_empty();
            match lane.pool.handover().plan(plan, work, is_first) {
                Planned::Full => return,
                Planned::Yes | Planned::Already => {
                    self.ahead.push_back(plan.from);
                    self.ahead_to = plan.to;
                }
            }
        }
    }

    fn plan_of(
        &self,
        segment: &Arc<OpenSegment>,
        from: Place,
        windows: Range<usize>,
    ) -> (Plan, BlockWork) {
        let block_bytes = self.lane.block_bytes();
        let held = segment.windows.get(windows.clone()).unwrap_or_default();
        let length_bytes: u64 = held.iter().map(|entry| u64::from(entry.length_bytes)).sum();
        let memory_bytes = match segment.file.is_mapped() {
            true => 0,
            // The same for all, so that any block can have the memory of another; more only where
            // a surface has come into the pool since the block was laid out.
            false if windows.len() > 1 => Block::memory_bytes(block_bytes.max(length_bytes)),
            false => Block::memory_bytes(length_bytes),
        };
        let to = (from.0, windows.end);
        let plan = Plan { lane: self.lane.id, from, to, bytes: memory_bytes };
        let work = BlockWork {
            segment: Arc::clone(segment),
            view: Arc::clone(&self.view),
            counters: self.lane.pool.counters(),
            number: from.0,
            windows,
            memory_bytes,
        };
        (plan, work)
    }

    /// The windows of a block that begins with `first`: as many as it has room for, at least one.
    fn extent(&self, windows: &[WindowEntry], first: usize) -> Range<usize> {
        let block_bytes = self.lane.block_bytes();
        let following = windows.get(first..).unwrap_or_default();
        let start = following.first().map_or(0, |entry| entry.offset);
        let fits = |entry: &&WindowEntry| entry.end_offset().saturating_sub(start) <= block_bytes;
        let count = following.iter().take_while(fits).count().max(1);
        first..first.saturating_add(count)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.lane.pool.handover().leave(self.lane.id, self.reader);
    }
}

fn over_budget(pool: &ReadPool, needed_bytes: u64) -> SurfaceError {
    SurfaceError::MemoryBudget { needed_bytes, budget_bytes: pool.options().budget_bytes }
}

#[cfg(test)]
mod tests {
    use holobiont_identity::UniqueId;

    use super::*;
    use crate::{Genesis, NewRecord, ReadOptions, Surface, SurfaceWriter, WriterOptions};

    fn surface(dir: &std::path::Path) -> Surface {
        let mut genesis = Genesis::new(UniqueId::from_name("feed"));
        (genesis.window_records, genesis.max_window_bytes) = (8, 4096);
        let mut writer = SurfaceWriter::create(dir, genesis, WriterOptions::default()).unwrap();
        for clock in 0..4000 {
            let payload = &[3; 200];
            let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload };
            writer.append(record).unwrap();
        }
        Surface::open(dir).unwrap()
    }

    /// Blocks get smaller when surfaces come into the pool, also while one is laid out.
    #[test]
    fn a_block_has_room_for_its_windows_whatever_comes_into_the_pool() {
        let dir = tempfile::tempdir().unwrap();
        let surface = surface(dir.path());
        let pool = ReadPool::new(ReadOptions::default()).unwrap();
        let lane = Arc::new(Lane::new(pool.clone(), surface.view()).unwrap());
        let mut feed = Feed::new(Arc::clone(surface.view()), lane).unwrap();
        let segment = feed.segment(0).unwrap().unwrap();
        let windows = feed.extent(&segment.windows, 0);
        assert!(windows.len() > 100);
        let others: Vec<_> = (0..200).map(|_| surface.in_pool(&pool).unwrap()).collect();
        assert!(feed.extent(&segment.windows, 0).len() < 30);
        let (_, work) = feed.plan_of(&segment, (0, 0), windows);
        work.make(&mut Arc::default()).unwrap();
        drop(others);
    }

    #[test]
    fn nothing_is_in_use_once_the_cursors_are_gone() {
        let dir = tempfile::tempdir().unwrap();
        let surface = surface(dir.path());
        for threads in [1, 2] {
            let options = ReadOptions { threads, ..ReadOptions::default() };
            let pool = ReadPool::new(options).unwrap();
            let pooled = surface.in_pool(&pool).unwrap();
            let mut cursors: Vec<_> =
                [0, 1500, 3000].map(|from| pooled.cursor(from).unwrap()).into();
            for _ in 0..500 {
                cursors
                    .iter_mut()
                    .for_each(|cursor| assert!(cursor.next_record().unwrap().is_some()));
            }
            assert!(pool.handover().in_use_bytes().0 > 0);
            drop((cursors, pooled));
            // What a thread has in its hands is given back when that is made.
            while pool.handover().in_use_bytes().0 > 0 {
                std::thread::yield_now();
            }
            assert_eq!(pool.handover().in_use_bytes(), (0, 0));
        }
    }
    /// The cursor does nothing more, and blocks are read all the same. (It never ends if not.)
    #[test]
    fn threads_read_ahead_while_the_cursor_is_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let surface = surface(dir.path());
        let options = ReadOptions { threads: 2, ..ReadOptions::default() };
        let pool = ReadPool::new(options).unwrap();
        let mut cursor = surface.in_pool(&pool).unwrap().cursor(0).unwrap();
        assert!(cursor.next_record().unwrap().is_some());
        while pool.windows_read().hashed < 4000 / 8 {
            std::thread::yield_now();
        }
    }
}
