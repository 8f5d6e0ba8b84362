use std::time::Instant;

use super::network::{Metrics, Network};
use super::process::cpu_s;
use super::progress::Progress;
use super::report::{LogFigures, Processors, float};
use crate::failure::Failure;

/// How far everything was at one time.
pub(super) struct Mark {
    pub(super) at: Instant,
    /// The clock event up to which everything was certified, and the newest certified cut.
    pub(super) certified: u64,
    pub(super) cut: u64,
    /// Certified records of the organism's own surface.
    pub(super) published: u64,
    nodes_cpu_s: Vec<f64>,
    own_cpu_s: f64,
    metrics: Metrics,
}

/// What happened between two of them.
pub(super) struct Between {
    pub(super) seconds: f64,
    pub(super) clocks: u64,
    pub(super) cuts_per_s: f64,
    pub(super) commits_per_s: f64,
    pub(super) processors: Processors,
    log: [f64; 4],
}

impl Mark {
    /// As the node at this place sees it.
    pub(super) async fn now(
        network: &Network,
        progress: &Progress,
        place: usize,
    ) -> Result<Self, Failure> {
        let (at, latest) = (Instant::now(), progress.latest());
        let certified = latest.seen.told.as_ref().and_then(|told| told.certified.as_ref());
        Ok(Self {
            at,
            certified: latest.certified,
            cut: certified.map_or(0, |it| it.cut),
            published: certified
                .and_then(|it| it.output)
                .map_or(0, |head| head.seq.saturating_add(1)),
            nodes_cpu_s: network.cpu_s(),
            own_cpu_s: cpu_s(std::process::id()).unwrap_or(0.0),
            metrics: network.metrics(place).await?,
        })
    }

    /// From this one to a later one.
    pub(super) fn to(&self, later: &Self) -> Between {
        let seconds = later.at.duration_since(self.at).as_secs_f64();
        let a_second = |from: u64, to: u64| float(to.saturating_sub(from)) / seconds;
        let nodes = self.nodes_cpu_s.iter().zip(&later.nodes_cpu_s);
        let nodes_cpu_s: Vec<f64> = nodes.map(|(from, to)| to - from).collect();
        let members_cpu_s = later.own_cpu_s - self.own_cpu_s;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = float(u64::try_from(cores).unwrap_or(u64::MAX));
        let busy = (nodes_cpu_s.iter().sum::<f64>() + members_cpu_s) / seconds / cores;
        let grown = |name: &str| {
            let name = format!("holobiont_log_{name}");
            later.metrics.get(&name) - self.metrics.get(&name)
        };
        Between {
            seconds,
            clocks: later.certified.saturating_sub(self.certified),
            cuts_per_s: a_second(self.cut, later.cut),
            commits_per_s: a_second(self.published, later.published),
            processors: Processors { nodes_cpu_s, members_cpu_s, busy },
            log: [
                grown("appended_entries_total"),
                grown("appended_bytes_total"),
                grown("fsync_seconds_count"),
                grown("fsync_seconds_sum"),
            ],
        }
    }
}

impl Between {
    /// The log's part in so many certified records.
    pub(super) fn log(&self, records: u64) -> LogFigures {
        let [entries, bytes, fsyncs, fsync_s] = self.log;
        LogFigures {
            entries,
            bytes,
            bytes_per_1000_records: bytes / (float(records) / 1_000.0).max(1.0),
            fsyncs,
            fsync_mean_ms: fsync_s * 1_000.0 / fsyncs.max(1.0),
        }
    }
}
