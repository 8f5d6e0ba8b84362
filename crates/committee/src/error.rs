use std::path::PathBuf;

use holobiont_identity::versioned::{self, Refusal};
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::PolicyError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why bytes are not what they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The first byte names a version that this build does not know.
    #[error("{what}: version {version} is not known to this build; upgrade to read it")]
    UnknownVersion {
        /// What was being read.
        what: &'static str,
        /// The version found.
        version: u8,
    },
    /// The bytes are not an encoding of what they claim to be.
    #[error("{what}: the bytes are no valid encoding (truncated, trailing or altered)")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// The encoding is larger than its limit.
    #[error("{what}: {size_bytes} bytes are over the limit of {limit_bytes}; refuse the sender")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// Size found, in bytes.
        size_bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
}

/// A seed that gives no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the seed gives no Ed25519 key: make another one")]
pub struct KeyError;

/// Why a machine cannot be made or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MachineError {
    /// The config that is in force, or comes into force with this entry, is not here. Nothing has
    /// changed: fetch the file and apply the entry again.
    #[error(
        "the config {content_hash} is not here: put its file beside the node's, from any other"
    )]
    ConfigMissing {
        /// Its content hash.
        content_hash: Digest,
    },
    /// The entry, or one after it, was applied already. Nothing has changed.
    #[error("log entry {index} was applied already, the last one is {last}")]
    OldIndex {
        /// The entry's index.
        index: u64,
        /// That of the last one applied.
        last: u64,
    },
    /// The first roster is not the one that the organism's config names.
    #[error("the roster is {got}, the organism's config begins with {expected}: use that one")]
    OtherRoster {
        /// Digest of the first roster by the config.
        expected: Digest,
        /// Digest of the one given.
        got: Digest,
    },
    /// Two nodes of the roster would be one in the replicated log.
    #[error("nodes {first} and {second} begin with the same eight bytes: give one another id")]
    NodesAlike {
        /// One of them.
        first: UniqueId,
        /// The other.
        second: UniqueId,
    },
    /// A machine's snapshot is not readable.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A machine's snapshot contradicts itself.
    #[error("machine snapshot: {why}; take one from another node")]
    Snapshot {
        /// How.
        why: &'static str,
    },
    /// The policy state in a machine's snapshot cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// One node signs twice.
    #[error("the certificate lists node {node} twice: refuse it")]
    NodeTwice {
        /// The node.
        node: UniqueId,
    },
    /// A key that is not known to be that node's.
    #[error("the certificate has a key that is not known as node {node}'s, or no such node")]
    UnknownKey {
        /// The node.
        node: UniqueId,
    },
    /// A signature of something else, or by another key.
    #[error("the signature of node {node} is not of the certificate's statement: refuse it")]
    BadSignature {
        /// The node.
        node: UniqueId,
    },
    /// Fewer signatures than the committee's quorum.
    #[error("{got} nodes signed the certificate, {quorum} are needed: refuse it")]
    TooFew {
        /// How many signed.
        got: usize,
        /// How many must.
        quorum: usize,
    },
}

/// Why an operators' order is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OrderError {
    /// It is for another organism.
    #[error("the order is for organism {got}, this is {expected}")]
    OtherOrganism {
        /// The stable id here.
        expected: UniqueId,
        /// The one that it names.
        got: UniqueId,
    },
    /// The config lists no such operator.
    #[error("the order is signed by operator {operator}, the config has {operators}")]
    UnknownOperator {
        /// The place that is named.
        operator: u16,
        /// How many the config lists.
        operators: usize,
    },
    /// Signatures stand in the order of the operators' places, each once.
    #[error("the order's signatures are not in the operators' order, each once: merge them anew")]
    Unordered,
    /// A signature of something else, or by another key.
    #[error("the signature of operator {operator} is not of this order: have it signed again")]
    BadSignature {
        /// The operator's place.
        operator: u16,
    },
    /// Fewer signatures than the config demands.
    #[error("{got} operators signed the order, {need} must: have more of them sign it")]
    TooFew {
        /// How many signed.
        got: usize,
        /// How many must.
        need: u32,
    },
    /// A roster order names the roster that it replaces, and no other order does.
    #[error("a roster order, and no other, names the digest of the roster that it replaces")]
    Replaces,
    /// A roster order that does not follow on the roster in force.
    #[error("the order replaces roster {got}, in force is {expected}: sign one that follows on it")]
    OtherRoster {
        /// Digest of the roster in force.
        expected: Digest,
        /// The digest that the order names.
        got: Digest,
    },
    /// Its nodes are no roster.
    #[error("the nodes ordered are no roster: {why}")]
    Roster {
        /// Why.
        why: &'static str,
    },
    /// Two files of signatures are not of one order.
    #[error("these are signatures of different orders: merge those of one")]
    Different,
    /// The text is no order file.
    #[error("no order file: {why}")]
    File {
        /// What is wrong with it.
        why: String,
    },
}

/// Why an export of a committee's log cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Reading or writing failed.
    #[error("cannot {doing} the log export")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The answer.
        source: std::io::Error,
    },
    /// The file system refused.
    #[error("cannot {doing} {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// The bytes are damaged.
    #[error("the log export is damaged at offset {offset}: {what}; fetch it again")]
    Damage {
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A log of cuts without signatures.
    #[error(
        "this is version 1 of a log of cuts, written by a replay: it has no signatures to check; \
         read it with `replay --cuts`"
    )]
    Unsigned,
    /// Written by a later version.
    #[error("the log export has version {version}, unknown to this build; upgrade to read it")]
    UnknownVersion {
        /// The version found.
        version: u32,
    },
    /// A config in it is not what its hash says.
    #[error("the log export holds a config under {content_hash} that is none, or is another")]
    Config {
        /// The content hash that it stands under.
        content_hash: Digest,
    },
    /// A part of it is not readable.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Entries are written in the log's order.
    #[error("log entry {index} is not after {last}: export the log in its order")]
    Unordered {
        /// The entry's index.
        index: u64,
        /// That of the one before.
        last: u64,
    },
    /// More, or larger, than an export may hold.
    #[error("the log export would hold {what} past its limit")]
    TooLarge {
        /// What.
        what: &'static str,
    },
}

/// Reads a versioned value of at most `limit_bytes`, whatever it is.
pub(crate) fn decode<T: Serialize + for<'de> Deserialize<'de>>(
    what: &'static str,
    version: u8,
    limit_bytes: usize,
    bytes: &[u8],
) -> Result<T, FormatError> {
    if bytes.len() > limit_bytes {
        return Err(FormatError::TooLarge { what, size_bytes: bytes.len(), limit_bytes });
    }
    versioned::decode(version, bytes).map_err(|refusal| match refusal {
        Refusal::UnknownVersion(version) => FormatError::UnknownVersion { what, version },
        Refusal::Malformed => FormatError::Malformed { what },
    })
}
