use holobiont_identity::{Digest, UniqueId};
use serde::{Deserialize, Serialize};

use crate::PolicyError;

/// Most nodes that a roster may list.
pub const MAX_NODES: usize = 32;

/// The committee's voters, in a fixed order; a node is named by its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<UniqueId>", into = "Vec<UniqueId>")]
pub struct Roster {
    nodes: Vec<UniqueId>,
}

impl Roster {
    /// A roster of these nodes.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Roster`] when it is empty, longer than [`MAX_NODES`], or names a node twice.
    pub fn new(nodes: Vec<UniqueId>) -> Result<Self, PolicyError> {
        if nodes.is_empty() {
            return Err(PolicyError::Roster { why: "no node is listed" });
        }
        if nodes.len() > MAX_NODES {
            return Err(PolicyError::Roster { why: "more nodes than a committee may have" });
        }
        let mut sorted = nodes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != nodes.len() {
            return Err(PolicyError::Roster { why: "a node is listed twice" });
        }
        Ok(Self { nodes })
    }

    /// The one imaginary voter of a replay without a committee's log.
    #[must_use]
    pub fn replay() -> Self {
        Self { nodes: vec![UniqueId::from_name("holobiont.replay")] }
    }

    /// The nodes, in order.
    #[must_use]
    pub fn nodes(&self) -> &[UniqueId] {
        &self.nodes
    }

    /// How many equal votes decide.
    #[must_use]
    pub fn majority(&self) -> usize {
        (self.nodes.len() / 2).saturating_add(1)
    }

    /// `blake3("holobiont-roster|" ‖ 0x01 ‖ framed list of node ids)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"holobiont-roster|\x01");
        let count = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        hasher.update(&count.to_le_bytes());
        for node in &self.nodes {
            hasher.update(node.as_bytes());
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl TryFrom<Vec<UniqueId>> for Roster {
    type Error = PolicyError;

    fn try_from(nodes: Vec<UniqueId>) -> Result<Self, PolicyError> {
        Self::new(nodes)
    }
}

impl From<Roster> for Vec<UniqueId> {
    fn from(roster: Roster) -> Self {
        roster.nodes
    }
}
