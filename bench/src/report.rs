use serde::{Deserialize, Serialize};

use crate::{Machine, Settings, Sum};

/// What a run of the benchmark found: what the table prints, and `replay.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this project.
    pub version: String,
    /// Day and time of the run, UTC, as `YYYY-MM-DDThh:mm:ssZ`.
    pub started: String,
    /// How long the whole run took, data made included, in seconds.
    pub took_s: f64,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked for.
    pub settings: Settings,
    /// No reader arrived at anything but what it had to.
    pub valid: bool,
    /// One for each set of records.
    pub scenarios: Vec<Scenario>,
    /// Limits on memory and on time to open, by name.
    pub limits: Vec<Limit>,
    /// What a reader of the figures should know, in whole sentences.
    pub notes: Vec<String>,
}

/// One set of records, and all that were measured on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, such as `fixed-256`.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// What every reader of one member's records must arrive at.
    pub sum: Sum,
    /// Head of what the organism published, where the scenario has one: 64 hex digits.
    pub head: Option<String>,
    /// Size of the records as stored, headers and padding included, in bytes.
    pub stored_bytes: u64,
    /// In the order they were measured in.
    pub rows: Vec<Row>,
}

/// Whose figures a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What the machine can do at all.
    Floor,
    /// This project.
    Ours,
    /// Another store.
    Peer,
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name within the scenario, the same in every run: `scan-1-core`.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Whose figures these are.
    pub kind: Kind,
    /// What is checked while reading, in a few words.
    pub checks: String,
    /// Records that it went through in a run.
    pub records: u64,
    /// Bytes that it went through in a run: as stored, but payloads alone for a peer.
    pub bytes: u64,
    /// Time of a run, in seconds.
    pub seconds: Spread,
    /// Time that processors spent on a run, over all threads, in seconds.
    pub cpu_seconds: Spread,
    /// Records a second.
    pub records_per_s: Spread,
    /// Gigabytes (10^9 bytes) a second.
    pub gb_per_s: Spread,
    /// Its speed against others' in the same rounds; the first is to its floor.
    pub ratios: Vec<Ratio>,
    /// Most memory that a process held which did nothing else, in bytes, files mapped included;
    /// none where it was not measured.
    pub peak_bytes: Option<u64>,
    /// What it arrived at.
    pub outcome: Outcome,
    /// What else there is to say, empty if nothing.
    pub note: String,
}

/// What a row arrived at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "is", content = "why")]
pub enum Outcome {
    /// What it had to arrive at.
    Valid,
    /// Something else: it has not read these records, however fast it was.
    Invalid(String),
    /// It cannot be measured here.
    Skipped(String),
}

/// Median, least and most of several runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

/// A row's speed divided by another's, in records a second, round by round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Name of the other row, in the same scenario.
    pub against: String,
    /// Over the rounds.
    pub ratio: Spread,
    /// What the median should at least be, where a target is set.
    pub at_least: Option<f64>,
    /// Whether it is; none where no target is set, or the run is too short to say.
    pub holds: Option<bool>,
}

/// A bound on something other than speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name: `memory`, `open`.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// `MiB` or `ms`.
    pub unit: String,
    /// What was found.
    pub found: f64,
    /// What it may be at most.
    pub at_most: f64,
    /// Whether it holds.
    pub holds: bool,
}

impl Report {
    /// Rows that are not valid, as `scenario/row` and why.
    pub fn invalid(&self) -> impl Iterator<Item = (String, &str)> {
        self.scenarios.iter().flat_map(|scenario| {
            scenario.rows.iter().filter_map(move |row| match &row.outcome {
                Outcome::Invalid(why) => Some((format!("{}/{}", scenario.name, row.name), &**why)),
                Outcome::Valid | Outcome::Skipped(_) => None,
            })
        })
    }
}

impl Row {
    /// Whether its memory can be told: it is a reader, and has read.
    pub(crate) fn has_process(&self) -> bool {
        self.kind != Kind::Floor && self.outcome == Outcome::Valid
    }
}

impl Spread {
    /// Of these figures; zeros where there are none.
    #[must_use]
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or_default();
        let last = figures.len().saturating_sub(1);
        let median = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
        Self { median, least: at(0), most: at(last) }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_middle_is_between_the_two_middle_ones() {
        let of = |figures: &[f64]| Spread::of(figures.iter().copied());
        assert_eq!(of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, most: 3.0 });
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(of(&[]), Spread::default());
    }
}
