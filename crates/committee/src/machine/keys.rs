//! Boot keys: who may sign for a node.

use std::collections::BTreeMap;

use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::Roster;
use serde::{Deserialize, Serialize};

/// Most keys of older boots that are remembered for each node. Each was admitted by a majority of
/// the others once; the oldest of more than these would have to be admitted anew.
pub const MAX_FENCED_KEYS: usize = 256;

/// The keys of every node, by node id: a roster change does not touch those who stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keys(BTreeMap<UniqueId, NodeKeys>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeKeys {
    pub(super) active: Option<ActiveKey>,
    pub(super) pending: Option<PendingKey>,
    /// Keys that were active once, oldest first: none of them is admitted again.
    pub(super) fenced: Vec<[u8; 32]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActiveKey {
    pub(super) key: [u8; 32],
    /// Hash of the evidence that the boot showed.
    pub(super) quote: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingKey {
    pub(super) key: [u8; 32],
    pub(super) enrolment: Vec<u8>,
    pub(super) quote: Vec<u8>,
    /// In the order in which they came.
    pub(super) admits: Vec<UniqueId>,
}

/// A key that has become active, and the one that it fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activated {
    pub(super) key: [u8; 32],
    pub(super) fenced: Option<[u8; 32]>,
}

impl Keys {
    pub(super) fn of(&self, node: &UniqueId) -> Option<&NodeKeys> {
        self.0.get(node)
    }

    pub(super) fn pending(&self, node: &UniqueId) -> Option<&PendingKey> {
        self.of(node)?.pending.as_ref()
    }

    /// A newer pending key takes the place of an older one, and of its admits.
    pub(super) fn present(&mut self, node: UniqueId, pending: PendingKey) {
        self.0.entry(node).or_default().pending = Some(pending);
    }

    /// Whether the admit counts: the node waits with this key, and `by` has not admitted it yet.
    pub(super) fn admit(&mut self, node: &UniqueId, by: UniqueId) {
        let pending = self.0.get_mut(node).and_then(|keys| keys.pending.as_mut());
        if let Some(pending) = pending {
            pending.admits.push(by);
        }
    }

    /// Makes the pending key the active one, if a majority of the other nodes has admitted it.
    pub(super) fn activate(&mut self, node: &UniqueId, roster: &Roster) -> Option<Activated> {
        let keys = self.0.get_mut(node)?;
        let is_other = |by: &&UniqueId| *by != node && roster.nodes().contains(by);
        let admits = keys.pending.as_ref()?.admits.iter().filter(is_other).count();
        if admits < majority_of_others(roster) {
            return None;
        }
        let PendingKey { key, quote, .. } = keys.pending.take()?;
        let active = ActiveKey { key, quote: Digest::of(quote) };
        let fenced = keys.active.replace(active).map(|active| active.key);
        keys.fenced.extend(fenced);
        let excess = keys.fenced.len().saturating_sub(MAX_FENCED_KEYS);
        keys.fenced.drain(..excess);
        Some(Activated { key, fenced })
    }

    /// Who has left has no keys, and presents one anew if it comes back.
    pub(super) fn retain(&mut self, roster: &Roster) {
        self.0.retain(|node, _| roster.nodes().contains(node));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&UniqueId, &NodeKeys)> {
        self.0.iter()
    }
}

/// How many others must admit a node's key; a node that is alone needs nobody.
fn majority_of_others(roster: &Roster) -> usize {
    match roster.nodes().len().saturating_sub(1) {
        0 => 0,
        others => (others / 2).saturating_add(1),
    }
}
