//! The bytes of the log's files.

mod envelope;
mod mark;
mod record;
mod segment;
mod vote;

pub(crate) use envelope::Envelope;
pub(crate) use mark::Mark;
pub(crate) use record::{RECORD_HEADER_BYTES, RecordHeader, decode_payload, encode_record};
pub(crate) use segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
pub(crate) use vote::{decode_vote, encode_vote};

use std::fmt;

use openraft::LogId;
use openraft::entry::EntryPayload;
use openraft::impls::{EmptyNode, Entry};
use openraft::vote::RaftLeaderIdExt;
use serde::{Deserialize, Serialize};

use crate::{Leader, Payload, Term};

/// An entry as the engine has it.
pub(crate) type LogEntry = Entry<Term, LogPayload>;
pub(crate) type LogPayload = EntryPayload<Payload, u64, EmptyNode>;

/// An entry's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

impl Position {
    pub(crate) const fn pair(self) -> (u64, u64) {
        (self.term, self.index)
    }

    pub(crate) fn log_id(self) -> LogId<Term> {
        // A committed leader is its term: the node says nothing.
        LogId::new(Leader::new_committed(self.term, 0), self.index)
    }
}

impl From<&LogId<Term>> for Position {
    fn from(log_id: &LogId<Term>) -> Self {
        Self { term: **log_id.committed_leader_id(), index: log_id.index() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of term {}", self.index, self.term)
    }
}

/// Takes fixed-size fields off the front of bytes.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *field
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
