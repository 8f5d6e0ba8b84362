use std::sync::Arc;

use holobiont_identity::{Digest, Organism};

/// The configs that a node holds, by their content hash.
pub trait Configs: Send + Sync {
    /// The config with this content hash; none where its file is not here yet.
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>>;
}

impl Configs for Arc<Organism> {
    fn organism(&self, content_hash: &Digest) -> Option<Arc<Organism>> {
        (self.content_hash() == *content_hash).then(|| Self::clone(self))
    }
}
