use holobiont_committee_store::Committee;
use holobiont_identity::{UniqueId, versioned};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::VoteOf;
use serde::{Deserialize, Serialize};

use crate::anchors::Anchor;
use crate::boots::{Boot, Boots};
use crate::{MAX_RPC_BYTES, Marks};

const VERSION: u8 = 1;

/// What one node asks another.
// Hidden, here and below: rustdoc 1.95 does not survive the question whether it is `Send`.
#[doc(hidden)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) enum Request<C: Committee> {
    /// What do you know of my log? Asked before the asking node starts, with the operators' leave for
    /// it: without that nobody takes another boot's place. And is your state as mine at these cuts?
    Recall {
        enrolment: Vec<u8>,
        anchors: Vec<Anchor>,
    },
    Append(AppendEntriesRequest<C>),
    Vote(VoteRequest<C>),
    PreVote(VoteRequest<C>),
    Snapshot(Piece<C>),
    TransferLeader(TransferLeaderRequest<C>),
    /// Signed commands for the leader to put into the log.
    Propose(Vec<Vec<u8>>),
}

/// A piece of a snapshot's file.
#[doc(hidden)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Piece<C: Committee> {
    pub(crate) vote: VoteOf<C>,
    /// Size of the whole file.
    pub(crate) size_bytes: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

#[doc(hidden)]
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) enum Answer<C: Committee> {
    Marks(Told),
    Append(AppendEntriesResponse<C>),
    Vote(VoteResponse<C>),
    /// The piece is there; after the last one, what became of the whole.
    Snapshot(Option<SnapshotResponse<C>>),
    TransferLeader(TransferLeaderResponse<C>),
    Proposed,
    /// A later boot of the asking node has asked to be heard in its place.
    Outdated,
    /// The node will not or cannot do that, and why.
    Refused(String),
}

/// What a node tells another that asks it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) marks: Marks,
    /// The roster that it knows, and how many there were before it.
    pub(crate) roster_number: u64,
    pub(crate) roster: Vec<UniqueId>,
    pub(crate) boots: Boots,
    /// Its state at the cuts that were asked about, and at its newest ones.
    pub(crate) anchors: Vec<Anchor>,
}

/// A message, and the boot that says it.
pub(crate) fn encode<T: Serialize>(boot: Boot, message: &T) -> Vec<u8> {
    versioned::encode(VERSION, &(boot, message))
}

/// None for bytes that are no message of this version, and for more than [`MAX_RPC_BYTES`].
pub(crate) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<(Boot, T)> {
    let (version, body) = bytes.split_first()?;
    if *version != VERSION || bytes.len() > MAX_RPC_BYTES {
        return None;
    }
    let (message, rest) = postcard::take_from_bytes(body).ok()?;
    rest.is_empty().then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_can_be_read_before_what_is_said() {
        let boot = Boot { key: [7; 32], number: 300 };
        let body = encode(boot, &"words");
        assert_eq!(crate::answering::speaker(&body), Some([7; 32]));
        assert_eq!(decode::<String>(&body), Some((boot, "words".to_owned())));
        assert_eq!(decode::<String>(&body[..body.len() - 1]), None);
        assert_eq!(decode::<String>(&[&[2], &body[1..]].concat()), None, "another version");
        assert_eq!(crate::answering::speaker(&body[..32]), None);
    }
}
