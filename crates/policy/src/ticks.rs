//! What the passing of ticks does to members.

use holobiont_identity::{Alignment, OnMismatch, OnStall, Then};

use crate::member::Hold;
use crate::votes::is_mismatch;
use crate::watermark::median_without;
use crate::{Cause, CommitteeState, OpenOffer, Standing, Status};

impl CommitteeState {
    pub(crate) fn apply_tick(&mut self) {
        if self.log.paused {
            return;
        }
        self.log.tick = self.log.tick.saturating_add(1);
        let driving = self.driving_clocks();
        let lags: Vec<u64> = (0..self.rules.len()).map(|place| self.lag(place, &driving)).collect();
        for (place, behind) in lags.into_iter().enumerate() {
            self.tick_member(place, behind);
        }
    }

    /// How far the member's closed clock is behind the others, given all that drive.
    fn lag(&self, place: usize, driving: &[u64]) -> u64 {
        let own = self.member(place).and_then(|(_, state)| state.closed()).unwrap_or(0);
        self.others(place, driving).map_or(0, |middle| middle.saturating_sub(own))
    }

    /// The closed clocks of the members that hold the watermark, ascending.
    pub(crate) fn driving_clocks(&self) -> Vec<u64> {
        let mut clocks: Vec<u64> =
            (0..self.rules.len()).filter_map(|place| self.driving_clock(place)).collect();
        clocks.sort_unstable();
        clocks
    }

    fn driving_clock(&self, place: usize) -> Option<u64> {
        let (rules, state) = self.member(place)?;
        let drives = matches!(state.hold(rules), Hold::Drives(_));
        state.closed().filter(|_| drives)
    }

    /// The median closed clock of the other members that hold the watermark, given
    /// [all](Self::driving_clocks).
    pub(crate) fn others(&self, place: usize, driving: &[u64]) -> Option<u64> {
        median_without(driving, self.driving_clock(place))
    }

    fn tick_member(&mut self, place: usize, behind: u64) {
        let (tick, watermark) = (self.log.tick, self.log.watermark);
        let (Some(rules), Some(state)) = (self.rules.get(place), self.log.members.get_mut(place))
        else {
            return;
        };
        let policy = &rules.policy;
        let moved = std::mem::take(&mut state.moved_since_tick);
        state.ticks_without_move =
            if moved { 0 } else { state.ticks_without_move.saturating_add(1) };
        let is_lagging = policy.max_lag.is_some_and(|max_lag| behind > max_lag);
        state.lag_ticks = if is_lagging { state.lag_ticks.saturating_add(1) } else { 0 };
        let timeout = u64::from(self.ticks.offer_timeout);
        let has_expired =
            state.open_offer.as_ref().is_some_and(|open| tick.saturating_sub(open.tick) >= timeout);
        let is_level = state.closed() >= watermark || self.align == Alignment::Arrival;
        let at_watermark = state.frontier.is_some() && is_level && !is_lagging;
        state.at_watermark_ticks =
            if at_watermark { state.at_watermark_ticks.saturating_add(1) } else { 0 };
        let quiet = state.ticks_without_move;
        let lagged = state.lag_ticks;
        let kept_up = state.at_watermark_ticks >= policy.recover_after;
        // A member that is waited for may be as far behind as it likes.
        let lags_too_long =
            lagged >= policy.stall_after && !matches!(policy.on_stall, OnStall::Hold);
        let (status, since_tick) = (state.status, state.since_tick);
        let is_late = quiet >= policy.late_after;
        let is_stalled = quiet >= policy.stall_after;
        let join_within = u64::from(policy.join_within);
        if has_expired {
            self.close_offer(place);
        }
        let cause = if is_late { Cause::NoMove { ticks: quiet } } else { Cause::Lag { behind } };
        match status {
            Status::Joining if tick.saturating_sub(since_tick) >= join_within => {
                self.set_status(place, Status::Absent, Cause::NoMove { ticks: quiet });
            }
            Status::Live | Status::Late if is_stalled || lags_too_long => {
                self.stall(place, cause);
            }
            Status::Live if is_late || is_lagging => {
                self.set_status(place, Status::Late, cause);
            }
            Status::Late if !is_late && !is_lagging => {
                self.set_status(place, Status::Live, Cause::Moved);
            }
            Status::CatchingUp if is_stalled => self.stall(place, cause),
            Status::CatchingUp if kept_up => {
                self.set_status(place, Status::Live, Cause::CaughtUp);
            }
            _ => {}
        }
    }

    /// A member has been quiet, or behind, for too long: its policy decides.
    fn stall(&mut self, place: usize, cause: Cause) {
        let Some((rules, state)) = self.member(place) else {
            return;
        };
        if state.last_clock.is_some() {
            // Its retirement is ordered and it has said all it will say.
            self.set_status(place, Status::Retired, Cause::Ordered);
            return;
        }
        let is_disputed = |open: &OpenOffer| open.opinions.iter().any(is_mismatch);
        if state.disputed || state.open_offer.as_ref().is_some_and(is_disputed) {
            match rules.policy.on_mismatch {
                OnMismatch::Quarantine => {
                    self.set_status(place, Status::Quarantined, Cause::Mismatch);
                }
                OnMismatch::Hold => {
                    self.set_status(place, Status::Stalled(Standing::Held), Cause::Mismatch);
                }
            }
            return;
        }
        let standing = match rules.policy.on_stall {
            OnStall::Hold => Standing::Held,
            OnStall::Skip => Standing::Skipped,
            OnStall::Carry { carry_for, .. } if self.carried_for(place, None) <= carry_for => {
                Standing::Carried
            }
            OnStall::Carry { then: Then::Hold, .. } => Standing::Held,
            OnStall::Carry { then: Then::Skip, .. } => Standing::Skipped,
        };
        self.set_status(place, Status::Stalled(standing), cause);
    }

    /// How far the watermark (this one, or the present one) is past the member's last value;
    /// in alignment `arrival`, how many cuts that took something ago it moved.
    pub(crate) fn carried_for(&self, place: usize, watermark: Option<u64>) -> u64 {
        let Some((_, state)) = self.member(place) else {
            return 0;
        };
        match self.align {
            Alignment::Clock => watermark
                .or(self.log.watermark)
                .unwrap_or(0)
                .saturating_sub(state.closed().unwrap_or(0)),
            Alignment::Arrival => {
                self.log.cuts_taken.saturating_add(1).saturating_sub(state.last_moved_cut)
            }
        }
    }
}
