//! The hand-over between threads, under a model checker: the very files of the crate, with
//! shuttle's primitives in place of the system's, and plain numbers in place of blocks.
//!
//! Helpers serve, readers go through lanes of numbered windows as cursors do. Whatever the
//! schedule: each reader gets every window in order, memory never passes the budget, nothing is
//! made twice at once, nobody waits for ever, and at the end everything has been given back.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "tests; and the crate uses more of the ledger than a model does"
)]

#[path = "../src/handover.rs"]
mod handover;
#[path = "../src/ledger.rs"]
mod ledger;
mod sync {
    pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
}

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use handover::{Handover, Place, Plan, Planned, Taken, Work};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

/// What a window takes, and what is set aside for a reader.
const WINDOW_BYTES: u64 = 10;
/// How many windows a block has where they follow each other.
const BLOCK_WINDOWS: usize = 2;
const AHEAD_BLOCKS: usize = 3;
const ATTEMPTS: usize = 16;

/// What is true of the whole model, in and outside of the hand-over.
#[derive(Debug, Default)]
struct World {
    live_bytes: u64,
    peak_bytes: u64,
    making: BTreeSet<(u64, usize)>,
    /// How many more times making something may fail.
    failures_left: usize,
}

type Shared = Arc<Mutex<World>>;

/// Memory that says when it is taken and let go.
#[derive(Debug)]
struct Bytes {
    world: Shared,
    size: u64,
}

impl Bytes {
    fn new(world: &Shared, size: u64) -> Self {
        let mut state = world.lock().unwrap();
        state.live_bytes += size;
        state.peak_bytes = state.peak_bytes.max(state.live_bytes);
        Self { world: Arc::clone(world), size }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.world.lock().unwrap().live_bytes -= self.size;
    }
}

#[derive(Debug, Default)]
struct Block {
    memory: Option<Bytes>,
    lane: u64,
    windows: Range<usize>,
}

#[derive(Debug, Clone)]
struct Making {
    world: Shared,
    lane: u64,
    windows: Range<usize>,
    bytes: u64,
}

impl Making {
    /// As the reader's own work does it, with a stop in the middle for others to run.
    fn make(&self, block: &mut Arc<Block>) -> bool {
        let started = {
            let mut world = self.world.lock().unwrap();
            self.windows.clone().all(|window| world.making.insert((self.lane, window)))
        };
        assert!(started, "made twice at once: {self:?}");
        if Arc::get_mut(block).is_none() {
            *block = Arc::default();
        }
        let into = Arc::get_mut(block).unwrap();
        if into.memory.as_ref().is_none_or(|memory| memory.size < self.bytes) {
            into.memory = None;
            into.memory = Some(Bytes::new(&self.world, self.bytes));
        }
        thread::yield_now();
        (into.lane, into.windows) = (self.lane, self.windows.clone());
        let fails = thread_rng().gen_range(0..4) == 0;
        let mut world = self.world.lock().unwrap();
        for window in self.windows.clone() {
            assert!(world.making.remove(&(self.lane, window)));
        }
        if fails && world.failures_left > 0 {
            world.failures_left -= 1;
            return false;
        }
        true
    }
}

impl Work for Making {
    type Memory = Arc<Block>;

    fn run(self, block: &mut Arc<Block>) -> bool {
        self.make(block)
    }
}

/// A surface's place, which the last of its readers closes.
#[derive(Debug)]
struct Lane {
    handover: Arc<Handover<Making>>,
    id: u64,
    windows: usize,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.handover.close_lane(self.id);
    }
}

/// A cursor: what the crate's own does around the hand-over, without files.
struct Reader {
    hand: Option<Arc<Block>>,
    world: Shared,
    lane: Arc<Lane>,
    id: u64,
    has_helpers: bool,
    ahead_to: usize,
    ahead: VecDeque<usize>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.hand = None;
        self.lane.handover.leave(self.lane.id, self.id);
    }
}

const fn place(window: usize) -> Place {
    (0, window)
}

impl Reader {
    fn new(world: &Shared, lane: &Arc<Lane>, has_helpers: bool) -> Result<Self, u64> {
        let id = lane.handover.enter(lane.id, place(0))?;
        let (world, lane, ahead) = (Arc::clone(world), Arc::clone(lane), VecDeque::new());
        Ok(Self { hand: None, world, lane, id, has_helpers, ahead_to: 0, ahead })
    }

    /// Reads the windows of a range in order; those that could not be made are asked for again.
    fn read(&mut self, windows: Range<usize>) {
        for window in windows {
            let held = self.hand.as_ref().is_some_and(|block| block.windows.contains(&window));
            if !held {
                self.hand = None;
                self.hand = Some(loop {
                    if let Some(block) = self.block(window) {
                        break block;
                    }
                });
            }
            let block = self.hand.as_ref().unwrap();
            assert!(block.lane == self.lane.id && block.windows.contains(&window), "{block:?}");
            thread::yield_now();
        }
    }

    fn extent(&self, first: usize) -> Range<usize> {
        first..(first + BLOCK_WINDOWS).min(self.lane.windows)
    }

    fn plan_of(&self, windows: Range<usize>) -> (Plan, Making) {
        let bytes = WINDOW_BYTES * u64::try_from(windows.len()).unwrap();
        let (from, to) = (place(windows.start), place(windows.end));
        let (lane, world) = (self.lane.id, Arc::clone(&self.world));
        (Plan { lane, from, to, bytes }, Making { world, lane, windows, bytes })
    }

    fn block(&mut self, window: usize) -> Option<Arc<Block>> {
        let block = self.get(window)?;
        while self.ahead.front().is_some_and(|planned| *planned <= window) {
            self.ahead.pop_front();
        }
        if self.has_helpers {
            self.plan_ahead(window);
        }
        Some(block)
    }

    /// None where making it has failed.
    fn get(&self, window: usize) -> Option<Arc<Block>> {
        let handover = &self.lane.handover;
        for _ in 0..ATTEMPTS {
            if let Taken::Ready(block) = handover.take(self.lane.id, self.id, place(window)) {
                return Some(block);
            }
            let (whole, one) = (self.extent(window), window..window + 1);
            let mut failed = false;
            let smaller = (whole != one).then_some((one, true));
            let is_one = smaller.is_none();
            for (windows, reserved) in [(whole, is_one)].into_iter().chain(smaller) {
                let (plan, work) = self.plan_of(windows);
                let Some(mut block) = handover.begin(&plan, reserved) else { continue };
                let made = work.make(&mut block).then(|| Arc::clone(&block));
                handover.finish(self.lane.id, place(window), block, made.is_some());
                if made.is_some() {
                    return made;
                }
                failed = true;
            }
            if failed {
                return None;
            }
        }
        panic!("window {window}: no memory, although there is some for every reader");
    }

    fn plan_ahead(&mut self, window: usize) {
        if self.ahead_to <= window {
            self.ahead_to = self.extent(window).end;
        }
        while self.ahead.len() < AHEAD_BLOCKS && self.ahead_to < self.lane.windows {
            let (plan, work) = self.plan_of(self.extent(self.ahead_to));
            match self.lane.handover.plan(plan, work, self.ahead.is_empty()) {
                Planned::Full => return,
                Planned::Yes | Planned::Already => {
                    self.ahead.push_back(plan.from.1);
                    self.ahead_to = plan.to.1;
                }
            }
        }
    }
}

/// What a run of the model has in it.
#[derive(Debug, Clone, Copy)]
struct Case {
    helpers: usize,
    lanes: usize,
    readers: usize,
    windows: usize,
    /// Beside what is set aside for two readers of each lane, in windows.
    spare_windows: u64,
    failures: usize,
}

fn run(case: Case) {
    let Case { helpers, lanes, readers, windows, spare_windows, failures } = case;
    let world = Shared::default();
    world.lock().unwrap().failures_left = failures;
    let for_readers = 2 * u64::try_from(lanes).unwrap();
    let budget = WINDOW_BYTES * (for_readers + spare_windows);
    let handover = Arc::new(Handover::<Making>::new(budget));
    let serving: Vec<_> = (0..helpers)
        .map(|_| {
            let handover = Arc::clone(&handover);
            thread::spawn(move || handover.serve())
        })
        .collect();
    let open = || handover.open_lane(WINDOW_BYTES).expect("room for two readers of each lane");
    let ids: Vec<_> = (0..lanes).map(|_| open()).collect();
    let mut reading = Vec::new();
    for id in ids {
        let lane = Arc::new(Lane { handover: Arc::clone(&handover), id, windows });
        for _ in 0..readers {
            let (lane, world) = (Arc::clone(&lane), Arc::clone(&world));
            reading.push(thread::spawn(move || cursors(&world, &lane, helpers > 0)));
        }
    }
    reading.into_iter().for_each(|reader| reader.join().unwrap());
    handover.close();
    serving.into_iter().for_each(|helper| helper.join().unwrap());

    let peak_bytes = handover.peak_bytes();
    let in_use = handover.in_use_bytes();
    assert_eq!(in_use, (0, 0), "in use and set aside at the end");
    let world_now = world.lock().unwrap();
    assert!(peak_bytes <= budget, "{peak_bytes} of {budget}");
    assert!(
        world_now.peak_bytes <= peak_bytes,
        "{} held, {peak_bytes} counted",
        world_now.peak_bytes
    );
    assert!(world_now.making.is_empty());
    drop(world_now);
    drop(handover);
    assert_eq!(world.lock().unwrap().live_bytes, 0, "memory that nobody lets go");
}

/// One after the other, readers of a lane: some from the middle, some that leave before the end.
fn cursors(world: &Shared, lane: &Arc<Lane>, has_helpers: bool) {
    for _ in 0..2 {
        let from = thread_rng().gen_range(0..lane.windows);
        let to = thread_rng().gen_range(from..lane.windows + 1);
        // A third one may be refused, which changes nothing.
        let Ok(mut reader) = Reader::new(world, lane, has_helpers) else { continue };
        reader.read(from..to);
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let shapes =
        [(1, 1, 1), (1, 1, 2), (2, 1, 2), (1, 2, 1), (2, 2, 1), (0, 1, 2), (1, 1, 3), (3, 1, 1)];
    let budgets = [0, 1, 3, 20];
    shapes.into_iter().flat_map(move |(helpers, lanes, readers)| {
        budgets.into_iter().map(move |spare_windows| {
            let failures = usize::from(spare_windows % 2 == 1) * 3;
            Case { helpers, lanes, readers, windows: 7, spare_windows, failures }
        })
    })
}

#[test]
fn holds_under_random_schedules() {
    for case in cases() {
        shuttle::check_random(move || run(case), 1500);
    }
}

#[test]
fn holds_under_schedules_with_few_and_unlikely_switches() {
    for case in cases() {
        shuttle::check_pct(move || run(case), 800, 4);
    }
}
