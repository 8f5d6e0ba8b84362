//! Which rows a scenario has, and what each of them does.

mod floors;
mod ours;
mod peers;

use std::path::PathBuf;

use crate::contender::{Contender, Run, Seen};
use crate::layout::Layout;
use crate::peers::Peer;
use crate::prepare::{Expected, Prepared, Set};
use crate::report::Kind;
use crate::{BenchError, Which};

pub(crate) use peers::row_name as peer_row_name;

/// The sets of records of one scenario, and what to arrive at on each.
pub(crate) struct Sets {
    pub(crate) which: Which,
    /// The first is the one that is scanned; the others are merged only.
    pub(crate) sets: Vec<(Set, Expected)>,
    threads: usize,
    /// Whether this is the scenario that everything is measured on.
    is_main: bool,
    /// Where a fold may write what it publishes.
    scratch: PathBuf,
    /// Head of what the organism publishes, where there is one.
    pub(crate) head: Option<String>,
}

impl Sets {
    /// The sets of a scenario, as they were made.
    pub(crate) fn of(
        prepared: &Prepared,
        which: Which,
        threads: usize,
    ) -> Result<Self, BenchError> {
        let rates = prepared.kept.rates.as_ref().filter(|_| which == Which::Ecb);
        let sets = match rates {
            Some(rates) => vec![(prepared.ecb()?, rates.expected)],
            None => {
                let set = |members| -> Result<_, BenchError> {
                    let expected = Expected::of(&prepared.workload(which, members));
                    Ok((prepared.set(which, members)?, expected))
                };
                prepared.members(which).into_iter().map(set).collect::<Result<_, _>>()?
            }
        };
        Ok(Self {
            which,
            sets,
            threads,
            is_main: prepared.kept.settings.scenarios.first() == Some(&which),
            scratch: prepared.root.join(which.name()).join("scratch"),
            head: rates.map(|rates| rates.head.clone()),
        })
    }

    /// The set that is scanned.
    pub(crate) fn main(&self) -> Option<&(Set, Expected)> {
        self.sets.first()
    }

    /// Everything that can be measured here but the floors.
    pub(crate) fn readers<'a>(
        &'a self,
        peers: &'a [(Box<dyn Peer>, PathBuf, Option<String>)],
    ) -> Vec<Contender<'a>> {
        let Some((set, expected)) = self.main() else { return Vec::new() };
        let mut rows = match self.which {
            Which::Ecb => ours::ecb(self, set, *expected),
            Which::Fixed(_) | Which::Zipf => ours::seeded(self, set, *expected),
        };
        rows.extend(peers::rows(peers, *expected));
        rows
    }

    /// What the machine can do with the same bytes.
    pub(crate) fn floors<'a>(&'a self, layout: &'a Layout) -> Vec<Contender<'a>> {
        match self.main() {
            Some((_, expected)) => floors::rows(self, layout, *expected),
            None => Vec::new(),
        }
    }

    /// One core, and all of them where there are more: the name's end, words, and the number.
    fn cores(&self) -> impl Iterator<Item = (&'static str, String, usize)> {
        let all = (self.threads > 1).then(|| ("all-cores", format!("{} cores", self.threads)));
        let all = all.map(|(name, words)| (name, words, self.threads));
        std::iter::once(("1-core", "1 core".to_owned(), 1)).chain(all)
    }
}

/// `fetch-hash` on as many cores as this row has.
fn fetch_hash(cores: &str) -> &'static str {
    if cores == "1-core" { "fetch-hash-1-core" } else { "fetch-hash-all-cores" }
}

/// A row of ours that reads all records of a set.
fn ours<'a>(
    name: impl Into<String>,
    title: impl Into<String>,
    expected: Expected,
    run: Run<'a>,
) -> Contender<'a> {
    Contender {
        name: name.into(),
        title: title.into(),
        kind: Kind::Ours,
        checks: "blake3 of every window".to_owned(),
        records: expected.sum.records,
        bytes: expected.stored_bytes,
        against: Vec::new(),
        expected: Seen::Sum(expected.sum),
        before: None,
        after: None,
        run,
    }
}
