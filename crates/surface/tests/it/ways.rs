//! However a surface is read, what comes out is the same.

use holobiont_surface::{
    Access, Cursor, ReadOptions, ReadPool, SealKey, Surface, SurfaceError, Trust,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::history::{History, Numbers, Shape, folder, shapes};

const KEY: [u8; 32] = [7; 32];
const PLENTY: u64 = 64 << 20;

struct Written {
    dir: TempDir,
    history: History,
    least_bytes: u64,
}

impl Written {
    fn new(shape: &Shape) -> Self {
        let dir = folder();
        let history = shape.write(dir.path());
        let window = history.largest_window_bytes.next_multiple_of(4096);
        Self { dir, history, least_bytes: 2 * window }
    }

    fn surface(&self) -> Surface {
        Surface::open(self.dir.path()).unwrap()
    }
}

fn pool(budget_bytes: u64, threads: usize, access: &Access, trust: &Trust) -> ReadPool {
    let (access, trust) = (access.clone(), trust.clone());
    ReadPool::new(ReadOptions { budget_bytes, threads, trust, access }).unwrap()
}

/// Every combination: budget, threads, access, trust.
fn pools(least_bytes: u64) -> impl Iterator<Item = ReadPool> {
    let budgets = [least_bytes, least_bytes + 9000, least_bytes + (1 << 20), PLENTY];
    let key = SealKey::from_bytes(KEY);
    let trusts = [Trust::Full, Trust::None, Trust::Seal(key)];
    budgets.into_iter().flat_map(move |budget_bytes| {
        let trusts = trusts.clone();
        [1, 2, 4].into_iter().flat_map(move |threads| {
            let trusts = trusts.clone();
            [Access::Read, Access::Mapped].into_iter().flat_map(move |access| {
                let trusts = trusts.clone();
                trusts.into_iter().map(move |trust| pool(budget_bytes, threads, &access, &trust))
            })
        })
    })
}

/// Two cursors, the second behind the first by a distance that changes, from anywhere; cursors that
/// come and go meanwhile.
fn read_pairs(written: &Written, pooled: &Surface, numbers: &mut Numbers) {
    let Written { history, .. } = written;
    let (first_seq, end) = (history.first_seq, history.next_seq());
    let records = end - first_seq;
    let anywhere = |numbers: &mut Numbers| first_seq + numbers.below(records + 1);
    let mut lead = pooled.cursor(anywhere(numbers)).unwrap();
    history.check_place(&mut lead);
    let mut trail = pooled.cursor(first_seq).unwrap();
    while trail.next_seq() < end {
        let to = (lead.next_seq() + numbers.below(1 + records / 3)).min(end);
        history.read(&mut lead, to, numbers).unwrap();
        let distance = numbers.below(1 + records / 2);
        let to = lead.next_seq().saturating_sub(distance).max(trail.next_seq());
        let to = if lead.next_seq() == end { (to + 5).min(end) } else { to };
        history.read(&mut trail, to, numbers).unwrap();
        if numbers.below(4) == 0 {
            // One of the two is replaced, which gives back what it held.
            drop(lead);
            lead = pooled.cursor(anywhere(numbers)).unwrap();
        }
        if numbers.below(6) == 0 {
            let from = anywhere(numbers).min(trail.next_seq());
            drop(trail);
            trail = pooled.cursor(from).unwrap();
        }
    }
    history.read(&mut lead, end, numbers).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn every_pool_gives_what_is_in_the_files(shape in shapes()) {
        let written = Written::new(&shape);
        let history = &written.history;
        let surface = written.surface();
        let mut numbers = Numbers::new(shape.seed);
        let mut alone = surface.cursor(history.first_seq).unwrap();
        history.read(&mut alone, history.next_seq(), &mut numbers).unwrap();
        surface.seal(&SealKey::from_bytes(KEY)).unwrap();
        for pool in pools(written.least_bytes) {
            let pooled = surface.in_pool(&pool).unwrap();
            read_pairs(&written, &pooled, &mut numbers);
            let verified = pooled.verify(None).unwrap();
            prop_assert_eq!(verified.head, history.head());
            prop_assert!(pool.peak_bytes() <= pool.options().budget_bytes);
        }
    }

    #[test]
    fn several_surfaces_share_a_pool(all in proptest::collection::vec(shapes(), 2..5)) {
        let all: Vec<_> = all.iter().map(Written::new).collect();
        let least = all.iter().map(|written| written.least_bytes).sum();
        for (budget, threads) in [(least, 1), (least, 2), (least, 4), (least + 99_999, 3)] {
            let pool = pool(budget, threads, &Access::Read, &Trust::Full);
            let pooled = |written: &Written| written.surface().in_pool(&pool).unwrap();
            let surfaces: Vec<_> = all.iter().map(pooled).collect();
            let mut numbers = Numbers::new(budget);
            let from = |(written, surface): (&Written, &Surface)| {
                surface.cursor(written.history.first_seq).unwrap()
            };
            let mut cursors: Vec<Cursor> = all.iter().zip(&surfaces).map(from).collect();
            // In turns, as a merge does.
            let mut goes_on = true;
            while std::mem::take(&mut goes_on) {
                for (written, cursor) in all.iter().zip(&mut cursors) {
                    let end = written.history.next_seq();
                    let to = (cursor.next_seq() + numbers.below(40)).min(end);
                    written.history.read(cursor, to, &mut numbers).unwrap();
                    goes_on |= to < end;
                }
            }
            drop(cursors);
            // And each on a thread of its own, with a second cursor after it.
            std::thread::scope(|scope| {
                for (written, surface) in all.iter().zip(&surfaces) {
                    let mut numbers = numbers.clone();
                    scope.spawn(move || read_pairs(written, surface, &mut numbers));
                }
            });
            prop_assert!(pool.peak_bytes() <= budget);
        }
    }
}

/// With room for two, a third cursor of a surface is refused, whatever the other two hold, and
/// there is room again when one of them is gone.
#[test]
fn a_third_cursor_past_the_budget_is_refused_and_changes_nothing() {
    let shape = Shape {
        seed: 11,
        window_records: 8,
        max_window_bytes: 9000,
        segment_bytes: 50_000,
        records: 300,
        max_payload: 1500,
        dropped_percent: 0,
    };
    let written = Written::new(&shape);
    let (history, least) = (&written.history, written.least_bytes);
    for threads in [1, 2, 4] {
        let small = pool(least - 1, threads, &Access::Read, &Trust::Full);
        let error = written.surface().in_pool(&small).unwrap_err();
        let refused = |error: &SurfaceError, budget: u64| match error {
            SurfaceError::MemoryBudget { needed_bytes, budget_bytes } => {
                assert!(needed_bytes > budget_bytes && *budget_bytes == budget, "{error}");
            }
            other => panic!("{other}"),
        };
        refused(&error, least - 1);

        let pool = pool(least, threads, &Access::Read, &Trust::Full);
        let surface = written.surface().in_pool(&pool).unwrap();
        refused(&written.surface().in_pool(&pool).unwrap_err(), least);
        let mut numbers = Numbers::new(5);
        let mut one = surface.cursor(0).unwrap();
        let mut two = surface.cursor(140).unwrap();
        for to in (20..=300).step_by(20) {
            history.read(&mut one, to, &mut numbers).unwrap();
            refused(&surface.cursor(0).unwrap_err(), least);
            history.read(&mut two, to.max(140), &mut numbers).unwrap();
            refused(&surface.cursor(to).unwrap_err(), least);
        }
        drop(two);
        let mut three = surface.cursor(150).unwrap();
        history.read(&mut three, 300, &mut numbers).unwrap();
        assert!(pool.peak_bytes() <= least);
        drop((one, three, surface));
        written.surface().in_pool(&pool).unwrap();
    }
}

/// A cursor that leaves gives its memory back, also where one behind it has not come that far.
#[test]
fn a_cursor_that_leaves_takes_no_memory_with_it() {
    let shape = Shape {
        seed: 3,
        window_records: 4,
        max_window_bytes: 9000,
        segment_bytes: 1 << 20,
        records: 200,
        max_payload: 1500,
        dropped_percent: 0,
    };
    let written = Written::new(&shape);
    let pool = pool(written.least_bytes, 1, &Access::Read, &Trust::Full);
    let surface = written.surface().in_pool(&pool).unwrap();
    let mut behind = surface.cursor(10).unwrap();
    let mut numbers = Numbers::new(1);
    for from in (60..200).step_by(20) {
        let mut ahead = surface.cursor(from).unwrap();
        written.history.read(&mut ahead, from + 9, &mut numbers).unwrap();
        written.history.read(&mut behind, from - 40, &mut numbers).unwrap();
    }
    assert!(pool.peak_bytes() <= written.least_bytes);
}

/// Blocks get smaller when surfaces come into a pool; also while one is laid out.
#[test]
fn surfaces_that_come_and_go_do_not_disturb_a_cursor() {
    let shape = Shape {
        seed: 5,
        window_records: 16,
        max_window_bytes: 4096,
        segment_bytes: 1 << 30,
        records: 4000,
        max_payload: 400,
        dropped_percent: 0,
    };
    let written = Written::new(&shape);
    let pool = pool(PLENTY, 2, &Access::Read, &Trust::Full);
    let surface = written.surface().in_pool(&pool).unwrap();
    let other = written.surface();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                let some: Vec<_> = (0..200).map(|_| other.in_pool(&pool).unwrap()).collect();
                drop(some);
            }
        });
        let read = || -> Result<(), SurfaceError> {
            for _ in 0..60 {
                let mut cursor = surface.cursor(0)?;
                while let Some(records) = cursor.records()? {
                    records.for_each(drop);
                }
                assert_eq!(cursor.head(), written.history.head());
            }
            Ok(())
        };
        let result = read();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        result.unwrap();
    });
    assert!(pool.peak_bytes() <= PLENTY);
}
