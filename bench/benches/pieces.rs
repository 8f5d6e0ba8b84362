//! The time that the inner pieces of a replay take, one by one, on small sets of records in the
//! page cache. One core each.
//!
//! Figures of two runs compare only on the same, quiet machine; where there is none, count
//! instructions: see the bench `instructions`. The merges have records whose members take turns
//! nearly every time: the most that a merge can have to do.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use holobiont_bench::pieces::Pieces;
use holobiont_bench::{BenchError, Sum};
use holobiont_identity::Digest;
use holobiont_surface::{Record, Trust};

/// Records of each payload size: some 20 MB of those of 256 bytes.
const RECORDS: u64 = 1 << 16;
/// The first is the one that members share.
const PAYLOADS_BYTES: [u32; 3] = [256, 64, 1024];
const MEMBERS: [u16; 3] = [1, 8, 64];
const RATES: &str = include_str!("../../examples/euro-fx/eurofxref-hist.csv");
/// The rates of so many days are folded: the oldest, which stand last in the file.
const DAYS: usize = 2_000;

fn main() -> Result<(), BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io(&std::env::temp_dir(), "creating in"))?;
    let pieces = Pieces::make(dir.path(), &PAYLOADS_BYTES, &MEMBERS, RECORDS, Some(&slice(RATES)))?;
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    header(&mut criterion, &pieces)?;
    hash(&mut criterion, &pieces)?;
    scan(&mut criterion, &pieces)?;
    merge(&mut criterion, &pieces)?;
    fold(&mut criterion, &pieces)?;
    criterion.final_summary();
    Ok(())
}

/// The head of the file, and its last lines.
fn slice(rates: &str) -> String {
    let mut lines = rates.lines();
    let head = lines.next().unwrap_or_default();
    let rows: Vec<&str> = lines.collect();
    let oldest = rows.get(rows.len().saturating_sub(DAYS)..).unwrap_or_default();
    [&[head], oldest].concat().join("\n")
}

/// Record headers of one window, and the CRCs of its records.
fn header(criterion: &mut Criterion, pieces: &Pieces) -> Result<(), BenchError> {
    let window = pieces.window(256)?;
    let records = records(&window).count();
    let mut group = criterion.benchmark_group("header");
    group.throughput(of(records as u64, window.len() as u64));
    measure(&mut group, "decode", &records, || Ok(records_of(&window, |_| true)))?;
    measure(&mut group, "crc", &records, || Ok(records_of(&window, |record| record.crc_holds())))?;
    group.finish();
    Ok(())
}

/// The hash of one window.
fn hash(criterion: &mut Criterion, pieces: &Pieces) -> Result<(), BenchError> {
    let mut group = criterion.benchmark_group("window-hash");
    for payload_bytes in [64, 256, 1024] {
        let window = pieces.window(payload_bytes)?;
        group.throughput(of(records(&window).count() as u64, window.len() as u64));
        let digest = Digest::of(&window);
        measure(&mut group, &payload_bytes.to_string(), &digest, || {
            Ok(Digest::of(black_box(&window)))
        })?;
    }
    group.finish();
    Ok(())
}

/// All records of a log, opening it included.
fn scan(criterion: &mut Criterion, pieces: &Pieces) -> Result<(), BenchError> {
    let mut group = criterion.benchmark_group("scan");
    let (sum, stored_bytes) = pieces.expected(256, 1)?;
    group.throughput(of(sum.records, stored_bytes));
    for (name, trust) in [("full", Trust::Full), ("none", Trust::None)] {
        measure(&mut group, name, &sum, || pieces.scan(256, trust.clone()))?;
    }
    group.finish();
    Ok(())
}

/// A log of cuts over all records of so many members.
fn merge(criterion: &mut Criterion, pieces: &Pieces) -> Result<(), BenchError> {
    let mut group = criterion.benchmark_group("merge");
    for members in MEMBERS {
        let (sum, stored_bytes) = pieces.expected(256, members)?;
        group.throughput(of(sum.records, stored_bytes));
        measure(&mut group, &members.to_string(), &sum, || pieces.merge(members))?;
    }
    group.finish();
    Ok(())
}

/// A log of cuts over rates, through `cross-feed`.
fn fold(criterion: &mut Criterion, pieces: &Pieces) -> Result<(), BenchError> {
    let mut group = criterion.benchmark_group("fold");
    let (Sum { records, .. }, stored_bytes) = pieces.expected_rates()?;
    group.throughput(of(records, stored_bytes));
    measure(&mut group, "cross-feed", &records, || pieces.cross_feed())?;
    group.finish();
    Ok(())
}

/// Measures what must come to `expected` every time.
fn measure<T: PartialEq>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    expected: &T,
    mut run: impl FnMut() -> Result<T, BenchError>,
) -> Result<(), BenchError> {
    let mut outcome = Ok(());
    group.bench_function(name, |bencher| {
        bencher.iter(|| match run() {
            Ok(seen) if seen == *expected => {}
            Ok(_) => outcome = Err(BenchError::Differs { what: format!("{name} read otherwise") }),
            Err(error) => outcome = Err(error),
        });
    });
    outcome
}

fn of(elements: u64, bytes: u64) -> Throughput {
    Throughput::ElementsAndBytes { elements, bytes }
}

fn records(window: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = window;
    std::iter::from_fn(move || {
        let record = Record::decode(rest).ok()?;
        rest = rest.get(record.stored().len()..)?;
        Some(record)
    })
}

/// How many records of a window are as they should be.
fn records_of(window: &[u8], is_right: impl Fn(&Record<'_>) -> bool) -> usize {
    records(black_box(window)).map(black_box).filter(is_right).count()
}
