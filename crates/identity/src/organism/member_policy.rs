use serde::Serialize;

/// The largest weight of a member.
pub const MAX_WEIGHT: u64 = 1_000_000_000;

/// `availability = 1`: always.
pub const PARTS_PER_BILLION: u32 = 1_000_000_000;

/// What an organism does about one member. Clock distances are in the organism's clock.
///
/// ```
/// use holobiont_identity::{MemberPolicy, OnStall};
///
/// let policy = MemberPolicy::new(31);
/// assert_eq!((policy.on_stall, policy.stall_after), (OnStall::Hold, 120));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberPolicy {
    /// When the member stalls.
    pub on_stall: OnStall,
    /// When records come after the cut that they belonged to.
    pub on_late_data: OnLateData,
    /// When the member no longer keeps the records that come next.
    pub on_gap: OnGap,
    /// When the committee's copies of the member differ.
    pub on_mismatch: OnMismatch,
    /// A larger jump in the member's clock quarantines it. *Unit*: clock distance.
    pub max_advance: u64,
    /// What the member's operator promises. *Unit*: parts per billion, up to
    /// [`PARTS_PER_BILLION`].
    pub availability_parts_per_billion: Option<u32>,
    /// What the member counts for the floor. *Limits*: up to [`MAX_WEIGHT`].
    pub weight: u64,
    /// Ticks without a move until the member is late. *Limits*: at least 1.
    pub late_after: u32,
    /// Ticks without a move until the member is stalled. *Limits*: above `late_after`.
    pub stall_after: u32,
    /// Consecutive ticks at the watermark until the member is live again.
    pub recover_after: u32,
    /// Ticks that the organism waits for the member's first record.
    pub join_within: u32,
    /// A larger lag behind the other members makes the member late. *Unit*: clock distance.
    pub max_lag: Option<u64>,
}

impl MemberPolicy {
    /// The defaults, with the one key that has none.
    pub const fn new(max_advance: u64) -> Self {
        Self {
            on_stall: OnStall::Hold,
            on_late_data: OnLateData::Fold,
            on_gap: OnGap::Hold,
            on_mismatch: OnMismatch::Quarantine,
            max_advance,
            availability_parts_per_billion: None,
            weight: 1,
            late_after: 20,
            stall_after: 120,
            recover_after: 20,
            join_within: 240,
            max_lag: None,
        }
    }
}

/// What happens when a member stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OnStall {
    /// The organism waits.
    Hold,
    /// The organism goes on without the member.
    Skip,
    /// The program keeps the member's last value for a while.
    Carry {
        /// How far past the member the watermark may go. *Unit*: clock distance.
        carry_for: u64,
        /// What happens then.
        then: Then,
    },
}

/// What happens when a carried value is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Then {
    /// The organism waits.
    Hold,
    /// The organism goes on without the member.
    Skip,
}

/// What happens to records that come after the cut that they belonged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OnLateData {
    /// The next cut takes them, flagged late.
    Fold,
    /// They are counted and dropped.
    Drop,
}

/// What happens when a member no longer keeps the records that come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OnGap {
    /// The organism waits.
    Hold,
    /// The organism resumes where the member's records do, with a gap record.
    Skip,
}

/// What happens when the committee's copies of a member differ and no majority agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OnMismatch {
    /// The organism goes on without the member until it is released.
    Quarantine,
    /// The organism waits.
    Hold,
}
