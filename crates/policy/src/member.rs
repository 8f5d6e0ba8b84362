use holobiont_identity::{Digest, MemberPolicy, OnGap, OnStall, Then};
use serde::{Deserialize, Serialize};

use crate::{Frontier, OfferRef, Opinion, Standing, Status};

/// All that the committee's log has decided about one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// Where it stands.
    pub status: Status,
    /// Tick at which that status was entered.
    pub since_tick: u64,
    /// How far a majority agrees.
    pub frontier: Option<Frontier>,
    /// The offer that is being voted on.
    pub open_offer: Option<OpenOffer>,
    /// Its last clock by a retirement order, in the organism's clock.
    pub last_clock: Option<u64>,
    /// Records before this sequence number are lost to a gap.
    pub resume_from: u64,
    /// Nodes (by place) whose last vote on it was against a majority's head.
    pub flagged_nodes: Vec<u16>,
    pub(crate) started: bool,
    pub(crate) moved_since_tick: bool,
    pub(crate) ticks_without_move: u32,
    pub(crate) lag_ticks: u32,
    pub(crate) at_watermark_ticks: u32,
    pub(crate) last_moved_cut: u64,
    pub(crate) disputed: bool,
    pub(crate) released: bool,
    /// The first closed clock it showed; judged when the first watermark is known.
    pub(crate) first_closed: Option<u64>,
}

/// A head that nodes are voting on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOffer {
    /// The offer it came in.
    pub offer: OfferRef,
    /// Sequence number, head, and the member's *own* closed clock.
    pub seq: u64,
    /// The head offered.
    pub head: Digest,
    /// The member's own closed clock there.
    pub closed: Option<u64>,
    /// The tick it was offered at.
    pub tick: u64,
    /// Each node's opinion so far, by its place.
    pub opinions: Vec<Option<Opinion>>,
}

/// What a member asks of the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It does not hold the watermark.
    None,
    /// The watermark follows its closed clock (none: it has closed nothing yet).
    Drives(Option<u64>),
    /// The watermark may go this far past a member whose last value is carried.
    Caps(u64),
}

impl MemberState {
    pub(crate) fn new() -> Self {
        Self {
            status: Status::Absent,
            since_tick: 0,
            frontier: None,
            open_offer: None,
            last_clock: None,
            resume_from: 0,
            flagged_nodes: Vec::new(),
            started: false,
            moved_since_tick: false,
            ticks_without_move: 0,
            lag_ticks: 0,
            at_watermark_ticks: 0,
            last_moved_cut: 0,
            disputed: false,
            released: false,
            first_closed: None,
        }
    }

    /// The closed clock of its frontier, in the organism's clock.
    #[must_use]
    pub fn closed(&self) -> Option<u64> {
        self.frontier.and_then(|frontier| frontier.closed)
    }

    pub(crate) fn hold(&self, policy: &MemberPolicy) -> Hold {
        let capped = match policy.on_stall {
            OnStall::Carry {
                carry_for,
                then: Then::Hold,
            } => Some(carry_for),
            _ => None,
        };
        match (self.status, capped) {
            (Status::Joining, _) => Hold::Drives(None),
            (Status::Live | Status::Late, _) => Hold::Drives(self.closed()),
            (Status::Gapped, _) if policy.on_gap == OnGap::Hold && !self.released => {
                Hold::Drives(self.closed())
            }
            (Status::Stalled(Standing::Carried), Some(carry_for)) => {
                Hold::Caps(self.closed().unwrap_or(0).saturating_add(carry_for))
            }
            (Status::Stalled(Standing::Held), _) => Hold::Drives(self.closed()),
            _ => Hold::None,
        }
    }

    /// Whether it is away: nothing is expected of it until it moves again.
    pub(crate) const fn is_away(&self) -> bool {
        matches!(
            self.status,
            Status::Joining
                | Status::Absent
                | Status::Stalled(_)
                | Status::Gapped
                | Status::Quarantined
        )
    }
}
