use holobiont_identity::Digest;
use serde::{Deserialize, Serialize};

use crate::{Grade, Status, StatusChange};

/// How far a majority agrees on a member's surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    /// Last agreed sequence number.
    pub seq: u64,
    /// The surface's head there.
    pub head: Digest,
    /// Last clock event, in the organism's clock, to which the member can add nothing more.
    pub closed: Option<u64>,
}

/// The organism's next step: which records of every member to take.
///
/// It takes, of every member, the records up to its frontier that were not taken yet and whose
/// clock is at most [`watermark`](Self::watermark) (alignment `arrival`: all up to the frontier).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Cuts are numbered from 1.
    pub number: u64,
    /// The log entry that made it.
    pub log_index: u64,
    /// Organism time, ms since 1970.
    pub time_ms: u64,
    /// Clock events up to and with this one are complete; none in alignment `arrival`.
    pub watermark: Option<u64>,
    /// The watermark of the cut before; records at or below it are late.
    pub previous_watermark: Option<u64>,
    /// Takes nothing; made so that a quiet or halted organism still snapshots and signs.
    pub checkpoint: bool,
    /// What a commit of this cut is worth.
    pub grade: Grade,
    /// Weight of the members that count.
    pub weight: u64,
    /// Every member, in the config's order.
    pub members: Vec<CutMember>,
    /// Changes of status since the last cut that was no checkpoint, in the order they happened.
    pub changes: Vec<StatusChange>,
}

/// One member in a cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutMember {
    /// Its status as of this cut.
    pub status: Status,
    /// How far its surface is agreed on; none before its first record.
    pub frontier: Option<Frontier>,
    /// Records with a later clock are never taken (a retired member's last clock).
    pub last_clock: Option<u64>,
    /// Records that became lost to gaps since the last cut that was no checkpoint.
    pub gaps: Vec<Gap>,
}

/// Records that a majority can no longer get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first record lost.
    pub from_seq: u64,
    /// The first record after it that is left.
    pub to_seq: u64,
}

impl Cut {
    /// The clock of the records that this cut publishes: its watermark, or its number in alignment
    /// `arrival`.
    #[must_use]
    pub fn clock(&self) -> u64 {
        self.watermark.unwrap_or(self.number)
    }
}
