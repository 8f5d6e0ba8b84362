use serde::{Deserialize, Serialize};

/// Where a member stands, computed from the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Expected, no record yet; holds the watermark for `join_within` ticks.
    Joining,
    /// No record within `join_within`, or before its `start` clock.
    Absent,
    /// Its frontier moves.
    Live,
    /// `late_after` ticks without a move, or too far behind the others.
    Late,
    /// `stall_after` ticks of that; what it means is in the [`Standing`].
    Stalled(Standing),
    /// Moves again after an outage, and is not trusted to keep up yet.
    CatchingUp,
    /// A majority can no longer get the next records: retention passed our cursor.
    Gapped,
    /// Lied, or its clock jumped; nothing of it is taken until an order releases it.
    Quarantined,
    /// Retired by an order; records to its last clock are still taken.
    Retired,
}

/// What a stalled member's policy makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The organism waits for it.
    Held,
    /// The organism goes on without it.
    Skipped,
    /// The program keeps its last value.
    Carried,
}

impl Status {
    /// Whether the member's weight counts for the floor.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::Live | Self::Late | Self::Stalled(Standing::Carried))
    }

    /// The status in words, as every page and report prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Absent => "absent",
            Self::Live => "live",
            Self::Late => "late",
            Self::Stalled(Standing::Held) => "stalled (held)",
            Self::Stalled(Standing::Skipped) => "stalled (skipped)",
            Self::Stalled(Standing::Carried) => "stalled (carried)",
            Self::CatchingUp => "catching-up",
            Self::Gapped => "gapped",
            Self::Quarantined => "quarantined",
            Self::Retired => "retired",
        }
    }
}

/// One member's change of status, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The member's place in the config, from 0.
    pub member: u16,
    /// The status left.
    pub from: Status,
    /// The status entered.
    pub to: Status,
    /// Why.
    pub cause: Cause,
    /// Index of the log entry that decided it (0: the organism's start).
    pub log_index: u64,
    /// The organism's tick count then.
    pub tick: u64,
}

impl StatusChange {
    /// Whether the program is told. It hears nothing of `late`, and so nothing of a return from
    /// `late` to `live`; of `catching-up` only when a carried member enters it and no longer counts.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        match self.to {
            Status::Late => false,
            Status::CatchingUp => self.from.counts(),
            Status::Live => !matches!(self.from, Status::Late),
            _ => true,
        }
    }
}

/// Why a member changed its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The organism, or the member's `start` clock, was reached.
    Started,
    /// Its first record was agreed on.
    FirstRecord,
    /// Its frontier moved again.
    Moved,
    /// No move for this many ticks.
    NoMove {
        /// Ticks without a move.
        ticks: u32,
    },
    /// Its closed clock is too far behind the median of the others.
    Lag {
        /// Distance behind, in clock events.
        behind: u64,
    },
    /// The watermark went past its last value by more than `carry_for`.
    CarryEnded,
    /// It kept up with the watermark for `recover_after` ticks.
    CaughtUp,
    /// A majority reports that the next records are gone.
    Gap {
        /// The first sequence number that a majority can still get.
        earliest: u64,
    },
    /// Nodes disagreed about its history and no head found a majority.
    Mismatch,
    /// Its closed clock went back.
    ClockWentBack {
        /// The closed clock it had.
        from: u64,
        /// The one it claimed.
        to: u64,
    },
    /// Its clock jumped by more than `max_advance`.
    ClockJump {
        /// The clock it was measured from.
        from: u64,
        /// The clock it claimed.
        to: u64,
    },
    /// An operators' order.
    Ordered,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started => f.write_str("it is expected from here on"),
            Self::FirstRecord => f.write_str("its first record was agreed on"),
            Self::Moved => f.write_str("its frontier moved again"),
            Self::NoMove { ticks } => write!(f, "no move for {ticks} ticks"),
            Self::Lag { behind } => write!(f, "{behind} clock events behind the median"),
            Self::CarryEnded => f.write_str("its last value is older than carry_for"),
            Self::CaughtUp => f.write_str("it kept up with the watermark"),
            Self::Gap { earliest } => {
                write!(f, "records before {earliest} are no longer retained")
            }
            Self::Mismatch => f.write_str("nodes hold different histories of it"),
            Self::ClockWentBack { from, to } => {
                write!(f, "its closed clock went back from {from} to {to}")
            }
            Self::ClockJump { from, to } => {
                write!(f, "its clock jumped from {from} to {to}, past max_advance")
            }
            Self::Ordered => f.write_str("an operators' order"),
        }
    }
}

/// What a commit is worth, by the organism's floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// The members that count weigh at least `floor.normal`.
    Normal,
    /// They weigh less.
    Degraded,
}

impl Grade {
    /// The grade in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Degraded => "degraded",
        }
    }
}
