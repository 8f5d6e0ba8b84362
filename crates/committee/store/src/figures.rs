use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Upper bounds of the first buckets of [`Syncs::buckets`], in microseconds.
pub const SYNC_BOUNDS_US: [u64; 12] =
    [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 200_000, 1_000_000];

const BUCKETS: usize = SYNC_BOUNDS_US.len().saturating_add(1);

/// What the log has done since it was opened, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    syncs: AtomicU64,
    sync_total_ns: AtomicU64,
    sync_max_ns: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
    entries: AtomicU64,
    bytes: AtomicU64,
}

/// How often and how long the log has waited for the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Syncs {
    /// How often.
    pub count: u64,
    /// For how long altogether, in nanoseconds.
    pub total_ns: u64,
    /// The longest wait, in nanoseconds.
    pub max_ns: u64,
    /// How many waits were at most [`SYNC_BOUNDS_US`] long and longer than the bound before; the
    /// last bucket has those above all bounds.
    pub buckets: [u64; BUCKETS],
}

/// A log's figures since it was opened, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// Waits for the disk.
    pub syncs: Syncs,
    /// Entries appended.
    pub entries_appended: u64,
    /// Bytes appended, with their headers.
    pub bytes_appended: u64,
    /// Size of the log's files now, in bytes.
    pub size_bytes: u64,
    /// Entries in the log now.
    pub entries: u64,
}

impl Counters {
    #[allow(clippy::disallowed_methods, reason = "a figure, which decides nothing")]
    pub(crate) fn timed<T>(&self, sync: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = sync();
        self.synced(start.elapsed());
        result
    }

    fn synced(&self, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_total_ns.fetch_add(took_ns, Ordering::Relaxed);
        self.sync_max_ns.fetch_max(took_ns, Ordering::Relaxed);
        let at_least = |bound: &u64| took_ns <= bound.saturating_mul(1_000);
        let bucket = SYNC_BOUNDS_US.iter().position(at_least).unwrap_or(SYNC_BOUNDS_US.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn appended(&self, entries: u64, bytes: u64) {
        self.entries.fetch_add(entries, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, size_bytes: u64, entries: u64) -> StoreFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreFigures {
            syncs: Syncs {
                count: read(&self.syncs),
                total_ns: read(&self.sync_total_ns),
                max_ns: read(&self.sync_max_ns),
                buckets: self.buckets.each_ref().map(read),
            },
            entries_appended: read(&self.entries),
            bytes_appended: read(&self.bytes),
            size_bytes,
            entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_the_bucket_of_its_bound() {
        let counters = Counters::default();
        for us in [1, 50, 51, 2_000_000] {
            counters.synced(Duration::from_micros(us));
        }
        let syncs = counters.read(0, 0).syncs;
        assert_eq!((syncs.count, syncs.max_ns), (4, 2_000_000_000));
        assert_eq!(syncs.total_ns, 2_000_102_000);
        assert_eq!((syncs.buckets[0], syncs.buckets[1], syncs.buckets[12]), (2, 1, 1));
    }
}
