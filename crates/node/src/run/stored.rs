use std::sync::Arc;

use holobiont_committee::{Configs as _, ExportStart};
use holobiont_committee_fold::{Copies, CopyOptions};
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::Roster;
use serde::{Deserialize, Serialize};

use super::certificates::CertificateBook;
use super::configs::ConfigFolder;
use super::loaded::Loaded;
use super::log_archive::LogArchive;
use super::output::Output;
use crate::failure::{Failure, InputPlace};
use crate::files;

/// Largest record of how the committee began, in bytes.
const MAX_FIRST_BYTES: u64 = 64 << 10;

/// What the committee's log begins with.
pub(super) struct First {
    pub(super) organism: Arc<Organism>,
    pub(super) roster: Roster,
}

/// The same as it is kept beside the log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    content_hash: Digest,
    roster: Vec<UniqueId>,
}

/// What is on this node's disk, but for its log.
pub(super) struct Stored {
    pub(super) configs: Arc<ConfigFolder>,
    pub(super) first: First,
    pub(super) copies: Arc<Copies>,
    pub(super) certificates: Arc<CertificateBook>,
    pub(super) log: Arc<LogArchive>,
    pub(super) output: Arc<Output>,
}

impl Stored {
    pub(super) fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let data_dir = loaded.data("");
        std::fs::create_dir_all(&data_dir).map_err(Failure::io(&data_dir, "creating"))?;
        let configs = Arc::new(ConfigFolder::open(&loaded.data("configs"))?);
        configs.take_in(&loaded.organism, &loaded.organism_text)?;
        let first = First::of(loaded, &configs)?;
        let content_hash = first.organism.content_hash();
        let (copies, recoveries) =
            Copies::open(&first.organism, &loaded.data("members"), CopyOptions::default())?;
        for recovery in recoveries {
            tracing::info!(?recovery, "a copy was opened again");
        }
        let start = ExportStart::First { content_hash, roster: first.roster.clone() };
        let surface_id = first.organism.output_surface_id();
        Ok(Self {
            certificates: Arc::new(CertificateBook::open(&loaded.data("certificates"))?),
            log: Arc::new(LogArchive::open(&loaded.data("cuts"), start)?),
            output: Output::new(&loaded.data("output"), surface_id),
            copies: Arc::new(copies),
            configs,
            first,
        })
    }
}

impl First {
    /// What this node's log began with: what was noted then, or what is configured now.
    fn of(loaded: &Loaded, configs: &ConfigFolder) -> Result<Self, Failure> {
        let file = loaded.data("first.json");
        if !file.is_file() {
            let content_hash = loaded.organism.content_hash();
            let roster = loaded.roster.nodes().to_vec();
            let recorded = Recorded { content_hash, roster };
            let text = serde_json::to_vec_pretty(&recorded).map_err(Failure::unexpected)?;
            files::replace(&file, &text)?;
            let organism = Arc::clone(&loaded.organism);
            return Ok(Self { organism, roster: loaded.roster.clone() });
        }
        let wrong = |what: String, help| Failure::Input {
            file: file.clone(),
            place: InputPlace::default(),
            what,
            help,
        };
        let recorded: Recorded =
            serde_json::from_slice(&files::read_bytes(&file, MAX_FIRST_BYTES)?).map_err(
                |error| wrong(error.to_string(), "it says how this node's log began: restore it"),
            )?;
        let Recorded { content_hash, roster } = recorded;
        let organism = configs.organism(&content_hash).ok_or_else(|| {
            let what = format!("names the config {content_hash}, which is not in configs/");
            wrong(what, "put the organism.toml that the committee began with there")
        })?;
        if organism.stable_id() != loaded.organism.stable_id() {
            return Err(wrong(
                format!("is of organism {}, not of {}", organism.name, loaded.organism.name),
                "name another data_dir for another organism",
            ));
        }
        let roster = Roster::new(roster)
            .map_err(|error| wrong(error.to_string(), "restore it from a copy"))?;
        if roster.digest() != loaded.roster.digest() {
            return Err(wrong(
                "has another roster than roster.toml".to_owned(),
                "the first roster stays; later ones come by orders",
            ));
        }
        Ok(Self { organism, roster })
    }
}
