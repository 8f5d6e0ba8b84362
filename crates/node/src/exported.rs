//! A committee's signed log as a file, read and recomputed: what an auditor and a replay do with it.

mod boots;
mod recompute;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use holobiont_committee::{Configs, Effects, ExportReader, ExportStart, Machine, MachineError};
use holobiont_identity::{Digest, Organism};
use holobiont_policy::Roster;

use crate::failure::Failure;

pub(crate) use boots::{Boot, Boots};
pub(crate) use recompute::{Recomputed, made, recompute};

/// What an export begins with.
const MAGIC: &[u8; 4] = b"HBCL";
/// The version that a committee's node writes.
const SIGNED_VERSION: u32 = 2;

/// Whether this log is a committee's, with signatures, and not a replay's.
pub(crate) fn is_signed(file: &Path) -> Result<bool, Failure> {
    let mut begins = Vec::new();
    let opened = File::open(file).map_err(Failure::io(file, "opening"))?;
    opened.take(8).read_to_end(&mut begins).map_err(Failure::io(file, "reading"))?;
    let version = begins.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk::<4>());
    Ok(version.is_some_and(|version| u32::from_le_bytes(*version) == SIGNED_VERSION))
}

/// Configs that somebody has who trusts nobody: each is what its hash says.
pub(crate) struct HeldConfigs {
    first: Digest,
    held: BTreeMap<Digest, Arc<Organism>>,
}

impl HeldConfigs {
    /// The config that the committee began with.
    pub(crate) fn of(organism: Organism) -> Self {
        let first = organism.content_hash();
        Self { first, held: BTreeMap::from([(first, Arc::new(organism))]) }
    }

    pub(crate) fn add(&mut self, organism: Organism) {
        self.held.insert(organism.content_hash(), Arc::new(organism));
    }
}

/// Those that are held, and those that the export brings along.
struct Both<'a>(&'a HeldConfigs, &'a dyn Configs);

impl Configs for Both<'_> {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        self.0.held.get(content_hash).cloned().or_else(|| self.1.organism(content_hash))
    }
}

/// An export being read: every entry's signature and keys are checked by the committee's own state
/// machine.
pub(crate) struct Exported {
    reader: ExportReader<BufReader<File>>,
    configs: HeldConfigs,
    machine: Machine,
    boots: Boots,
}

impl Exported {
    /// Opens an export that begins with the config and the roster that are known from elsewhere. The
    /// roster may be left out where the config names the first one.
    pub(crate) fn open(
        file: &Path,
        configs: HeldConfigs,
        roster: Option<&Roster>,
    ) -> Result<Self, Failure> {
        let reader = ExportReader::open(file)?;
        let (content_hash, first) = match reader.start() {
            ExportStart::First { content_hash, roster } => (*content_hash, roster.clone()),
            ExportStart::Snapshot { log_index, .. } => {
                return Err(Failure::Usage {
                    what: format!(
                        "{} begins at a snapshot, after log entry {log_index}: what came before it \
                         cannot be recomputed",
                        file.display()
                    ),
                    help: "ask another node, one that was there from the beginning",
                });
            }
        };
        let organism = configs.held.get(&configs.first);
        let Some(organism) = organism.filter(|_| content_hash == configs.first) else {
            return Err(Failure::Differs {
                what: format!(
                    "{} begins with the config {content_hash}, given is {}: name the config that \
                     the committee began with",
                    file.display(),
                    configs.first
                ),
            });
        };
        let expected = roster.map(Roster::digest).or(organism.acl.first_roster);
        match expected {
            Some(expected) if expected != first.digest() => {
                return Err(Failure::Differs {
                    what: format!(
                        "{} begins with the roster {}, expected is {expected}",
                        file.display(),
                        first.digest()
                    ),
                });
            }
            Some(_) => {}
            None => {
                return Err(Failure::Usage {
                    what: "organism.toml names no `first_roster`".to_owned(),
                    help: "name the committee's first roster with --roster",
                });
            }
        }
        Self::begin(reader, configs)
    }

    /// The same for somebody who takes the log's word for the roster.
    pub(crate) fn trusting(file: &Path, organism: &Organism) -> Result<Self, Failure> {
        let reader = ExportReader::open(file)?;
        let roster = match reader.start() {
            ExportStart::First { roster, .. } => Some(roster.clone()),
            ExportStart::Snapshot { .. } => None,
        };
        drop(reader);
        Self::open(file, HeldConfigs::of(organism.clone()), roster.as_ref())
    }

    fn begin(reader: ExportReader<BufReader<File>>, configs: HeldConfigs) -> Result<Self, Failure> {
        let machine = reader.machine(&Both(&configs, reader.configs()))?;
        Ok(Self { reader, configs, machine, boots: Boots::default() })
    }

    /// The committee's state as of the last entry.
    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The boots whose keys it has admitted so far.
    pub(crate) fn into_boots(self) -> Boots {
        self.boots
    }

    /// The next entry's index, and what it did; none at the end, and only then the export is whole.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Effects)>, Failure> {
        let Some((index, payload)) = self.reader.entry()? else { return Ok(None) };
        let configs = Both(&self.configs, self.reader.configs());
        match self.machine.apply(index, &payload, &configs) {
            Ok(effects) => {
                self.boots.note(index, &payload, &effects, &self.machine)?;
                Ok(Some((index, effects)))
            }
            Err(MachineError::ConfigMissing { content_hash }) => Err(Failure::NotReady {
                what: format!(
                    "the committee took up the config {content_hash} at log entry {index}: name \
                     its file with --config"
                ),
            }),
            Err(error) => Err(error.into()),
        }
    }
}
