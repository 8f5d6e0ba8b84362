use std::path::Path;

use holobiont_identity::{Organism, ReplayOrder};
use holobiont_policy::Roster;
use holobiont_programs::Visit;
use holobiont_replay::{
    Commands as _, DEFAULT_MEMORY_BUDGET_BYTES, LogWriter, Output, Program, Replay, ReplayClock,
    Surfaces,
};
use holobiont_surface::{Genesis, NewRecord, ReadOptions, SurfaceWriter, WriterOptions};
use jiff::civil::Date;

use super::member::stored_bytes as stored;
use super::{Expected, Rates, Set};
use crate::BenchError;
use crate::ours::{empty, surfaces, verified};

const ORGANISM: &str = include_str!("../../../examples/euro-fx/organism.toml");
const ORDERS: &str = include_str!("../../../examples/euro-fx/orders.toml");
const CLOCK_COLUMN: &str = "Date";
const KIND: u16 = 1;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Members' windows may be as large as the demo's: 41 members need more than the default budget.
pub(crate) fn reading(threads: usize) -> ReadOptions {
    ReadOptions { budget_bytes: DEFAULT_MEMORY_BUDGET_BYTES, ..verified(threads) }
}

pub(super) fn organism() -> Result<Organism, BenchError> {
    Ok(Organism::parse(ORGANISM)?)
}

/// Makes a surface of every currency, folds the organism of `examples/euro-fx` over them by the
/// replay clock, and keeps the log of its cuts.
pub(super) fn make(set: &Set, root: &Path, csv: &str) -> Result<Rates, BenchError> {
    let stored_bytes = write_members(set, csv)?;
    let surfaces = surfaces(&set.organism, &set.surfaces, reading(1))?;
    let recording = Recording { set, surfaces: &surfaces, out: &root.join("ecb/published") };
    let head = holobiont_programs::load(&set.organism, recording)??;
    let sum = empty(&set.organism, &surfaces, &set.cuts, true)?;
    Ok(Rates { expected: Expected { sum, stored_bytes }, head })
}

/// Gives the size of all records as stored, in bytes.
fn write_members(set: &Set, csv: &str) -> Result<u64, BenchError> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let refuse = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        BenchError::Rates { line, what: error.to_string() }
    };
    let header = reader.headers().map_err(refuse)?.clone();
    let missing = |name: &str| BenchError::Rates { line: 1, what: format!("no column `{name}`") };
    let place_of =
        |name: &str| header.iter().position(|it| it == name).ok_or_else(|| missing(name));
    let clock_at = place_of(CLOCK_COLUMN)?;
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(refuse)?;
        let line = row.position().map_or(0, csv::Position::line);
        let clock = day(row.get(clock_at).unwrap_or_default());
        let what = || format!("`{CLOCK_COLUMN}` is no date as YYYY-MM-DD since 1970");
        rows.push((clock.ok_or_else(|| BenchError::Rates { line, what: what() })?, row));
    }
    rows.sort_by_key(|(clock, _)| *clock);
    let mut stored_bytes = 0_u64;
    for member in &set.organism.members {
        let column = place_of(&member.name)?;
        let dir = set.surfaces.join(&member.name);
        let genesis = Genesis::new(member.surface_id());
        let mut writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default())?;
        for (clock, row) in &rows {
            let rate = row.get(column).unwrap_or_default();
            if rate.is_empty() || rate == "N/A" {
                continue;
            }
            let (clock, payload) = (*clock, rate.as_bytes());
            stored_bytes = stored_bytes.saturating_add(stored(payload.len()));
            let time_ms = clock.saturating_mul(86_400_000);
            writer.append(NewRecord { clock, closes_clock: true, time_ms, kind: KIND, payload })?;
        }
        writer.sync()?;
    }
    Ok(stored_bytes)
}

fn day(text: &str) -> Option<u64> {
    let date: Date = text.parse().ok()?;
    u64::try_from(EPOCH.until(date).ok()?.get_days()).ok()
}

/// Folds by the replay clock, and writes down the commands.
struct Recording<'a> {
    set: &'a Set,
    surfaces: &'a Surfaces,
    out: &'a Path,
}

impl Visit for Recording<'_> {
    type Output = Result<String, BenchError>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let organism = &self.set.organism;
        let roster = Roster::replay();
        let orders = ReplayOrder::parse(ORDERS, organism)?;
        let mut clock = ReplayClock::new(organism, self.surfaces, orders)?;
        let mut log = LogWriter::create(&self.set.cuts, organism, &roster)?;
        let mut replay = Replay::new(organism, roster, self.surfaces, program);
        let genesis = Genesis::new(organism.output_surface_id());
        let mut output = SurfaceWriter::create(self.out, genesis, WriterOptions::default())?;
        while let Some((index, command)) = clock.next(replay.state())? {
            log.append(index, &command)?;
            replay.step(index, &command, &mut output)?;
        }
        log.finish()?;
        let head = Output::head(&mut output);
        Ok(head.map_or_else(String::new, |head| head.hash.to_string()))
    }
}
