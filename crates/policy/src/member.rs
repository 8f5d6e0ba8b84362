use holobiont_identity::{Member, OnGap, OnStall, Then};
use serde::{Deserialize, Serialize};

use crate::{Frontier, Gap, OfferRef, OfferedHead, Opinion, Standing, Status};

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
    /// The next record is this one or a later one: what is before it is taken, or lost to a gap.
    pub resume_from: u64,
    /// Gaps that no cut has told of yet.
    pub gaps: Vec<Gap>,
    /// Nodes (by place) whose last vote on it was for another head.
    pub flagged_nodes: Vec<u16>,
    pub(crate) started: bool,
    pub(crate) moved_since_tick: bool,
    pub(crate) ticks_without_move: u32,
    pub(crate) lag_ticks: u32,
    pub(crate) at_watermark_ticks: u32,
    pub(crate) last_moved_cut: u64,
    pub(crate) disputed: bool,
    pub(crate) released: bool,
    /// How far an order lets its clock go, whatever `max_advance` says; 0 without one.
    pub(crate) released_to: u64,
    /// It was quarantined when it was retired: nothing more of it is taken.
    pub(crate) frozen: bool,
    /// The first closed clock it showed, and the largest step to it; judged when the first
    /// watermark is known.
    pub(crate) first_closed: Option<(u64, u64)>,
}

/// A head that nodes are voting on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOffer {
    /// The offer it came in.
    pub offer: OfferRef,
    /// The head offered.
    pub head: OfferedHead,
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
    /// The watermark may go this far and no further: to where a carried value ends, or to where a
    /// member begins.
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
            gaps: Vec::new(),
            flagged_nodes: Vec::new(),
            started: false,
            moved_since_tick: false,
            ticks_without_move: 0,
            lag_ticks: 0,
            at_watermark_ticks: 0,
            last_moved_cut: 0,
            disputed: false,
            released: false,
            released_to: 0,
            frozen: false,
            first_closed: None,
        }
    }

    /// The closed clock of its frontier, in the organism's clock.
    #[must_use]
    pub fn closed(&self) -> Option<u64> {
        self.frontier.and_then(|frontier| frontier.closed)
    }

    /// The sequence number after its frontier.
    pub(crate) fn next_seq(&self) -> u64 {
        let after = self.frontier.map_or(0, |frontier| frontier.seq.saturating_add(1));
        after.max(self.resume_from)
    }

    pub(crate) fn hold(&self, member: &Member) -> Hold {
        let policy = &member.policy;
        let carried_to = match policy.on_stall {
            OnStall::Carry { carry_for, then: Then::Hold } => {
                Some(self.closed().unwrap_or(0).saturating_add(carry_for))
            }
            _ => None,
        };
        match (self.status, carried_to) {
            (Status::Joining, _) => Hold::Drives(None),
            (Status::Live | Status::Late | Status::Stalled(Standing::Held), _) => {
                Hold::Drives(self.closed())
            }
            (Status::Gapped, _) if policy.on_gap == OnGap::Hold && !self.released => {
                Hold::Drives(self.closed())
            }
            (Status::Stalled(Standing::Carried) | Status::CatchingUp, Some(clock)) => {
                Hold::Caps(clock)
            }
            // It is waited for from its `start` clock on.
            (Status::Absent, _) if !self.started => {
                let before_start = member.start.and_then(|start| start.checked_sub(1));
                before_start.map_or(Hold::None, Hold::Caps)
            }
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
