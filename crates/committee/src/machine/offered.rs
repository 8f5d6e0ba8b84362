use holobiont_identity::{Digest, UniqueId};
use serde::{Deserialize, Serialize};

/// A config that the operators offer, and who holds its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfferedConfig {
    pub(super) content_hash: Digest,
    /// In the order in which they said so.
    pub(super) holds: Vec<UniqueId>,
}
