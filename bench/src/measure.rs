use std::time::Instant;

use crate::BenchError;
use crate::contender::Contender;
use crate::report::{Outcome, Ratio, Row, Spread};
use crate::targets;

/// What the rounds of one contender came to.
struct Rounds {
    seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
    outcome: Outcome,
    note: String,
}

/// Runs all contenders in turn, A B C, A B C, and makes a row of each. The first round is not
/// counted. One that fails, or arrives at something else, does not run again.
pub(crate) fn measure(
    scenario: &str,
    mut contenders: Vec<Contender<'_>>,
    repeat: usize,
    judges: bool,
    progress: &mut dyn FnMut(usize),
) -> Vec<Row> {
    let new = || Rounds {
        seconds: Vec::new(),
        cpu_seconds: Vec::new(),
        outcome: Outcome::Valid,
        note: String::new(),
    };
    let mut all: Vec<Rounds> = contenders.iter().map(|_| new()).collect();
    for round in 0..=repeat {
        progress(round);
        for (contender, rounds) in contenders.iter_mut().zip(&mut all) {
            if rounds.outcome != Outcome::Valid {
                continue;
            }
            match once(contender, rounds) {
                Ok((seconds, cpu_seconds)) if round > 0 => {
                    rounds.seconds.push(seconds);
                    rounds.cpu_seconds.push(cpu_seconds);
                }
                Ok(_) => {}
                Err(BenchError::Unmeasurable { why }) => rounds.outcome = Outcome::Skipped(why),
                Err(error) => rounds.outcome = Outcome::Invalid(in_full(&error)),
            }
        }
    }
    let pairs: Vec<_> = contenders.iter().zip(&all).collect();
    pairs
        .iter()
        .map(|(contender, rounds)| row(scenario, contender, rounds, &pairs, judges))
        .collect()
}

/// How long a run took, and how much time of processors it had, in seconds.
fn once(contender: &mut Contender<'_>, rounds: &mut Rounds) -> Result<(f64, f64), BenchError> {
    if let Some(before) = &mut contender.before
        && let Some(note) = before()?
    {
        rounds.note = note;
    }
    let (start, cpu_start) = (Instant::now(), cpu_s());
    let seen = (contender.run)()?;
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_s() - cpu_start);
    if let Some(after) = &mut contender.after {
        after()?;
    }
    if let Some(difference) = seen.difference(&contender.expected) {
        rounds.outcome = Outcome::Invalid(difference);
    }
    Ok((seconds, cpu_seconds))
}

/// Time that processors have spent on this process, in seconds.
fn cpu_s() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// An error with all its causes, in one line.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

type Pair<'a, 'b> = (&'a Contender<'b>, &'a Rounds);

fn row(
    scenario: &str,
    contender: &Contender<'_>,
    rounds: &Rounds,
    all: &[Pair<'_, '_>],
    judges: bool,
) -> Row {
    let is_valid = rounds.outcome == Outcome::Valid;
    let seconds: &[f64] = if is_valid { &rounds.seconds } else { &[] };
    let per_second = |amount: u64| {
        Spread::of(seconds.iter().map(|seconds| amount as f64 / seconds.max(f64::MIN_POSITIVE)))
    };
    let gb_per_s = per_second(contender.bytes);
    let in_gb = |figure: f64| figure / 1e9;
    let ratios = contender.against.iter().filter(|_| is_valid).filter_map(|against| {
        let (other, other_rounds) = find(against, all)?;
        let ratio = Spread::of(seconds.iter().zip(&other_rounds.seconds).map(|(own, theirs)| {
            (contender.records as f64 / own) / (other.records as f64 / theirs)
        }));
        let at_least = targets::at_least(scenario, &contender.name, against);
        let holds = at_least.filter(|_| judges).map(|at_least| ratio.median >= at_least);
        Some(Ratio { against: other.name.clone(), ratio, at_least, holds })
    });
    Row {
        name: contender.name.clone(),
        title: contender.title.clone(),
        kind: contender.kind,
        checks: contender.checks.clone(),
        records: contender.records,
        bytes: contender.bytes,
        seconds: Spread::of(seconds.iter().copied()),
        cpu_seconds: Spread::of(
            rounds.cpu_seconds.iter().copied().filter(|_| rounds.outcome == Outcome::Valid),
        ),
        records_per_s: per_second(contender.records),
        gb_per_s: Spread {
            median: in_gb(gb_per_s.median),
            least: in_gb(gb_per_s.least),
            most: in_gb(gb_per_s.most),
        },
        ratios: ratios.collect(),
        peak_bytes: None,
        outcome: rounds.outcome.clone(),
        note: rounds.note.clone(),
    }
}

/// The fastest valid row that goes by this name.
fn find<'a, 'b>(name: &str, all: &[Pair<'a, 'b>]) -> Option<Pair<'a, 'b>> {
    let valid = || all.iter().filter(|(_, rounds)| rounds.outcome == Outcome::Valid);
    let median = |rounds: &Rounds| Spread::of(rounds.seconds.iter().copied()).median;
    valid()
        .filter(|(contender, _)| is_named(&contender.name, name))
        .min_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)))
        .copied()
}

/// Whether a row goes by this name: `direct` stands for `direct-1` and `direct-4`, and every other
/// name for the one row that has it.
pub(crate) fn is_named(row: &str, name: &str) -> bool {
    row == name || (name == "direct" && row.starts_with("direct-"))
}

#[cfg(test)]
mod tests;
