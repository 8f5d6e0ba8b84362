use std::collections::BTreeMap;
use std::sync::Arc;

use holobiont_identity::{Digest, Organism};

use crate::{Configs, ExportError};

/// Most configs in one export.
pub const MAX_EXPORT_CONFIGS: usize = 256;

/// The configs that an export brings along, as far as it has been read.
#[derive(Debug, Default)]
pub struct ExportConfigs(BTreeMap<Digest, (String, Arc<Organism>)>);

impl ExportConfigs {
    /// Every `organism.toml` by its content hash.
    pub fn texts(&self) -> impl Iterator<Item = (&Digest, &str)> {
        self.0.iter().map(|(content_hash, (text, _))| (content_hash, text.as_str()))
    }

    /// Takes a config that is what its hash says.
    pub(super) fn add(&mut self, content_hash: Digest, text: String) -> Result<(), ExportError> {
        if self.0.len() >= MAX_EXPORT_CONFIGS {
            return Err(ExportError::TooLarge { what: "configs" });
        }
        let organism = Organism::parse(&text).ok();
        let organism = organism.filter(|organism| organism.content_hash() == content_hash);
        let organism = organism.ok_or(ExportError::Config { content_hash })?;
        self.0.insert(content_hash, (text, Arc::new(organism)));
        Ok(())
    }
}

impl Configs for ExportConfigs {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        self.0.get(content_hash).map(|(_, organism)| Arc::clone(organism))
    }
}
