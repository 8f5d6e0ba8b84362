use std::fmt;
use std::path::Path;

use holobiont_bench::Machine;
use holobiont_bench::report::{Kind, Spread};
use serde::Serialize;

/// What a run found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    machine: Machine,
    rounds: u16,
    rows: Vec<Row>,
    /// What a reader of the figures should know, in whole sentences.
    notes: Vec<String>,
}

/// One thing that was timed.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) kind: Kind,
    /// How many signatures it checks, each time.
    pub(crate) signatures: u32,
    /// A call's time, over the rounds' medians.
    pub(crate) microseconds: Spread,
    /// Its time over that of so many floors of the same round; none without signatures.
    pub(crate) ratio: Option<Spread>,
    /// The least time over that of so many floors at their best: what noise hides.
    pub(crate) best: Option<f64>,
    pub(crate) at_most: Option<Bound>,
    /// Whether the median is at most that; none where no target is set.
    pub(crate) holds: Option<bool>,
}

/// A target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// For the ratio.
    Ratio(f64),
    /// For the time.
    Microseconds(f64),
}

impl Report {
    pub(crate) fn new(rounds: u16, rows: Vec<Row>, notes: Vec<String>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { version, machine: Machine::here(Path::new(".")), rounds, rows, notes }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<26} {:>8} {:>17} {:>5} {:>7} {:>13} {:>6} {:>7}  what",
            "row", "µs", "least-most", "sigs", "× floor", "least-most", "best", "target"
        )?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        let Machine { cpu, cores, kernel, .. } = &self.machine;
        writeln!(f, "{} rounds in turn, medians; {cpu}, {cores} cores, {kernel}", self.rounds)?;
        writeln!(f, "× floor: time over that of as many bare signature checks, round by round")?;
        writeln!(
            f,
            "best: the least time over as many floors' least; targets are for the medians"
        )?;
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |it: Spread| format!("{:.2}-{:.2}", it.least, it.most);
        let signatures = self.ratio.map_or_else(String::new, |_| self.signatures.to_string());
        let ratio = self.ratio.map_or_else(String::new, |it| format!("{:.2}", it.median));
        let best = self.best.map_or_else(String::new, |best| format!("{best:.2}"));
        let target = match self.at_most {
            Some(Bound::Ratio(at_most)) => format!("≤ {at_most}"),
            Some(Bound::Microseconds(at_most)) => format!("≤ {at_most} µs"),
            None => String::new(),
        };
        let missed = if self.holds == Some(false) { " MISSED" } else { "" };
        write!(
            f,
            "{:<26} {:>8.2} {:>17} {signatures:>5} {ratio:>7} {:>13} {best:>6} {target:>7}{missed}  {}",
            self.name,
            self.microseconds.median,
            range(self.microseconds),
            self.ratio.map(range).unwrap_or_default(),
            self.title,
        )
    }
}
