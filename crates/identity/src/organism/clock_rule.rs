use serde::Serialize;

/// How a member's own clock becomes the organism's: `(member clock + offset) / divide`.
///
/// ```
/// use holobiont_identity::ClockRule;
///
/// let slots_to_epochs = ClockRule { offset: 0, divide: 32 };
/// assert_eq!(slots_to_epochs.organism_clock(64), 2);
/// assert_eq!(slots_to_epochs.closed(62), Some(0), "slot 63 is still of epoch 1");
/// assert_eq!(slots_to_epochs.closed(63), Some(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockRule {
    /// Added to the member's clock, saturating. *Unit*: the member's clock.
    pub offset: u64,
    /// Divides the sum, rounding down. *Limits*: at least 1; 0 counts as 1.
    pub divide: u64,
}

impl Default for ClockRule {
    fn default() -> Self {
        Self { offset: 0, divide: 1 }
    }
}

impl ClockRule {
    /// The organism's clock for a record of this member's clock. It never falls as that rises.
    pub fn organism_clock(&self, member_clock: u64) -> u64 {
        let sum = member_clock.saturating_add(self.offset);
        sum.checked_div(self.divide).unwrap_or(sum)
    }

    /// The last organism clock to which no later record of the member can belong, once the
    /// member's clock `member_closed` is closed; none where even clock 0 can still get one.
    pub fn closed(&self, member_closed: u64) -> Option<u64> {
        match member_closed.checked_add(1) {
            Some(next) => self.organism_clock(next).checked_sub(1),
            // No clock comes after the last one.
            None => Some(self.organism_clock(member_closed)),
        }
    }
}
