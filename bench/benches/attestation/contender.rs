use std::hint::black_box;
use std::time::Instant;

use holobiont_bench::BenchError;
use holobiont_bench::report::{Kind, Spread};

use crate::report::{Bound, Row};

/// One thing to time.
pub(crate) struct Contender {
    /// The same in every run.
    pub(crate) name: String,
    /// What it is, in a few words.
    pub(crate) title: String,
    pub(crate) kind: Kind,
    /// How many signatures it checks: what its time is held against.
    pub(crate) signatures: u32,
    pub(crate) bound: Option<Bound>,
    /// How often it runs in one round.
    pub(crate) calls: u32,
    /// Runs once, and says how many seconds that took, without what it had to prepare.
    pub(crate) run: Box<dyn FnMut() -> Result<f64, BenchError>>,
}

/// Times one call, in seconds. What it returns is dropped later.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = black_box(run());
    (value, start.elapsed().as_secs_f64())
}

/// Runs all contenders in turn, A B C, A B C, the floor first. A round's figure is the median of its
/// calls, so that one that was interrupted does not count. The first round is not counted.
pub(crate) fn measure(contenders: &mut [Contender], rounds: u16) -> Result<Vec<Row>, BenchError> {
    let mut seconds: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for (contender, seconds) in contenders.iter_mut().zip(&mut seconds) {
            let calls: Result<Vec<f64>, _> =
                (0..contender.calls).map(|_| (contender.run)()).collect();
            let median = Spread::of(calls?).median;
            if round > 0 {
                seconds.push(median);
            }
        }
    }
    let floor = seconds.first().cloned().unwrap_or_default();
    Ok(contenders.iter().zip(seconds).map(|(it, seconds)| row(it, &seconds, &floor)).collect())
}

fn row(contender: &Contender, seconds: &[f64], floor: &[f64]) -> Row {
    let signatures = contender.signatures;
    let ratio = (signatures > 0).then(|| {
        let rounds = seconds.iter().zip(floor);
        Spread::of(rounds.map(|(own, floor)| own / (floor * f64::from(signatures))))
    });
    let microseconds = Spread::of(seconds.iter().map(|seconds| seconds * 1e6));
    let floor_at_best = Spread::of(floor.iter().copied()).least * 1e6;
    let best = ratio.map(|_| microseconds.least / (floor_at_best * f64::from(signatures)));
    let holds = contender.bound.map(|bound| match bound {
        Bound::Ratio(at_most) => ratio.is_some_and(|ratio| ratio.median <= at_most),
        Bound::Microseconds(at_most) => microseconds.median <= at_most,
    });
    Row {
        name: contender.name.clone(),
        title: contender.title.clone(),
        kind: contender.kind,
        signatures,
        microseconds,
        ratio,
        best,
        at_most: contender.bound,
        holds,
    }
}
