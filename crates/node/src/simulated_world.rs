//! A fake Intel for several processes: a folder that all of them read. It proves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_attestation::{Collateral, PckCa, QuoteProvider, TrustRoot as _};
use holobiont_enclave_simulated::{
    QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel, SimulatedPlatform, SimulatedRoot,
};
use holobiont_identity::UniqueId;
use holobiont_identity::pins::{COMMITTEE_SURFACE, to_toml};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, InputPlace};
use crate::files;

/// The one file of a world's folder.
const FILE: &str = "simulated-world.json";
const SCHEMA: &str = "holobiont.simulated-world/v1";
/// The most guests of a world.
pub(crate) const MAX_GUESTS: usize = 1_000;
/// A thousand machines of some kilobytes each, and the collateral.
const MAX_WORLD_BYTES: u64 = 16 << 20;
const COMMAND_LINE: &str = "ro quiet";

/// Some guests, each on a machine of its own, under one fake Intel. Those of the committee were
/// started from one image, and each member's producer from another.
///
/// **Whoever can read its folder has all of its private keys**, which are good for nothing else.
pub(crate) struct SimulatedWorld {
    file: PathBuf,
    root: SimulatedRoot,
    collateral: Arc<Collateral>,
    guests: Vec<Entry>,
}

/// One guest, and what its peers check it against.
pub(crate) struct WorldGuest {
    pub(crate) provider: Arc<dyn QuoteProvider>,
    pub(crate) root: SimulatedRoot,
    pub(crate) collateral: Arc<Collateral>,
}

struct Entry {
    name: String,
    /// The surface whose pins accept it.
    surface: String,
    guest: SimulatedGuest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    warning: String,
    #[serde(with = "hex::serde")]
    root: Vec<u8>,
    collateral: String,
    guests: Vec<SavedGuest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedGuest {
    name: String,
    surface: String,
    platform: String,
}

impl SimulatedWorld {
    /// Makes one around `now_s` (unix seconds) and writes it to `dir`: for a committee of nodes of
    /// these names, and for the producers of these members.
    pub(crate) fn create(
        dir: &Path,
        nodes: &[String],
        members: &[String],
        now_s: u64,
    ) -> Result<Self, Failure> {
        let intel = SimulatedIntel::new(now_s).map_err(Failure::unexpected)?;
        let of_committee = nodes.iter().map(|name| (name, COMMITTEE_SURFACE));
        let of_members = members.iter().map(|name| (name, name.as_str()));
        let mut guests = Vec::new();
        for ((name, surface), index) in of_committee.chain(of_members).zip(0..) {
            let platform = intel.platform(index, PckCa::Platform).map_err(Failure::unexpected)?;
            let (name, surface) = (name.clone(), surface.to_owned());
            guests.push(Entry { guest: guest(platform, &surface), name, surface });
        }
        let collateral = intel.collateral(PckCa::Platform).map_err(Failure::unexpected)?;
        let document = Document {
            schema: SCHEMA.to_owned(),
            warning: "a SIMULATION, private keys and all: it proves nothing, to nobody".to_owned(),
            root: intel.root().certificate_der().to_vec(),
            collateral: collateral.to_json(),
            guests: guests.iter().map(Entry::saved).collect(),
        };
        let text = serde_json::to_vec_pretty(&document).map_err(Failure::unexpected)?;
        fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
        let file = dir.join(FILE);
        files::replace(&file, &text)?;
        Ok(Self { file, root: intel.root(), collateral: Arc::new(collateral), guests })
    }

    /// Reads the one of this folder.
    pub(crate) fn load(dir: &Path) -> Result<Self, Failure> {
        let file = dir.join(FILE);
        let bytes = files::read_bytes(&file, MAX_WORLD_BYTES)?;
        let document: Document = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(&file, format!("is no simulated world: {error}")))?;
        if document.schema != SCHEMA || document.guests.len() > MAX_GUESTS {
            return Err(wrong(&file, format!("is no {SCHEMA} of at most {MAX_GUESTS} guests")));
        }
        let collateral = Collateral::from_json(&document.collateral)
            .map_err(|error| wrong(&file, format!("has no collateral: {error}")))?;
        let guests = document.guests.into_iter().map(|saved| {
            let platform = SimulatedPlatform::from_json(&saved.platform)
                .map_err(|error| wrong(&file, error.to_string()))?;
            let guest = guest(platform, &saved.surface);
            Ok(Entry { name: saved.name, surface: saved.surface, guest })
        });
        let guests = guests.collect::<Result<_, Failure>>()?;
        let root = SimulatedRoot::from_der(&document.root);
        Ok(Self { root, collateral: Arc::new(collateral), guests, file })
    }

    /// The guest of this name, or the one whose name hashes to this id (64 hex digits).
    pub(crate) fn guest(&self, name: &str) -> Result<WorldGuest, Failure> {
        let named = UniqueId::from_name(name);
        let found = self.guests.iter().find(|entry| UniqueId::from_name(&entry.name) == named);
        let entry =
            found.ok_or_else(|| wrong(&self.file, format!("has no guest for {name:?} in it")))?;
        Ok(WorldGuest {
            provider: Arc::new(entry.guest.clone()),
            root: self.root.clone(),
            collateral: Arc::clone(&self.collateral),
        })
    }

    /// What quotes of its guests are checked against.
    pub(crate) fn trust(self) -> (SimulatedRoot, Arc<Collateral>) {
        (self.root, self.collateral)
    }

    /// The `[[surface]]` tables of an `organism.toml` that accept exactly these guests' images.
    pub(crate) fn organism_pins(&self) -> String {
        let nodes = self.guests.iter().filter(|it| it.surface == COMMITTEE_SURFACE).count();
        let mut text = String::new();
        let mut told: Vec<&str> = Vec::new();
        for Entry { surface, guest, .. } in &self.guests {
            if told.contains(&surface.as_str()) {
                continue;
            }
            told.push(surface);
            let name = toml::Value::from(surface.as_str());
            text.push_str(&format!("\n[[surface]]\nname = {name}\n"));
            if surface == COMMITTEE_SURFACE {
                text.push_str(&format!("min_distinct_platforms = {nodes}\n"));
            }
            let pin = guest.image().pin(format!("simulated-{surface}"));
            text.push_str(&format!("\n{}", to_toml(&[pin])));
        }
        text
    }
}

impl Entry {
    fn saved(&self) -> SavedGuest {
        SavedGuest {
            name: self.name.clone(),
            surface: self.surface.clone(),
            platform: self.guest.platform().to_json(),
        }
    }
}

/// A guest of the image that those on this surface are started from.
fn guest(platform: SimulatedPlatform, surface: &str) -> SimulatedGuest {
    let image = SimulatedImage::new(&format!("holobiont simulated {surface}"), COMMAND_LINE);
    SimulatedGuest::new(platform, image, QuoteForm::V5Td15)
}

fn wrong(file: &Path, what: String) -> Failure {
    Failure::Input {
        file: file.to_owned(),
        place: InputPlace::default(),
        what,
        help: "make it anew with `holobiont dev --nodes 3 --write-only`",
    }
}

#[cfg(test)]
mod tests {
    use holobiont_attestation::{Ask, Binding, Evidence, InspectBinding, Marks, Verifier};
    use holobiont_identity::Organism;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn admitted(world: &SimulatedWorld, organism: &Organism, name: &str, surface: &str) -> bool {
        let guest = world.guest(name).unwrap();
        let binding = Binding::Inspect(InspectBinding { simulated: true, challenge: [7; 32] });
        let evidence = Evidence {
            quote: guest.provider.quote(&binding.report_data()).unwrap(),
            event_log: guest.provider.event_log().unwrap(),
            batch: None,
        };
        let ask = Ask {
            now_s: NOW_S,
            pins: organism.pins(surface),
            binding: Some(&binding),
            collateral: Some(&guest.collateral),
            marks: &Marks::default(),
            quote_made_s: None,
        };
        Verifier::with_root(guest.root).verify(&evidence, &ask).trusted()
    }

    #[test]
    fn each_guest_passes_its_own_pins_in_another_process_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let (nodes, members) = (["node-0", "node-1"], ["USD", "JPY"]);
        let [nodes, members] = [nodes, members].map(|names| names.map(str::to_owned));
        let made = SimulatedWorld::create(dir.path(), &nodes, &members, NOW_S).unwrap();
        let world = SimulatedWorld::load(dir.path()).unwrap();
        assert_eq!(world.organism_pins(), made.organism_pins());
        let text = format!(
            "version = 1\nname = \"simulated\"\n[program]\nname = \"cross-feed\"\nversion = 1\n\
             [policy]\nmax_advance = 31\n{}{}",
            members.each_ref().map(|name| format!(
                "[[member]]\nname = \"{name}\"\nstable_id = \"ecb.{name}\"\nsurface = \"rates\"\n"
            )).concat(),
            world.organism_pins()
        );
        let organism = Organism::parse(&text).unwrap();
        let node_by_id = UniqueId::from_name("node-1").to_string();
        for (name, surface) in
            [("node-0", "committee"), (&node_by_id, "committee"), ("USD", "USD"), ("JPY", "JPY")]
        {
            for other in ["committee", "USD", "JPY"] {
                let is_own = other == surface;
                assert_eq!(admitted(&world, &organism, name, other), is_own, "{name} as {other}");
            }
        }
        assert!(world.guest("GBP").is_err());
    }

    #[test]
    fn what_is_no_world_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(SimulatedWorld::load(dir.path()).is_err());
        for text in ["", "{}", "[1]"] {
            fs::write(dir.path().join(FILE), text).unwrap();
            assert!(SimulatedWorld::load(dir.path()).is_err(), "{text}");
        }
    }
}
