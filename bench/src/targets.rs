//! What must hold, in one place: ratios within one run, on two cores or more.

/// The scenario that most targets are set for.
const MAIN: &str = "fixed-256";

/// The most memory that reading may take besides its budget, in MiB.
pub(crate) const MEMORY_BESIDES_BUDGET_MIB: u64 = 32;
/// How long opening a sealed log and handing out its last record may take, in milliseconds.
pub(crate) const OPEN_MS: f64 = 20.0;

/// Scenario, row, the row that it is held against, and at least what ratio of their speeds.
const RATIOS: [(&str, &str, &str, f64); 16] = [
    (MAIN, "scan-1-core", "fetch-hash-1-core", 0.90),
    ("fixed-64", "scan-1-core", "fetch-hash-1-core", 0.80),
    ("fixed-1024", "scan-1-core", "fetch-hash-1-core", 0.93),
    (MAIN, "scan-all-cores", "scan-1-core", 1.8),
    (MAIN, "merge-8-1-core", "scan-1-core", 0.85),
    (MAIN, "merge-8-all-cores", "scan-all-cores", 0.85),
    (MAIN, "merge-64-1-core", "scan-1-core", 0.70),
    (MAIN, "merge-64-all-cores", "scan-all-cores", 0.70),
    (MAIN, "replay-all-cores", "commitlog", 1.2),
    (MAIN, "replay-all-cores", "raft-engine", 2.0),
    (MAIN, "replay-all-cores", "redb", 5.0),
    (MAIN, "replay-all-cores", "fjall", 5.0),
    (MAIN, "replay-all-cores", "hand-written", 8.0),
    (MAIN, "scan-none", "mapped-casts", 0.6),
    (MAIN, "scan-none-mapped", "mapped-casts", 0.6),
    (MAIN, "cold-scan-all-cores", "direct", 0.9),
];

/// What a row's speed against another's should at least be.
pub(crate) fn at_least(scenario: &str, row: &str, against: &str) -> Option<f64> {
    let target = RATIOS.iter().find(|it| (it.0, it.1, it.2) == (scenario, row, against));
    target.map(|(.., at_least)| *at_least)
}
