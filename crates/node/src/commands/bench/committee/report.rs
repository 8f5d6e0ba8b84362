use holobiont_bench::Machine;
use serde::Serialize;

use super::settings::Settings;

/// Bytes of replicated log per 1,000 records that are wanted at full speed.
const MOST_LOG_BYTES: f64 = 200.0;
/// How much longer than a replay alone catching up may take.
const MOST_CATCH_UP: f64 = 1.5;
/// Election timeouts without a certificate after the leader's death.
const MOST_TIMEOUTS: f64 = 3.0;

/// What a run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) profile: &'static str,
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    pub(super) floors: Floors,
    pub(super) paced: Option<Paced>,
    pub(super) flat: Option<Flat>,
    pub(super) down: Option<Down>,
    pub(super) kills: Option<Kills>,
    pub(super) limits: Vec<Limit>,
    /// What makes the figures invalid.
    pub(super) wrong: Vec<String>,
    pub(super) took_s: f64,
}

/// What the machine takes for what a commit cannot do without.
#[derive(Debug, Default, Serialize)]
pub(super) struct Floors {
    /// A write of 4 KiB at a file's end, and its fsync, where the nodes' data is.
    pub(super) fsync_ms: Spread,
    /// Some bytes there and back over one attested connection of this machine.
    pub(super) attested_round_trip_ms: Spread,
}

/// Median, 99th percentile and worst.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Spread {
    pub(super) count: usize,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) most: f64,
}

/// Records at a steady pace.
#[derive(Debug, Serialize)]
pub(super) struct Paced {
    pub(super) seconds: f64,
    pub(super) records: u64,
    pub(super) clocks_per_s: f64,
    pub(super) cuts_per_s: f64,
    /// Records of the organism's own surface under a certificate: its commits.
    pub(super) commits_per_s: f64,
    /// From before the append at the member until a node says that the record is certified.
    pub(super) latency_ms: Spread,
    /// Of that, the member's own append and sync.
    pub(super) member_sync_ms: Spread,
    /// Time between two answers of the node that is asked: a latency is at most so much too long.
    pub(super) resolution_ms: Spread,
    pub(super) log: LogFigures,
    pub(super) processors: Processors,
}

/// The replicated log while something was measured, at one node.
#[derive(Debug, Serialize)]
pub(super) struct LogFigures {
    pub(super) entries: f64,
    pub(super) bytes: f64,
    pub(super) bytes_per_1000_records: f64,
    pub(super) fsyncs: f64,
    pub(super) fsync_mean_ms: f64,
}

/// Who had the processors while something was measured.
#[derive(Debug, Serialize)]
pub(super) struct Processors {
    /// Seconds that each node had.
    pub(super) nodes_cpu_s: Vec<f64>,
    /// Seconds that the members had, and whoever measures.
    pub(super) members_cpu_s: f64,
    /// Part of all cores that was busy with it.
    pub(super) busy: f64,
}

/// Records as fast as they get certified.
#[derive(Debug, Serialize)]
pub(super) struct Flat {
    pub(super) seconds: f64,
    pub(super) records: u64,
    pub(super) records_per_s: f64,
    pub(super) cuts_per_s: f64,
    /// Part of the time in which members waited for certificates: where it is none, they are what
    /// limits the committee.
    pub(super) members_waited: f64,
    pub(super) commits_per_s: f64,
    pub(super) log: LogFigures,
    pub(super) processors: Processors,
    /// A replay of all of this network's records.
    pub(super) alone: Alone,
    /// The committee's speed, as a part of that replay's.
    pub(super) of_alone: f64,
}

/// A replay by one process, heads checked, of records in memory.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Alone {
    pub(super) records: u64,
    /// The median of all repetitions.
    pub(super) seconds: f64,
    pub(super) records_per_s: f64,
    /// The same with the surfaces' files out of the page cache, once; none where they stay in it.
    pub(super) cold_seconds: Option<f64>,
}

/// A node that was away.
#[derive(Debug, Serialize)]
pub(super) struct Down {
    pub(super) records: u64,
    /// From its start until it has folded, and seen certified, what the others have.
    pub(super) caught_up_s: f64,
    /// From its start until it first answers.
    pub(super) answers_s: f64,
    /// Records: until its copies hold all of them, durably.
    pub(super) fetched_s: f64,
    /// The log: until entries come, and until all are there.
    pub(super) log_s: (f64, f64),
    /// The fold: until it goes on from where it was, and until everything is folded.
    pub(super) fold_s: (f64, f64),
    /// Processor time that it had meanwhile, in seconds.
    pub(super) cpu_s: f64,
    pub(super) alone: Alone,
    pub(super) of_alone: f64,
    /// The same from the first answer on, without its start.
    pub(super) of_alone_once_it_answers: f64,
}

/// A leader that is killed.
#[derive(Debug, Serialize)]
pub(super) struct Kills {
    pub(super) kills: u32,
    /// The longest time without a new certificate, of each kill.
    pub(super) without_certificates_ms: Spread,
    /// From a kill until another node is known to lead.
    pub(super) without_leader_ms: Spread,
    /// A follower's timeout is between these two.
    pub(super) election_timeout_ms: (u64, u64),
}

/// What was wanted, and whether it was found.
#[derive(Debug, Serialize)]
pub(super) struct Limit {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) found: f64,
    pub(super) at_most: f64,
    /// None for a quick run, which judges nothing.
    pub(super) holds: Option<bool>,
}

impl Report {
    pub(super) fn new(machine: Machine, settings: Settings) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            machine,
            settings,
            floors: Floors::default(),
            paced: None,
            flat: None,
            down: None,
            kills: None,
            limits: Vec::new(),
            wrong: Vec::new(),
            took_s: 0.0,
        }
    }

    /// Holds what was found against what is wanted.
    pub(super) fn judge(&mut self) {
        let quick = self.settings.quick;
        let limit = |title, unit, found: f64, at_most: f64| Limit {
            title,
            unit,
            found,
            at_most,
            holds: (!quick).then_some(found <= at_most),
        };
        let log = self.flat.as_ref().map(|flat| {
            let found = flat.log.bytes_per_1000_records;
            limit("replicated log at full speed", "bytes per 1,000 records", found, MOST_LOG_BYTES)
        });
        let down = self.down.as_ref().map(|down| {
            let title = "a node that was down, until it is caught up";
            limit(title, "times the replay alone", down.of_alone, MOST_CATCH_UP)
        });
        let kills = self.kills.as_ref().map(|kills| {
            let title = "without certificates after the leader's death, p99";
            let timeout_ms = float(kills.election_timeout_ms.1);
            let found = kills.without_certificates_ms.p99 / timeout_ms;
            limit(title, "times the longest election timeout", found, MOST_TIMEOUTS)
        });
        self.limits = [log, down, kills].into_iter().flatten().collect();
    }
}

impl Spread {
    pub(super) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let count = values.len();
        let at = |percent: usize| {
            let rank = count.saturating_mul(percent).div_ceil(100).saturating_sub(1);
            values.get(rank).copied().unwrap_or(0.0)
        };
        Self { count, p50: at(50), p99: at(99), most: at(100) }
    }
}

/// The figures' numbers are far below where this would round.
#[expect(clippy::cast_precision_loss)]
pub(super) const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_spread_names_values_that_there_were() {
        let spread = Spread::of((1..=200).rev().map(f64::from).collect());
        assert_eq!((spread.count, spread.p50, spread.p99, spread.most), (200, 100.0, 198.0, 200.0));
        let few = Spread::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((few.p50, few.p99, few.most), (2.0, 3.0, 3.0));
        assert_eq!(Spread::of(Vec::new()).most, 0.0);
    }
}
