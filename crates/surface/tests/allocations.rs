//! What reading allocates, counted over all threads of the process. One test, so that no other one
//! allocates meanwhile.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use std::alloc::System;
use std::path::Path;

use holobiont_identity::UniqueId;
use holobiont_surface::{
    Cursor, Genesis, NewRecord, READ_BLOCK_BYTES, ReadOptions, ReadPool, Surface, SurfaceWriter,
    WriterOptions,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SEGMENT_BYTES: u64 = 16 << 20;

/// Writes records whose payloads are as long as `length` says, in one segment or several.
fn write(dir: &Path, records: u64, segment_bytes: u64, length: impl Fn(u64) -> usize) {
    let genesis = Genesis::new(UniqueId::from_name("counted"));
    let options = WriterOptions { segment_bytes };
    let mut writer = SurfaceWriter::create(dir, genesis, options).unwrap();
    let bytes = vec![3; 8192];
    for clock in 0..records {
        let payload = &bytes[..length(clock)];
        let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload };
        writer.append(record).unwrap();
    }
    writer.sync().unwrap();
}

fn pool(threads: usize, budget_bytes: u64) -> ReadPool {
    ReadPool::new(ReadOptions { threads, budget_bytes, ..ReadOptions::default() }).unwrap()
}

/// Reads to record `to` in every way that there is, by turns; how many bytes that were.
fn read(cursor: &mut Cursor, to: u64) -> u64 {
    let mut bytes = 0;
    while cursor.next_seq() < to {
        if cursor.peek().unwrap().is_some() {
            bytes += cursor.current().unwrap().header().stored_size_bytes();
            cursor.advance();
        }
        if let Some(record) = cursor.next_record().unwrap() {
            bytes += record.header().stored_size_bytes();
        }
        if let Some(mut records) = cursor.records().unwrap() {
            while let Some(record) = records.next_if(|header| header.seq < to) {
                bytes += record.header().stored_size_bytes();
            }
        }
    }
    bytes
}

/// What is allocated between the first third and the last twentieth of a segment: the least of
/// several times, as a thread of the pool may start only during the first.
fn in_the_middle(surface: &Surface, threads: usize) -> (usize, usize, usize) {
    let pool = pool(threads, 32 << 20);
    let surface = surface.in_pool(&pool).unwrap();
    let records = surface.next_seq();
    let once = |_| {
        let mut cursor = surface.cursor(0).unwrap();
        read(&mut cursor, records / 3);
        let region = Region::new(COUNTED);
        let bytes = read(&mut cursor, records - records / 20);
        let stats = region.change();
        assert!(bytes > 8 * READ_BLOCK_BYTES, "{bytes}");
        (stats.allocations, stats.reallocations, stats.deallocations)
    };
    (0..5).map(once).min().unwrap()
}

#[test]
fn reading_allocates_nothing_once_it_runs_and_never_more_than_its_budget() {
    let dir = tempfile::tempdir().unwrap();
    let small = dir.path().join("small");
    write(&small, 40_000, 1 << 30, |seq| usize::try_from(seq % 257).unwrap());
    let surface = Surface::open(&small).unwrap();
    for threads in [1, 2, 3] {
        assert_eq!(in_the_middle(&surface, threads), (0, 0, 0), "{threads} threads");
    }

    // Windows larger than a block, each of another size: the memory of one does not fit the next.
    let large = dir.path().join("large");
    write(&large, 12_000, SEGMENT_BYTES, |seq| {
        usize::try_from(seq.wrapping_mul(2_654_435_761) % 5000).unwrap()
    });
    let surface = Surface::open(&large).unwrap();
    let size: u64 = surface.segments().map(|info| info.size_bytes).sum();
    for threads in [1, 2, 3] {
        let budget = 4 << 20;
        assert!(size > 6 * budget, "{size}");
        let (peak, live) = peak(&surface, threads, budget);
        assert!(peak <= budget, "{threads} threads: {peak}");
        assert!(live <= budget + (300 << 10), "{threads} threads: {live} bytes at once");
    }
}

/// The most that the pool says it held, and the most that was allocated at any moment looked at.
fn peak(surface: &Surface, threads: usize, budget_bytes: u64) -> (u64, u64) {
    let region = Region::new(COUNTED);
    let pool = pool(threads, budget_bytes);
    let pooled = surface.in_pool(&pool).unwrap();
    let (mut lead, mut trail) = (pooled.cursor(0).unwrap(), pooled.cursor(0).unwrap());
    let mut most = 0;
    let end = surface.next_seq();
    while trail.next_seq() < end {
        let (ahead, behind) = (lead.next_seq(), trail.next_seq());
        read(&mut lead, (ahead + 100).min(end));
        if ahead > 3000 {
            read(&mut trail, (behind + 120).min(end));
        }
        let stats = region.change();
        let live = stats.bytes_allocated.saturating_sub(stats.bytes_deallocated);
        most = most.max(u64::try_from(live).unwrap());
    }
    (pool.peak_bytes(), most)
}
