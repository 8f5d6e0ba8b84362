use std::sync::Arc;

use holobiont_surface::{Genesis, SurfaceError};

use crate::record_blocks::NoRecords;
use crate::{BadRecord, ClientError, SinkError, StartOfWindow};

/// Why a surface cannot be followed, for now or from this source at all.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The source's server cannot be asked, or refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The surface's directory on this machine cannot be read.
    #[error("{source}")]
    Local {
        /// What is wrong with it.
        source: Arc<SurfaceError>,
    },
    /// The source's retention has overtaken the sink.
    #[error(
        "the source no longer keeps record {wanted}, the earliest is {}: fetch what is missing \
         elsewhere, or let the organism's policy resume there", start.first_seq
    )]
    Gap {
        /// The record wanted.
        wanted: u64,
        /// Where a copy could begin.
        start: StartOfWindow,
    },
    /// The source has fewer records than the sink: it has lost some, or is behind.
    #[error("the source has records up to {theirs}, exclusive, this node's copy up to {ours}")]
    Ahead {
        /// The sink's next record.
        ours: u64,
        /// The source's next record.
        theirs: u64,
    },
    /// The source's history is not the one that the sink has.
    #[error(
        "the source's history up to record {seq} is not the one this node has: one of them was \
         changed; compare both, and tell the member's operator"
    )]
    OtherHistory {
        /// The last record that the sink has.
        seq: u64,
    },
    /// The source's surface began otherwise than the sink's.
    #[error(
        "the source's surface is another: its genesis is {theirs:?}, this node's copy has {ours:?}"
    )]
    OtherGenesis {
        /// The sink's.
        ours: Box<Genesis>,
        /// The source's.
        theirs: Box<Genesis>,
    },
    /// What the source says of its surface cannot be.
    #[error("what the source says of its surface contradicts itself, or is of another version")]
    BadHead,
    /// A record that is none, or may not follow.
    #[error(transparent)]
    BadRecord(#[from] BadRecord),
    /// The sink did not take what came.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The source ended its answer before everything that was wanted had come.
    #[error("the source ended at record {next_seq}: ask another one for the rest")]
    Ended {
        /// The record that would have come next.
        next_seq: u64,
    },
    /// A thread of this node ended early.
    #[error("a thread of this node ended early: see its log")]
    Thread,
}

/// What kind of trouble it is: what a node says of a source to its committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Trouble {
    /// The source's retention has overtaken this node.
    Gap,
    /// The ticket is missing, wrong or expired.
    Ticket,
    /// One side's attestation is not accepted.
    Attestation,
    /// The source cannot be reached, or cannot answer.
    Source,
    /// The source's records are not what they should be, or not those that this node has.
    Data,
    /// This node's own disk or threads.
    Own,
}

impl FollowError {
    /// Whether trying this source again cannot help.
    pub const fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Client(_) | Self::Local { .. } | Self::Ahead { .. } | Self::Ended { .. }
        )
    }

    /// Its kind.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Gap { .. } => Trouble::Gap,
            Self::OtherHistory { .. }
            | Self::OtherGenesis { .. }
            | Self::BadHead
            | Self::BadRecord(_)
            | Self::Sink(SinkError::Refused { .. }) => Trouble::Data,
            Self::Sink(_) | Self::Thread => Trouble::Own,
            Self::Client(ClientError::Attestation { .. } | ClientError::SamePlatform { .. }) => {
                Trouble::Attestation
            }
            Self::Client(error) => match error.problem() {
                Some(problem) if matches!(problem.status, 401 | 403) => Trouble::Ticket,
                _ => Trouble::Source,
            },
            _ => Trouble::Source,
        }
    }

    /// What a server's refusal to give records means.
    pub(super) fn of_answer(error: ClientError, wanted: u64) -> Self {
        let Some(problem) = error.problem() else {
            return Self::Client(error);
        };
        match (problem.code.as_str(), &problem.start, problem.next_seq) {
            ("gap", Some(start), _) => Self::Gap { wanted, start: **start },
            ("ahead", _, Some(theirs)) => Self::Ahead { ours: wanted, theirs },
            ("other-history", ..) => Self::OtherHistory { seq: wanted.saturating_sub(1) },
            _ => Self::Client(error),
        }
    }
}

impl From<NoRecords> for FollowError {
    fn from(error: NoRecords) -> Self {
        match error {
            NoRecords::Gap { wanted, start } => Self::Gap { wanted, start },
            NoRecords::Ahead { wanted, next_seq } => Self::Ahead { ours: wanted, theirs: next_seq },
            NoRecords::OtherHistory { seq } => Self::OtherHistory { seq },
            NoRecords::Surface(source) => Self::Local { source: Arc::new(source) },
            NoRecords::Thread => Self::Thread,
        }
    }
}
