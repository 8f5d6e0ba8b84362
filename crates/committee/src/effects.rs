use std::sync::Arc;

use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Applied, Command, PolicyError, Roster};
use thiserror::Error;

use crate::{Certificate, FormatError, OrderError};

/// What one entry of the log did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// The policy command that took effect: what a replay of the log is fed with.
    pub command: Option<Command>,
    /// What it did.
    pub applied: Applied,
    /// What else happened, in order.
    pub events: Vec<MachineEvent>,
    /// The config that is in force from the next entry on.
    pub take_up: Option<Arc<Organism>>,
    /// The roster that is in force from this entry on.
    pub roster: Option<Roster>,
}

/// Something that an entry of the log made happen. Nodes are named by their places in the roster in
/// force after the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MachineEvent {
    /// A node presents a boot key, and waits for the others to admit it.
    KeyPending {
        /// The node.
        node: u16,
        /// The key.
        key: [u8; 32],
    },
    /// A majority of the others has admitted it.
    KeyActive {
        /// The node.
        node: u16,
        /// The key.
        key: [u8; 32],
    },
    /// The key of an older boot counts no more, and never will again.
    KeyFenced {
        /// The node.
        node: u16,
        /// The key.
        key: [u8; 32],
    },
    /// A quorum has signed the same of a cut.
    Certified(Certificate),
    /// No certificate can be made of the cut any more: too many signed different results.
    Split {
        /// The cut.
        cut: u64,
    },
    /// A node has signed another result than the certificate has.
    SignedOther {
        /// The node; none when it is no longer in the roster.
        node: Option<u16>,
        /// The cut.
        cut: u64,
    },
    /// The cut is too far behind to be certified: its signatures are looked at no more.
    CutForgotten {
        /// The cut.
        cut: u64,
    },
    /// Another roster is in force.
    RosterChanged {
        /// How many rosters there were before it.
        number: u64,
    },
    /// The operators offer a config: it is in force when a majority holds it.
    ConfigOffered {
        /// Its content hash.
        content_hash: Digest,
    },
    /// Another config is in force.
    ConfigTaken {
        /// Its content hash.
        content_hash: Digest,
    },
    /// The entry, or a part of it, had no effect.
    Ignored(Dropped),
}

/// Why an entry, or a part of one, had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Dropped {
    /// Its bytes are no signed command that this build knows.
    #[error(transparent)]
    Unreadable(#[from] FormatError),
    /// The roster has no such node.
    #[error("the roster has no node {node}")]
    UnknownNode {
        /// The place that is named.
        node: u16,
    },
    /// The node has no key that may sign this: none at all, or only one that is not admitted yet.
    #[error("node {node} has no active key: the others must admit the key of its boot first")]
    NotActive {
        /// The node.
        node: u16,
    },
    /// Signed with the key of an older boot.
    #[error("node {node} was started again: the boot that signed this is fenced, stop it")]
    Fenced {
        /// The node.
        node: u16,
    },
    /// No key of the node signed it.
    #[error("no key of node {node} signed it, for this organism")]
    BadSignature {
        /// The node.
        node: u16,
    },
    /// An offer or vote in another node's name.
    #[error("node {node} signed it, but it speaks for node {named}")]
    OtherNode {
        /// The signer.
        node: u16,
        /// Whom it speaks for.
        named: u16,
    },
    /// An order without its operators' signatures.
    #[error("node {node} brings an order without its operators' signatures")]
    UnsignedOrder {
        /// The node.
        node: u16,
    },
    /// The key is pending or active already.
    #[error("node {node} has presented that key already")]
    KeyKnown {
        /// The node.
        node: u16,
    },
    /// The admitted key is not the one that the node waits with.
    #[error("node {node} does not wait for the others to admit that key")]
    NotPending {
        /// The node whose key it would be.
        node: u16,
    },
    /// A node cannot admit itself, nor another one twice.
    #[error(
        "node {by} admits the key of node {node} to no effect: it is its own, or admitted by it"
    )]
    AdmitAgain {
        /// The node whose key it is.
        node: u16,
        /// The node that admits it.
        by: u16,
    },
    /// No such cut waits for signatures.
    #[error("node {node} signs cut {cut}, which is not made yet or forgotten already")]
    UnknownCut {
        /// The node.
        node: u16,
        /// The cut.
        cut: u64,
    },
    /// The node was not in the roster when the cut was made.
    #[error("node {node} signs cut {cut}, which was made before it was in the roster")]
    NotOfItsRoster {
        /// The node.
        node: u16,
        /// The cut.
        cut: u64,
    },
    /// A node's first signature of a cut counts, and no other.
    #[error("node {node} has signed cut {cut} already")]
    AlreadySigned {
        /// The node.
        node: u16,
        /// The cut.
        cut: u64,
    },
    /// The signature is not of the statement that the log makes of the cut.
    #[error("node {node} signed something else than its result of cut {cut}")]
    BadCutSignature {
        /// The node.
        node: u16,
        /// The cut.
        cut: u64,
    },
    /// The order is not valid here.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The config that an order names is in force.
    #[error("the config {content_hash} is in force already")]
    ConfigInForce {
        /// Its content hash.
        content_hash: Digest,
    },
    /// No order offers the config that a node holds, or it has said so already.
    #[error("node {node} holds a config that is not offered, or has said so already")]
    NotOffered {
        /// The node.
        node: u16,
    },
    /// A majority holds the config, and it cannot be taken up.
    #[error("the config {content_hash} is not taken up: it has another program, or version of it")]
    OtherProgram {
        /// Its content hash.
        content_hash: Digest,
    },
    /// A majority holds the config, and it cannot be taken up.
    #[error("the config {content_hash} is not taken up")]
    TakeUp {
        /// Its content hash.
        content_hash: Digest,
        /// Why.
        #[source]
        source: PolicyError,
    },
}
