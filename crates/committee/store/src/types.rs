use std::fmt;

use holobiont_identity::UniqueId;
use openraft::impls::{EmptyNode, Entry, leader_id_std};
use openraft::vote::RaftLeaderId;
use openraft::{EntryPayload, RaftTypeConfig, Vote};
use serde::{Deserialize, Serialize};

/// What the log carries, and all that it knows of it: one signed command's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload(pub Vec<u8>);

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A leader as votes name it; log ids carry the term alone.
pub type Leader = leader_id_std::LeaderId<u64, u64>;
/// What a term is as part of a log id.
pub type Term = <Leader as RaftLeaderId>::Committed;

/// The engine's types as a committee uses them, on whatever runtime.
///
/// A node's number in the engine is [`raft_id`] of its node id.
pub trait Committee:
    RaftTypeConfig<
        D = Payload,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        Term = u64,
        LeaderId = Leader,
        Vote = Vote<Leader>,
        Payload = EntryPayload<Payload, u64, EmptyNode>,
        Entry = Entry<Term, EntryPayload<Payload, u64, EmptyNode>>,
    >
{
}

impl<C> Committee for C where
    C: RaftTypeConfig<
            D = Payload,
            R = (),
            NodeId = u64,
            Node = EmptyNode,
            Term = u64,
            LeaderId = Leader,
            Vote = Vote<Leader>,
            Payload = EntryPayload<Payload, u64, EmptyNode>,
            Entry = Entry<Term, EntryPayload<Payload, u64, EmptyNode>>,
        >
{
}

openraft::declare_raft_types!(
    /// A committee on tokio.
    pub Live:
        D = Payload,
        R = (),
        Node = EmptyNode,
        LeaderId = Leader,
);

/// A node's number in the engine: the first eight bytes of its node id. A roster in which two nodes
/// share one is refused.
#[must_use]
pub fn raft_id(node: &UniqueId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *node.as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
