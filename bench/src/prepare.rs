//! The records that are measured on: made anew, or as an earlier run left them.

mod cuts;
mod member;
mod rates;

use std::fs;
use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use serde::{Deserialize, Serialize};

use crate::{BenchError, Settings, Which, Workload};

pub(crate) use member::{Expected, write as write_member};
pub(crate) use rates::reading as rates_reading;

/// Says that a folder is a run's own, and what is in it.
const MARKER: &str = "bench-replay.json";
/// How many members are merged where they do not take turns.
const RAGGED_MEMBERS: u16 = 8;
/// Room that another store may take, in copies of the payloads.
const PEER_COPIES: usize = 3;
/// How many records a cut takes, about.
pub(crate) const CUT_RECORDS: u64 = 10_000;
/// The most that a window may have: two for each of 64 members fit the reader's budget.
const MAX_WINDOW_BYTES: u32 = 512 << 10;

/// A folder with the records of every scenario.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) root: PathBuf,
    pub(crate) kept: Kept,
}

/// What a later run must know of a folder to use it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What the records were made by.
    pub(crate) settings: Settings,
    /// What was found out when the ECB's scenario was made.
    pub(crate) rates: Option<Rates>,
}

/// What replays of the ECB's rates must arrive at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rates {
    /// Over the members' records, as they are folded.
    pub(crate) expected: Expected,
    /// Head of what the organism published, 64 hex digits.
    pub(crate) head: String,
}

/// Members' surfaces, and the log of cuts over them.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) organism: Organism,
    pub(crate) surfaces: PathBuf,
    pub(crate) cuts: PathBuf,
}

impl Set {
    /// Folders of the members' surfaces, in the config's order.
    pub(crate) fn dirs(&self) -> Vec<PathBuf> {
        self.organism.members.iter().map(|member| self.surfaces.join(&member.name)).collect()
    }
}

impl Prepared {
    /// Makes all records that these settings ask for, in a folder that is free or a run's own.
    pub(crate) fn make(
        root: &Path,
        settings: &Settings,
        rates: &str,
        note: &mut dyn FnMut(&str),
    ) -> Result<Self, BenchError> {
        clear(root)?;
        let kept = Kept { settings: settings.clone(), rates: None };
        let mut prepared = Self { root: root.to_owned(), kept };
        // The mark of ownership comes first: a run that ends here may still be made anew.
        prepared.save()?;
        check_room(root, prepared.needed_bytes())?;
        for which in &settings.scenarios {
            note(&format!("{}: making the records ...", which.name()));
            if *which == Which::Ecb {
                prepared.kept.rates = Some(rates::make(&prepared.ecb()?, &prepared.root, rates)?);
                continue;
            }
            for members in prepared.members(*which) {
                member::make(&prepared.set(*which, members)?, &prepared.workload(*which, members))?;
            }
        }
        prepared.save()?;
        Ok(prepared)
    }

    /// What an earlier run kept.
    pub(crate) fn reuse(root: &Path) -> Result<Self, BenchError> {
        let file = root.join(MARKER);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BenchError::NothingKept { dir: root.to_owned() });
            }
            Err(error) => return Err(BenchError::io(&file, "reading")(error)),
        };
        let kept =
            serde_json::from_slice(&bytes).map_err(|source| BenchError::Json { file, source })?;
        Ok(Self { root: root.to_owned(), kept })
    }

    /// The same records, measured as these settings say.
    pub(crate) fn with(mut self, settings: &Settings) -> Self {
        let kept = &mut self.kept.settings;
        kept.threads = settings.threads;
        kept.repeat = settings.repeat;
        kept.only.clone_from(&settings.only);
        kept.large_gib = settings.large_gib;
        self
    }

    fn save(&self) -> Result<(), BenchError> {
        let file = self.root.join(MARKER);
        let text = serde_json::to_vec_pretty(&self.kept)
            .map_err(|source| BenchError::Json { file: file.clone(), source })?;
        fs::write(&file, text).map_err(BenchError::io(&file, "writing"))
    }

    /// Room that the records take at most, other stores' copies of them included.
    fn needed_bytes(&self) -> u64 {
        let settings = &self.kept.settings;
        let copies = crate::peers::all().len().saturating_mul(PEER_COPIES);
        let of = |which: &Which| {
            let mean_bytes = match which {
                Which::Fixed(bytes) => u64::from(*bytes),
                Which::Zipf | Which::Ecb => 256,
            };
            let one = settings.records_of(*which).saturating_mul(mean_bytes.saturating_add(40));
            let is_main = settings.scenarios.first() == Some(which);
            let sets = self.members(*which).len().saturating_add(if is_main { copies } else { 0 });
            one.saturating_mul(u64::try_from(sets).unwrap_or(u64::MAX))
        };
        settings.scenarios.iter().map(of).fold(0, u64::saturating_add)
    }

    /// How many members are merged in a scenario: the first has all merges; `zipf`, whose members do
    /// not take turns, has one; the others have the records of one member.
    pub(crate) fn members(&self, which: Which) -> Vec<u16> {
        let settings = &self.kept.settings;
        let mut all = vec![1];
        if settings.scenarios.first() == Some(&which) {
            all.extend(settings.members.iter().filter(|members| **members > 1));
        } else if which == Which::Zipf {
            all.extend(settings.members.iter().filter(|members| **members == RAGGED_MEMBERS));
        }
        all
    }

    /// The set of a scenario that so many members share.
    pub(crate) fn set(&self, which: Which, members: u16) -> Result<Set, BenchError> {
        let dir = self.root.join(which.name()).join(format!("members-{members}"));
        Ok(Set {
            organism: cuts::organism(self.kept.settings.seed, members)?,
            surfaces: dir.join("surfaces"),
            cuts: dir.join("cuts.log"),
        })
    }

    /// The set of the ECB's rates.
    pub(crate) fn ecb(&self) -> Result<Set, BenchError> {
        let dir = self.root.join(Which::Ecb.name());
        let (surfaces, cuts) = (dir.join("surfaces"), dir.join("cuts.log"));
        Ok(Set { organism: rates::organism()?, surfaces, cuts })
    }

    /// The records of each member of a set.
    pub(crate) fn workload(&self, which: Which, members: u16) -> Vec<Workload> {
        let settings = &self.kept.settings;
        let records = settings.records_of(which).checked_div(u64::from(members)).unwrap_or(0);
        let Some(sizes) = which.sizes() else { return Vec::new() };
        let of = |member| Workload { seed: settings.seed, member, records, sizes };
        (0..members).map(of).collect()
    }
}

/// Removes a folder, if it is a run's own.
pub(crate) fn remove(root: &Path) -> Result<(), BenchError> {
    match root.join(MARKER).is_file() {
        true => fs::remove_dir_all(root).map_err(BenchError::io(root, "removing")),
        false => Ok(()),
    }
}

/// Makes a folder empty, if it is a run's own or was empty.
fn clear(root: &Path) -> Result<(), BenchError> {
    remove(root)?;
    fs::create_dir_all(root).map_err(BenchError::io(root, "creating"))?;
    let mut entries = fs::read_dir(root).map_err(BenchError::io(root, "listing"))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(BenchError::NotOurs { dir: root.to_owned() }),
    }
}

/// Refuses when the folder's file system has no room for so much.
pub(crate) fn check_room(dir: &Path, needed_bytes: u64) -> Result<(), BenchError> {
    let free_bytes = free_bytes(dir)?;
    match free_bytes >= needed_bytes {
        true => Ok(()),
        false => Err(BenchError::NoRoom { dir: dir.to_owned(), free_bytes, needed_bytes }),
    }
}

pub(crate) fn free_bytes(dir: &Path) -> Result<u64, BenchError> {
    let room = rustix::fs::statvfs(dir);
    let room = room.map_err(|error| BenchError::io(dir, "measuring")(error.into()))?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}
