//! Memory and the time to open, on the largest log of the run.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use holobiont_surface::Surface;

use crate::contender::Seen;
use crate::ours::{BUDGET_BYTES, scan as scan_surface, verified};
use crate::prepare::{Prepared, free_bytes, write_member};
use crate::report::{Limit, Scenario, Spread};
use crate::run::Hooks;
use crate::targets::{MEMORY_BESIDES_BUDGET_MIB, OPEN_MS};
use crate::{BenchError, Sizes, Workload};

/// What the large log's only row is found under.
pub(crate) const SCENARIO: &str = "large";
const ROW: &str = "large/scan";
const PAYLOAD_BYTES: u32 = 1024;
const STORED_BYTES: u64 = 1056;
/// Room that is left on the disk for others, in bytes.
const SPARE_BYTES: u64 = 1 << 30;
const MIB: f64 = (1 << 20) as f64;

/// A log, and the most memory that a process held which scanned it.
struct Largest {
    dir: PathBuf,
    size_bytes: u64,
    peak_bytes: Option<u64>,
}

/// What opening and reading the run's largest log take.
pub(crate) fn limits(
    prepared: &Prepared,
    scenarios: &[Scenario],
    hooks: &mut Hooks<'_>,
) -> Result<Vec<Limit>, BenchError> {
    let Some(largest) = Largest::of(prepared, scenarios, hooks)? else { return Ok(Vec::new()) };
    let size = format!("{:.1} GiB", largest.size_bytes as f64 / MIB / 1024.0);
    let limit = |name: &str, title: String, unit: &str, found: f64, at_most: f64| Limit {
        name: name.to_owned(),
        title,
        unit: unit.to_owned(),
        found,
        at_most,
        holds: found <= at_most,
    };
    let mut limits = Vec::new();
    if let Some(peak_bytes) = largest.peak_bytes {
        let title = format!("most memory of a verified scan of a log of {size}");
        let budget_mib = BUDGET_BYTES >> 20;
        let at_most = budget_mib.saturating_add(MEMORY_BESIDES_BUDGET_MIB) as f64;
        limits.push(limit("memory", title, "MiB", peak_bytes as f64 / MIB, at_most));
    }
    let title = format!("open a log of {size} and hand out its last record");
    let found = open_ms(&largest.dir, prepared.kept.settings.repeat)?;
    limits.push(limit("open", title, "ms", found, OPEN_MS));
    Ok(limits)
}

impl Largest {
    /// The large log where one is asked for, else that of the first scenario; none where its scan
    /// was not measured.
    fn of(
        prepared: &Prepared,
        scenarios: &[Scenario],
        hooks: &mut Hooks<'_>,
    ) -> Result<Option<Self>, BenchError> {
        let settings = &prepared.kept.settings;
        if let Some(gib) = settings.large_gib {
            let size_bytes = make(prepared, gib, hooks)?;
            (hooks.note)("large: memory ...");
            let peak_bytes = (hooks.peak)(ROW).map_err(|what| BenchError::Differs { what })?;
            return Ok(Some(Self { dir: directory(prepared), size_bytes, peak_bytes }));
        }
        let Some(which) = settings.scenarios.first().filter(|it| it.sizes().is_some()) else {
            return Ok(None);
        };
        let scenario = scenarios.iter().find(|it| it.name == which.name());
        let mut rows = scenario.iter().flat_map(|it| &it.rows);
        let scan = rows.rfind(|row| ["scan-1-core", "scan-all-cores"].contains(&&*row.name));
        let dir = prepared.set(*which, 1)?.dirs().into_iter().next();
        let (Some(scenario), Some(scan), Some(dir)) = (scenario, scan, dir) else {
            return Ok(None);
        };
        let (size_bytes, peak_bytes) = (scenario.stored_bytes, scan.peak_bytes);
        Ok(Some(Self { dir, size_bytes, peak_bytes }))
    }
}

/// Scans the large log, and holds what it reads against what was written.
pub(crate) fn scan(prepared: &Prepared, threads: usize) -> Result<(), BenchError> {
    let dir = directory(prepared);
    let workload = workload(prepared, Surface::open(&dir)?.next_seq());
    let seen = Seen::Sum(scan_surface(&dir, verified(threads))?);
    match seen.difference(&Seen::Sum(workload.sum())) {
        None => Ok(()),
        Some(what) => Err(BenchError::Differs { what }),
    }
}

fn workload(prepared: &Prepared, records: u64) -> Workload {
    let (seed, sizes) = (prepared.kept.settings.seed, Sizes::Fixed(PAYLOAD_BYTES));
    Workload { seed, member: 0, records, sizes }
}

fn directory(prepared: &Prepared) -> PathBuf {
    prepared.root.join(SCENARIO)
}

/// Makes the log, as large as it may be on this disk; gives its size as stored.
fn make(prepared: &Prepared, gib: u64, hooks: &mut Hooks<'_>) -> Result<u64, BenchError> {
    let dir = directory(prepared);
    let asked_bytes = gib.saturating_mul(1 << 30);
    if dir.exists() {
        let records = Surface::open(&dir)?.next_seq();
        return Ok(records.saturating_mul(STORED_BYTES));
    }
    let room = free_bytes(&prepared.root)?.saturating_sub(SPARE_BYTES);
    let size_bytes = asked_bytes.min(room);
    if size_bytes < asked_bytes {
        (hooks.note)(&format!("large: the disk has room for {} GiB only", size_bytes >> 30));
    }
    (hooks.note)(&format!("large: making {} GiB ...", size_bytes >> 30));
    // Whole windows, so that the log can be sealed.
    let records = (size_bytes / STORED_BYTES / 256).max(1).saturating_mul(256);
    let workload = workload(prepared, records);
    let id = holobiont_identity::UniqueId::from_name("bench.large");
    write_member(&dir, id, &workload, u64::MAX)?;
    Ok(records.saturating_mul(STORED_BYTES))
}

/// How long it takes to open a log and hand out its last record: the median, in milliseconds.
fn open_ms(dir: &Path, repeat: usize) -> Result<f64, BenchError> {
    let mut times = Vec::new();
    for _ in 0..=repeat {
        let start = Instant::now();
        let surface = Surface::open(dir)?;
        let mut cursor = surface.cursor(surface.next_seq().saturating_sub(1))?;
        cursor.peek()?;
        black_box(cursor.current());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Spread::of(times).median)
}
