//! The hand-over of blocks between the threads that read and verify them and the cursors that hand
//! out their records. It knows nothing of files and records, so that a model checker can run it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::PoisonError;

use crate::ledger::{Charge, Ledger};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// Where a block begins or ends: the number of its segment, and of a window in that.
pub(crate) type Place = (usize, usize);

/// How a block is made.
pub(crate) trait Work: fmt::Debug + Send {
    /// What it is made in, and what is handed out; used again and again.
    type Memory: Clone + Default + fmt::Debug + Send;

    /// Makes it; false where that failed, and whoever needs the block finds out why.
    fn run(self, memory: &mut Self::Memory) -> bool;
}

/// A block that somebody is going to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) lane: u64,
    pub(crate) from: Place,
    /// Where the next block begins.
    pub(crate) to: Place,
    pub(crate) bytes: u64,
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planned {
    Yes,
    /// It overlaps a block that is planned or made.
    Already,
    /// There is no room now.
    Full,
}

/// How many blocks a lane has room for from the start, so that reading ahead need not make any.
const LANE_BLOCKS: usize = 16;

/// How many blocks wait to be made before only readers that have none ahead may plan more.
const MAX_QUEUED: usize = 16;

/// What [`Handover::take`] has found.
#[derive(Debug)]
pub(crate) enum Taken<M> {
    /// The block that has the place.
    Ready(M),
    /// Nobody is making it: the caller plans it and makes it.
    Absent,
}

/// Blocks on their way from the threads that make them to the readers of their lane.
///
/// A *lane* is one surface, a *reader* one cursor over it. Readers of a lane share its blocks: a
/// block stays until the last of them has passed it, as far as the ledger has room.
#[derive(Debug)]
pub(crate) struct Handover<W: Work> {
    state: Mutex<State<W>>,
    work: Condvar,
    done: Condvar,
}

#[derive(Debug)]
struct State<W: Work> {
    ledger: Ledger,
    lanes: Vec<Lane<W>>,
    /// What to make next, oldest plan first; entries whose block was taken up otherwise are stale.
    queue: VecDeque<(u64, Place)>,
    /// Memory that is in no block, with its size.
    free: Vec<(u64, W::Memory)>,
    next_id: u64,
    closed: bool,
}

#[derive(Debug)]
struct Lane<W: Work> {
    id: u64,
    reserve_bytes: u64,
    readers: Vec<(u64, Place)>,
    /// In order of their places, none overlapping.
    slots: VecDeque<Slot<W>>,
    closed: bool,
}

#[derive(Debug)]
struct Slot<W: Work> {
    from: Place,
    to: Place,
    charge: Charge,
    bytes: u64,
    state: SlotState<W>,
}

#[derive(Debug)]
enum SlotState<W: Work> {
    Waiting(W, W::Memory),
    Claimed,
    Ready(W::Memory),
}

impl<W: Work> Handover<W> {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        Self {
            state: Mutex::new(State {
                ledger: Ledger::new(budget_bytes),
                lanes: Vec::new(),
                queue: VecDeque::with_capacity(MAX_QUEUED.saturating_mul(2)),
                free: Vec::with_capacity(LANE_BLOCKS),
                next_id: 0,
                closed: false,
            }),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane that has this much set aside for each of two readers; the sum that would be needed
    /// where the budget is too small.
    pub(crate) fn open_lane(&self, reserve_bytes: u64) -> Result<u64, u64> {
        let mut state = self.lock();
        state.ledger.set_aside(reserve_bytes.saturating_mul(2))?;
        let id = state.new_id();
        let (readers, slots) = (Vec::new(), VecDeque::with_capacity(LANE_BLOCKS));
        state.lanes.push(Lane { id, reserve_bytes, readers, slots, closed: false });
        Ok(id)
    }

    /// Ends a lane that has no readers any more.
    pub(crate) fn close_lane(&self, lane: u64) {
        let mut state = self.lock();
        if let Some(found) = state.lane(lane) {
            found.closed = true;
            let reserve_bytes = found.reserve_bytes.saturating_mul(2);
            state.ledger.give_back(reserve_bytes);
            state.prune(lane);
            state.drop_ended_lane(lane);
        }
    }

    /// A reader of a lane, at this place. A third one and later have to fit the budget, too.
    pub(crate) fn enter(&self, lane: u64, at: Place) -> Result<u64, u64> {
        let mut state = self.lock();
        let id = state.new_id();
        let State { ledger, lanes, .. } = &mut *state;
        if let Some(lane) = lanes.iter_mut().find(|it| it.id == lane) {
            if lane.readers.len() >= 2 {
                ledger.set_aside(lane.reserve_bytes)?;
            }
            lane.readers.push((id, at));
        }
        Ok(id)
    }

    /// The reader holds nothing any more and is gone.
    pub(crate) fn leave(&self, lane: u64, reader: u64) {
        let mut state = self.lock();
        let Some(found) = state.lane(lane) else { return };
        let (readers, reserve_bytes) = (found.readers.len(), found.reserve_bytes);
        let number = found.readers.iter().position(|(id, _)| *id == reader);
        let Some((_, left)) = number.map(|number| found.readers.remove(number)) else { return };
        // First what it had from the reserve, which is another reader's from here on.
        state.let_go_of_left(lane, left);
        if readers > 2 {
            state.ledger.give_back(reserve_bytes);
        }
        state.prune(lane);
    }

    /// Moves a reader, which holds no block any more, to `place`, and gives it the block there:
    /// waits for it, helping out meanwhile, where somebody is making it.
    pub(crate) fn take(&self, lane: u64, reader: u64, place: Place) -> Taken<W::Memory> {
        let mut state = self.lock();
        state.move_reader(lane, reader, place);
        loop {
            let claimed = match state.slot(lane, place).map(|slot| &slot.state) {
                None => return Taken::Absent,
                Some(SlotState::Ready(memory)) => return Taken::Ready(memory.clone()),
                Some(SlotState::Waiting(..)) => state.claim(lane, place),
                Some(SlotState::Claimed) => state.claim_next(),
            };
            state = match claimed {
                Some(claimed) => {
                    drop(state);
                    self.make(claimed)
                }
                None => self.done.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Has a block made by whoever is free. `is_first` says that the reader has no other one ahead.
    pub(crate) fn plan(&self, plan: Plan, work: W, is_first: bool) -> Planned {
        let mut state = self.lock();
        if state.overlaps(&plan) {
            return Planned::Already;
        }
        if state.queue.len() >= MAX_QUEUED && !is_first {
            return Planned::Full;
        }
        let Some((charge, memory)) = state.admit(&plan, false) else {
            return Planned::Full;
        };
        state.insert(&plan, charge, SlotState::Waiting(work, memory));
        state.queue.push_back((plan.lane, plan.from));
        drop(state);
        self.work.notify_one();
        Planned::Yes
    }

    /// Takes it upon the caller to make a block; it says with [`finish`](Self::finish) how that
    /// went. A reader that waits for its own block may draw on what is set aside for it.
    pub(crate) fn begin(&self, plan: &Plan, reserved: bool) -> Option<W::Memory> {
        let mut state = self.lock();
        if state.overlaps(plan) {
            return None;
        }
        let (charge, memory) = state.admit(plan, reserved)?;
        state.insert(plan, charge, SlotState::Claimed);
        Some(memory)
    }

    /// The block is made, or could not be.
    pub(crate) fn finish(&self, lane: u64, from: Place, memory: W::Memory, made: bool) {
        self.lock().finish(lane, from, memory, made);
        self.done.notify_all();
    }

    /// Makes blocks until the hand-over is closed; what the helping threads do.
    pub(crate) fn serve(&self) {
        let mut state = self.lock();
        while !state.closed {
            state = match state.claim_next() {
                Some(claimed) => {
                    drop(state);
                    self.make(claimed)
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Has [`serve`](Self::serve) return.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// The most memory that was ever held, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.lock().ledger.peak_bytes()
    }

    /// What is in use, and what is set aside for readers, in bytes.
    #[cfg(test)]
    pub(crate) fn in_use_bytes(&self) -> (u64, u64) {
        self.lock().ledger.in_use_bytes()
    }

    fn make(&self, claimed: Claimed<W>) -> MutexGuard<'_, State<W>> {
        let Claimed { lane, from, work, mut memory } = claimed;
        let made = work.run(&mut memory);
        let mut state = self.lock();
        state.finish(lane, from, memory, made);
        self.done.notify_all();
        state
    }
}

struct Claimed<W: Work> {
    lane: u64,
    from: Place,
    work: W,
    memory: W::Memory,
}

impl<W: Work> State<W> {
    fn new_id(&mut self) -> u64 {
        self.next_id = self.next_id.saturating_add(1);
        self.next_id
    }

    fn lane(&mut self, lane: u64) -> Option<&mut Lane<W>> {
        self.lanes.iter_mut().find(|it| it.id == lane)
    }

    /// The slot that has this place.
    fn slot(&mut self, lane: u64, place: Place) -> Option<&mut Slot<W>> {
        let slots = &mut self.lane(lane)?.slots;
        slots.iter_mut().find(|slot| slot.from <= place && place < slot.to)
    }

    fn claim(&mut self, lane: u64, place: Place) -> Option<Claimed<W>> {
        let slot = self.slot(lane, place)?;
        let from = slot.from;
        match std::mem::replace(&mut slot.state, SlotState::Claimed) {
            SlotState::Waiting(work, memory) => Some(Claimed { lane, from, work, memory }),
            other => {
                slot.state = other;
                None
            }
        }
    }

    fn claim_next(&mut self) -> Option<Claimed<W>> {
        while let Some((lane, place)) = self.queue.pop_front() {
            if let Some(claimed) = self.claim(lane, place) {
                return Some(claimed);
            }
        }
        None
    }

    fn overlaps(&mut self, plan: &Plan) -> bool {
        let overlaps = |slot: &Slot<W>| slot.from < plan.to && plan.from < slot.to;
        self.lane(plan.lane).is_none_or(|lane| lane.slots.iter().any(overlaps))
    }

    fn admit(&mut self, plan: &Plan, reserved: bool) -> Option<(Charge, W::Memory)> {
        let charge = self.ledger.charge(plan.bytes, reserved)?;
        Some((charge, self.memory(plan.bytes)))
    }

    /// Memory for a block: what was last let go, where it fits. The rest is let go for good as far
    /// as the budget demands it.
    fn memory(&mut self, bytes: u64) -> W::Memory {
        let found = self.free.iter().rposition(|(size, _)| *size == bytes);
        if let Some(number) = found {
            let (size, memory) = self.free.remove(number);
            self.ledger.reuse(size);
            return memory;
        }
        while self.ledger.is_over() && !self.free.is_empty() {
            let (size, _) = self.free.remove(0);
            self.ledger.reuse(size);
        }
        self.ledger.note_peak();
        W::Memory::default()
    }

    fn insert(&mut self, plan: &Plan, charge: Charge, state: SlotState<W>) {
        let Plan { lane, from, to, bytes } = *plan;
        let Some(lane) = self.lane(lane) else { return };
        let number = lane.slots.partition_point(|slot| slot.from < from);
        lane.slots.insert(number, Slot { from, to, charge, bytes, state });
    }

    fn finish(&mut self, lane: u64, from: Place, memory: W::Memory, made: bool) {
        let found = self.lane(lane).and_then(|lane| {
            let is_it = |slot: &Slot<W>| slot.from == from;
            lane.slots.iter().position(is_it).map(|number| (lane, number))
        });
        let Some((found, number)) = found else { return };
        let Some(slot) = found.slots.get_mut(number) else { return };
        slot.state = SlotState::Ready(memory);
        if made {
            self.prune(lane);
        } else if let Some(slot) = found.slots.remove(number) {
            self.let_go(slot);
        }
        self.drop_ended_lane(lane);
    }

    fn move_reader(&mut self, lane: u64, reader: u64, place: Place) {
        let readers = self.lane(lane).map(|lane| lane.readers.iter_mut());
        let found = readers.and_then(|mut readers| readers.find(|(id, _)| *id == reader));
        let Some((_, at)) = found else { return };
        let left = std::mem::replace(at, place);
        self.let_go_of_left(lane, left);
        self.prune(lane);
    }

    /// A reader is not at this place any more. Its block stays only for another one, and only from
    /// memory that is nobody's reserve, of which a quarter is kept for reading ahead.
    fn let_go_of_left(&mut self, lane: u64, left: Place) {
        let is_tight = self.ledger.is_tight();
        let Some(found) = self.lane(lane) else { return };
        let holds = |slot: &Slot<W>, at: Place| slot.from <= at && at < slot.to;
        let number = found.slots.iter().position(|slot| holds(slot, left));
        if let Some(number) = number
            && let Some(slot) = found.slots.get(number)
            && matches!(slot.state, SlotState::Ready(_))
            && (is_tight || slot.charge == Charge::Reserve)
            && !found.readers.iter().any(|(_, at)| holds(slot, *at))
            && let Some(slot) = found.slots.remove(number)
        {
            self.let_go(slot);
        }
    }

    /// Lets go of what every reader of the lane has passed.
    fn prune(&mut self, lane: u64) {
        while let Some(slot) = self.lane(lane).and_then(Lane::take_passed) {
            self.let_go(slot);
        }
    }

    fn let_go(&mut self, slot: Slot<W>) {
        self.ledger.release(slot.charge, slot.bytes);
        if let SlotState::Ready(memory) | SlotState::Waiting(_, memory) = slot.state {
            self.free.push((slot.bytes, memory));
            self.ledger.keep_free(slot.bytes);
        }
    }

    /// A closed lane goes once nobody makes a block of it.
    fn drop_ended_lane(&mut self, lane: u64) {
        let is_ended = |it: &Lane<W>| it.id == lane && it.closed && it.slots.is_empty();
        self.lanes.retain(|it| !is_ended(it));
    }
}

impl<W: Work> Lane<W> {
    fn take_passed(&mut self) -> Option<Slot<W>> {
        let least = self.readers.iter().map(|(_, at)| *at).min();
        let is_passed = |slot: &Slot<W>| {
            !matches!(slot.state, SlotState::Claimed) && least.is_none_or(|at| slot.to <= at)
        };
        let number = self.slots.iter().position(is_passed)?;
        self.slots.remove(number)
    }
}
