use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_committee::Configs;
use holobiont_identity::{Digest, Organism};

use crate::failure::Failure;
use crate::files;

/// Organism configs that this node holds, each in a file that is called by its content hash, so
/// that what the operators order can be taken up at one log index everywhere.
pub(crate) struct ConfigFolder {
    dir: PathBuf,
    held: Mutex<BTreeMap<Digest, Held>>,
}

#[derive(Clone)]
struct Held {
    organism: Arc<Organism>,
    text: Arc<str>,
}

/// The most configs that a folder may hold.
const MAX_CONFIGS: usize = 1_000;

impl ConfigFolder {
    /// Opens the folder, and makes it where there is none. A file that is not what its name says is
    /// refused by name.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
        let mut held = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(Failure::io(dir, "listing"))? {
            let file = entry.map_err(Failure::io(dir, "listing"))?.path();
            // What is being written has another ending.
            if file.extension().is_none_or(|it| it != "toml") {
                continue;
            }
            let (organism, text) = files::organism(&file)?;
            let hash = organism.content_hash();
            if file.file_stem().is_none_or(|stem| *stem != *hash.to_string()) {
                return Err(Failure::Input {
                    file,
                    place: Default::default(),
                    what: format!("holds the config {hash}, which is not what its name says"),
                    help: "take it out; configs come here by organism.toml and SIGHUP",
                });
            }
            held.insert(hash, Held { organism: Arc::new(organism), text: text.into() });
        }
        Ok(Self { dir: dir.to_owned(), held: Mutex::new(held) })
    }

    /// Takes a config in. Returns its hash, where it was not here yet.
    pub(crate) fn take_in(
        &self,
        organism: &Arc<Organism>,
        text: &str,
    ) -> Result<Option<Digest>, Failure> {
        let hash = organism.content_hash();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.contains_key(&hash) {
            return Ok(None);
        }
        if held.len() >= MAX_CONFIGS {
            return Err(Failure::Usage {
                what: format!("{} holds {MAX_CONFIGS} configs", self.dir.display()),
                help: "take out those that no log names any more",
            });
        }
        files::replace(&self.dir.join(format!("{hash}.toml")), text.as_bytes())?;
        held.insert(hash, Held { organism: Arc::clone(organism), text: text.into() });
        Ok(Some(hash))
    }

    /// All of them: hash and text.
    pub(crate) fn texts(&self) -> Vec<(Digest, Arc<str>)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|(hash, held)| (*hash, Arc::clone(&held.text))).collect()
    }

    /// Every config of this organism but one, in no order that means something.
    pub(crate) fn others(&self, but: &Digest) -> Vec<Arc<Organism>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let others = held.iter().filter(|(hash, _)| *hash != but);
        others.map(|(_, held)| Arc::clone(&held.organism)).collect()
    }

    /// A config's text.
    pub(crate) fn text(&self, hash: &Digest) -> Option<Arc<str>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(hash).map(|held| Arc::clone(&held.text))
    }
}

impl Configs for ConfigFolder {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(content_hash).map(|held| Arc::clone(&held.organism))
    }
}
