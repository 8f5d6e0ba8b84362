//! One run: records are made, everything is measured on them, and a report is written.

use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;

use crate::contender::Contender;
use crate::layout::Layout;
use crate::measure::{in_full, is_named, measure};
use crate::peers::Peer;
use crate::prepare::{Prepared, remove};
use crate::report::{Kind, Outcome, Report, Row, Scenario};
use crate::rows::{Sets, peer_row_name};
use crate::{BenchError, Machine, Settings, Which, cold, large};

/// What a thread that only computes has of a core on a quiet machine, at least.
const QUIET_SHARE: f64 = 0.95;

/// Where a run works.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The folder; made anew, unless it is used again.
    pub dir: &'a Path,
    /// Measure what an earlier run kept there.
    pub reuse: bool,
    /// Leave the records there at the end.
    pub keep: bool,
}

/// What a run asks of its caller.
pub struct Hooks<'a> {
    /// The European Central Bank's reference rates, as its `eurofxref-hist.csv` has them.
    pub rates: &'a str,
    /// Told what the run is at.
    pub note: &'a mut dyn FnMut(&str),
    /// Runs [`probe`] for `scenario/row` in another process, and gives the most memory that it
    /// held, in bytes; none where that cannot be known, and what it says where it fails.
    pub peak: &'a mut dyn FnMut(&str) -> Result<Option<u64>, String>,
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Measures everything that was asked for.
///
/// A reader that fails, or arrives at another sum, makes its row invalid and not the run fail: see
/// [`Report::valid`].
///
/// # Errors
///
/// [`BenchError`] where the records cannot be made, or read back at all.
pub fn run(
    settings: &Settings,
    place: Place<'_>,
    mut hooks: Hooks<'_>,
) -> Result<Report, BenchError> {
    let started = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let clock = Instant::now();
    settings.check()?;
    let made = match place.reuse {
        true => Prepared::reuse(place.dir).map(|prepared| prepared.with(settings)),
        false => Prepared::make(place.dir, settings, hooks.rates, hooks.note),
    };
    let measured = made.and_then(|prepared| measure_all(&prepared, &mut hooks));
    let cleared = if place.keep || place.reuse { Ok(()) } else { remove(place.dir) };
    let mut report = measured?;
    cleared?;
    report.started = started;
    report.took_s = clock.elapsed().as_secs_f64();
    Ok(report)
}

/// Runs one row once, in a process that does nothing else; its memory is then the process's. Rows
/// named `all-cores` use so many threads.
///
/// # Errors
///
/// [`BenchError`], also where what was read is not what was to be read.
pub fn probe(dir: &Path, row: &str, threads: usize) -> Result<(), BenchError> {
    let prepared = Prepared::reuse(dir)?;
    let unknown = || BenchError::Setting { what: format!("no row is called `{row}`") };
    let (scenario, name) = row.split_once('/').ok_or_else(unknown)?;
    if scenario == large::SCENARIO {
        return large::scan(&prepared, threads);
    }
    let scenarios = &prepared.kept.settings.scenarios;
    let which = scenarios.iter().find(|it| it.name() == scenario).ok_or_else(unknown)?;
    let sets = Sets::of(&prepared, *which, threads)?;
    let peers = places_of_peers(&prepared, *which);
    let mut readers = sets.readers(&peers);
    let reader = readers.iter_mut().find(|it| it.name == name).ok_or_else(unknown)?;
    if let Some(before) = &mut reader.before {
        before()?;
    }
    match (reader.run)()?.difference(&reader.expected) {
        None => Ok(()),
        Some(what) => Err(BenchError::Differs { what }),
    }
}

fn measure_all(prepared: &Prepared, hooks: &mut Hooks<'_>) -> Result<Report, BenchError> {
    let settings = prepared.kept.settings.clone();
    let mut scenarios = Vec::new();
    for which in &settings.scenarios {
        scenarios.extend(measure_one(prepared, *which, hooks)?);
    }
    if let Some(only) = settings.only.as_ref().filter(|_| scenarios.is_empty()) {
        return Err(BenchError::Setting { what: format!("no row has `{only}` in its name") });
    }
    let limits = large::limits(prepared, &scenarios, hooks)?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: String::new(),
        took_s: 0.0,
        machine: Machine::here(&prepared.root),
        settings,
        valid: true,
        scenarios,
        limits,
        notes: Vec::new(),
    };
    let valid = report.invalid().next().is_none();
    report.valid = valid;
    report.notes = notes(&report);
    Ok(report)
}

/// None where nothing of it was asked for.
fn measure_one(
    prepared: &Prepared,
    which: Which,
    hooks: &mut Hooks<'_>,
) -> Result<Option<Scenario>, BenchError> {
    let settings = &prepared.kept.settings;
    let name = which.name();
    let sets = Sets::of(prepared, which, settings.threads)?;
    let mut peers = places_of_peers(prepared, which);
    load_peers(prepared, which, &mut peers, hooks);
    cold::settle(&prepared.root.join(&name))?;
    let dirs = sets.main().map_or_else(Vec::new, |(set, _)| set.dirs());
    let layout = Layout::of(&dirs)?;
    let mut contenders = sets.floors(&layout);
    contenders.extend(sets.readers(&peers));
    keep_wanted(settings, &name, &mut contenders);
    if contenders.is_empty() {
        return Ok(None);
    }
    let contenders = beside_their_floors(contenders);
    let rounds = settings.repeat;
    let mut rows = measure(&name, contenders, rounds, !settings.quick, &mut |round| match round {
        0 => (hooks.note)(&format!("{name}: warming up ...")),
        _ => (hooks.note)(&format!("{name}: round {round} of {rounds}")),
    });
    drop(layout);
    (hooks.note)(&format!("{name}: memory ..."));
    for row in rows.iter_mut().filter(|row| row.has_process()) {
        match (hooks.peak)(&format!("{name}/{}", row.name)) {
            Ok(peak_bytes) => row.peak_bytes = peak_bytes,
            Err(why) => row.outcome = Outcome::Invalid(format!("in a process of its own: {why}")),
        }
    }
    let (sum, stored_bytes) =
        sets.main().map(|(_, expected)| (expected.sum, expected.stored_bytes)).unwrap_or_default();
    let head = sets.head.clone();
    Ok(Some(Scenario { name, title: which.title(), sum, head, stored_bytes, rows }))
}

/// Peers, where their records are, and why there are none if there are none. Only the scenario that
/// everything is measured on has them.
type Peers = Vec<(Box<dyn Peer>, PathBuf, Option<String>)>;

fn places_of_peers(prepared: &Prepared, which: Which) -> Peers {
    let is_main = prepared.kept.settings.scenarios.first() == Some(&which);
    let all = if is_main && which.sizes().is_some() { crate::peers::all() } else { Vec::new() };
    let dir = prepared.root.join(which.name()).join("peers");
    let place = |peer: Box<dyn Peer>| {
        let dir = dir.join(peer_row_name(peer.name()));
        (peer, dir, None)
    };
    all.into_iter().map(place).collect()
}

/// Writes the records into every peer that has none yet.
fn load_peers(prepared: &Prepared, which: Which, peers: &mut Peers, hooks: &mut Hooks<'_>) {
    let workload = prepared.workload(which, 1).into_iter().next();
    for (peer, dir, failure) in peers {
        let name = which.name();
        let wants = prepared.kept.settings.wants(&name, peer_row_name(peer.name()));
        if !wants || dir.exists() {
            continue;
        }
        (hooks.note)(&format!("{name}: loading {} ...", peer.name()));
        let made = std::fs::create_dir_all(&*dir).map_err(BenchError::io(dir, "creating"));
        let written = made.and_then(|()| match &workload {
            Some(workload) => Ok(peer.write(dir, workload)?),
            None => Ok(()),
        });
        *failure = written.err().map(|error| in_full(&error));
    }
}

/// Leaves what was asked for, and what that is held against.
fn keep_wanted(settings: &Settings, scenario: &str, contenders: &mut Vec<Contender<'_>>) {
    let wanted = |it: &&Contender<'_>| settings.wants(scenario, &it.name);
    let mut names: Vec<String> = Vec::new();
    for contender in contenders.iter().filter(wanted) {
        names.push(contender.name.clone());
        names.extend(contender.against.iter().map(|name| (*name).to_owned()));
    }
    contenders.retain(|it| names.iter().any(|name| is_named(&it.name, name)));
}

/// Puts every floor right before the first row that is held against it: what is compared runs with
/// as little time between as can be.
fn beside_their_floors(contenders: Vec<Contender<'_>>) -> Vec<Contender<'_>> {
    let is_floor_of = |floor: &Contender<'_>, row: &Contender<'_>| {
        row.against.first().is_some_and(|name| is_named(&floor.name, name))
    };
    let (floors, rows): (Vec<_>, Vec<_>) =
        contenders.into_iter().partition(|it| it.kind == Kind::Floor);
    let (mut floors, mut ordered): (Vec<_>, Vec<_>) =
        floors.into_iter().partition(|floor| rows.iter().any(|row| is_floor_of(floor, row)));
    for row in rows {
        let (its, others): (Vec<_>, Vec<_>) =
            floors.into_iter().partition(|floor| is_floor_of(floor, &row));
        floors = others;
        ordered.extend(its);
        ordered.push(row);
    }
    ordered
}

/// What there is to say where others had the machine too.
fn busy(report: &Report) -> Option<String> {
    let mut rows = report.scenarios.iter().flat_map(|scenario| &scenario.rows);
    let row = rows.find(|row| row.name == "hash-1-core" || row.name == "fetch-hash-1-core")?;
    let share = row.cpu_seconds.median / row.seconds.median;
    (share < QUIET_SHARE).then(|| {
        format!(
            "Others use this machine too: a row of one core had its core for {:.0} % of the time. \
             Measure again when it is quiet, before a figure is believed.",
            share * 100.0
        )
    })
}

fn notes(report: &Report) -> Vec<String> {
    let mut notes = vec![
        "Ratios are of records a second, between runs of the same round; only they travel to other \
         machines."
            .to_owned(),
        "GB/s count records as stored, with header and padding; for other stores, payloads alone."
            .to_owned(),
        "Peak memory is that of a process which runs the row once and does nothing else; pages of \
         mapped files count."
            .to_owned(),
        "A cold file is cold for this kernel; what a hypervisor or a disk keeps is out of reach."
            .to_owned(),
    ];
    notes.extend(busy(report));
    if report.settings.quick {
        notes.push(
            "This was a quick run: it shows that all works, and its figures mean nothing."
                .to_owned(),
        );
    }
    if crate::peers::all().is_empty() {
        notes.push("This build has no peers: build with --features peers to have them.".to_owned());
    }
    let rows = report.scenarios.iter().flat_map(|scenario| &scenario.rows);
    let has_none = rows.clone().any(|row: &Row| row.name.starts_with("scan-none"));
    if has_none {
        notes.push("`--verify none` proves nothing: it is there to be measured.".to_owned());
    }
    notes
}
