use holobiont_identity::MemberId;
use holobiont_identity::versioned::{Refusal, decode, encode};
use holobiont_policy::{Grade, Status, StatusChange};
use holobiont_surface::{Head, Record};
use serde::{Deserialize, Serialize};

use crate::{Citation, ReplayError};

/// Kind of a record that only closes its clock event.
pub const KIND_EMPTY: u16 = 0;
/// Kind of a [`Commit`].
pub const KIND_COMMIT: u16 = 1;
/// Kind of a [`StatusRecord`].
pub const KIND_STATUS: u16 = 2;

const VERSION: u8 = 1;

/// What the organism's program committed at a cut, with the evidence it stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Number of the cut.
    pub cut: u64,
    /// What the commit is worth by the organism's floor.
    pub grade: Grade,
    /// Weight of the members that counted.
    pub weight: u64,
    /// Every member's status, in the config's order.
    pub statuses: Vec<Status>,
    /// The members it stands on: those with records in the cut, and those cited.
    pub evidence: Vec<MemberEvidence>,
    /// The exact records that the program cited, in its order.
    pub citations: Vec<Citation>,
    /// The program's own bytes.
    pub payload: Vec<u8>,
}

/// What a commit stands on, of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEvidence {
    /// The member's place in the config.
    pub place: u16,
    /// The member.
    pub member: MemberId,
    /// First and last sequence number that the cut has taken of it up to this commit; none when it is
    /// only cited.
    pub taken: Option<(u64, u64)>,
    /// Its surface's head at the cut: every record above is proved against it.
    pub head: Head,
}

/// A member's change of status, published in the cut where it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// Number of the cut.
    pub cut: u64,
    /// The member.
    pub member: MemberId,
    /// The change.
    pub change: StatusChange,
}

/// A record of an organism's own surface, read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Published {
    /// A commit.
    Commit(Commit),
    /// A change of status.
    Status(StatusRecord),
    /// Nothing but the end of a clock event.
    Empty,
}

impl Commit {
    /// The commit as a record's payload: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(VERSION, self)
    }
}

impl StatusRecord {
    /// The change as a record's payload: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(VERSION, self)
    }
}

impl Published {
    /// Reads a record of an organism's surface.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Commit`] for an unknown kind or version, and for a payload that is none.
    pub fn read(record: &Record<'_>) -> Result<Self, ReplayError> {
        let read = match record.kind() {
            KIND_COMMIT => decode(VERSION, record.payload()).map(Self::Commit),
            KIND_STATUS => decode(VERSION, record.payload()).map(Self::Status),
            KIND_EMPTY if record.payload().is_empty() => Ok(Self::Empty),
            _ => Err(Refusal::Malformed),
        };
        read.map_err(|refusal| ReplayError::Commit {
            seq: record.seq(),
            why: match refusal {
                Refusal::UnknownVersion(_) => "its version is not known to this build",
                Refusal::Malformed => "its kind or its encoding is unknown",
            },
        })
    }

    /// The cut it was published in, where it says.
    #[must_use]
    pub const fn cut(&self) -> Option<u64> {
        match self {
            Self::Commit(commit) => Some(commit.cut),
            Self::Status(status) => Some(status.cut),
            Self::Empty => None,
        }
    }
}
