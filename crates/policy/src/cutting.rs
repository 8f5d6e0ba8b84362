//! The watermark, and the cuts that its moves make.

use holobiont_identity::{Alignment, OnStall, Then};

use crate::member::Hold;
use crate::watermark::{Candidate, candidate, median};
use crate::{Cause, CommitteeState, Cut, CutMember, Grade, MemberState, Standing, Status};

/// What the first clocks of an organism without any `start` say.
enum FirstClocks {
    Fit,
    TooFew,
    Quarantined,
}

impl CommitteeState {
    /// The cut that the entry just applied makes, if it makes one.
    pub(crate) fn cut(&mut self, is_tick: bool) -> Option<Cut> {
        if self.log.paused {
            return None;
        }
        let cut = match self.align {
            Alignment::Clock => self.cut_by_clock(),
            Alignment::Arrival => self.cut_by_arrival(),
        };
        if cut.is_some() || !is_tick {
            return cut;
        }
        let quiet_for = self.log.tick.saturating_sub(self.log.last_cut_tick);
        (quiet_for >= u64::from(self.ticks.checkpoint_every)).then(|| self.make_cut(None, true))
    }

    fn cut_by_clock(&mut self) -> Option<Cut> {
        self.log.halted = false;
        // Every pass but the last quarantines a member, so this ends.
        loop {
            let candidate = self.candidate();
            if !self.may_leave_idle(candidate.is_driven) {
                return None;
            }
            let watermark = candidate.watermark?;
            if self.log.watermark.is_some_and(|previous| watermark <= previous) {
                return None;
            }
            if self.log.watermark.is_none() {
                match self.judge_first_clocks() {
                    FirstClocks::Fit => {}
                    FirstClocks::TooFew => return None,
                    FirstClocks::Quarantined => continue,
                }
            }
            self.log.halted = self.weight(Some(watermark)) < self.floor.halt_below;
            if self.log.halted {
                return None;
            }
            self.end_carries(Some(watermark));
            return Some(self.make_cut(Some(watermark), false));
        }
    }

    fn cut_by_arrival(&mut self) -> Option<Cut> {
        self.log.halted = false;
        if !self.log.moved_since_cut {
            return None;
        }
        self.end_carries(None);
        // Where no clock is compared, to hold means that nothing is cut.
        let is_held = self.log.members.iter().zip(&self.rules).any(|(state, rules)| {
            let waits = !matches!(state.status, Status::Live | Status::Late);
            waits && matches!(state.hold(rules), Hold::Drives(_))
        });
        if is_held {
            return None;
        }
        self.log.halted = self.weight(None) < self.floor.halt_below;
        (!self.log.halted).then(|| self.make_cut(None, false))
    }

    fn candidate(&self) -> Candidate {
        candidate(self.log.members.iter().zip(&self.rules).map(|(state, rules)| state.hold(rules)))
    }

    /// After a time in which no member held the watermark, the first to return must not run off
    /// with it before the others could come back too.
    fn may_leave_idle(&mut self, is_driven: bool) -> bool {
        if !is_driven {
            self.log.idle = self.log.watermark.is_some();
            self.log.resume_at_tick = None;
            return false;
        }
        if std::mem::take(&mut self.log.idle) {
            let may_return = |state: &MemberState| {
                !matches!(state.status, Status::Retired | Status::Quarantined)
            };
            let members = self.log.members.iter().zip(&self.rules);
            let waits = members
                .filter(|(state, _)| may_return(state))
                .map(|(_, rules)| rules.policy.late_after);
            let wait = waits.max().unwrap_or(0);
            self.log.resume_at_tick = Some(self.log.tick.saturating_add(u64::from(wait)));
        }
        match self.log.resume_at_tick {
            Some(at) if self.log.tick < at => false,
            _ => {
                self.log.resume_at_tick = None;
                true
            }
        }
    }

    /// In an organism without any `start` nothing says where its clock begins, so no single member
    /// may: more than half of them have to show a clock, and one far past their median is not
    /// believed.
    fn judge_first_clocks(&mut self) -> FirstClocks {
        if self.begin().is_some() {
            return FirstClocks::Fit;
        }
        let is_out = |status| matches!(status, Status::Quarantined | Status::Retired);
        let expected = self.log.members.iter().filter(|state| !is_out(state.status)).count();
        let shown: Vec<(usize, (u64, u64))> = self
            .log
            .members
            .iter()
            .enumerate()
            .filter(|(_, state)| !is_out(state.status))
            .filter_map(|(place, state)| Some((place, state.first_closed?)))
            .collect();
        if shown.len() <= expected / 2 {
            return FirstClocks::TooFew;
        }
        let middle = median(shown.iter().map(|(_, (first, _))| *first).collect()).unwrap_or(0);
        let mut judged = FirstClocks::Fit;
        for (place, (to, advance)) in shown {
            let Some((rules, state)) = self.member(place) else { continue };
            let max_advance = rules.policy.max_advance;
            let limit = middle.saturating_add(max_advance).max(state.released_to);
            if to > limit && advance > max_advance {
                let cause = Cause::ClockJump { from: middle, to };
                self.set_status(place, Status::Quarantined, cause);
                if let Some(state) = self.log.members.get_mut(place) {
                    state.frontier = None;
                    state.first_closed = None;
                }
                judged = FirstClocks::Quarantined;
            }
        }
        judged
    }

    /// The clock before the organism's first, where the config says.
    pub(crate) fn begin(&self) -> Option<u64> {
        let first = self.rules.iter().filter_map(|member| member.start).min()?;
        Some(first.saturating_sub(1))
    }

    /// Weight of the members that count, once the watermark is here.
    fn weight(&self, watermark: Option<u64>) -> u64 {
        (0..self.rules.len())
            .filter(|place| !self.carry_is_over(*place, watermark))
            .filter_map(|place| self.member(place))
            .filter(|(_, state)| state.status.counts())
            .fold(0, |sum, (rules, _)| rules.policy.weight.saturating_add(sum))
    }

    fn carry_is_over(&self, place: usize, watermark: Option<u64>) -> bool {
        let Some((rules, state)) = self.member(place) else {
            return false;
        };
        let OnStall::Carry { carry_for, .. } = rules.policy.on_stall else {
            return false;
        };
        state.status == Status::Stalled(Standing::Carried)
            && self.carried_for(place, watermark) > carry_for
    }

    /// The carries that a cut at this watermark outlives end before it, so that the program does
    /// not stand on a value that is too old.
    fn end_carries(&mut self, watermark: Option<u64>) {
        for place in 0..self.rules.len() {
            if self.carry_is_over(place, watermark) {
                self.end_carry(place);
            }
        }
    }

    fn end_carry(&mut self, place: usize) {
        let Some((rules, _)) = self.member(place) else {
            return;
        };
        let standing = match rules.policy.on_stall {
            OnStall::Carry { then: Then::Hold, .. } | OnStall::Hold => Standing::Held,
            OnStall::Carry { then: Then::Skip, .. } | OnStall::Skip => Standing::Skipped,
        };
        self.set_status(place, Status::Stalled(standing), Cause::CarryEnded);
    }

    fn make_cut(&mut self, watermark: Option<u64>, checkpoint: bool) -> Cut {
        let previous_watermark = self.log.watermark;
        // Before the cut counts: it is the weight that the floor was asked about.
        let weight = self.weight(watermark);
        self.log.watermark = watermark.or(previous_watermark);
        self.log.cut_number = self.log.cut_number.saturating_add(1);
        self.log.last_cut_tick = self.log.tick;
        let changes = if checkpoint {
            Vec::new()
        } else {
            self.log.moved_since_cut = false;
            self.log.cuts_taken = self.log.cuts_taken.saturating_add(1);
            std::mem::take(&mut self.log.changes)
        };
        Cut {
            number: self.log.cut_number,
            log_index: self.log.log_index,
            time_ms: self.log.time_ms,
            watermark: self.log.watermark,
            previous_watermark,
            checkpoint,
            grade: if weight >= self.floor.normal { Grade::Normal } else { Grade::Degraded },
            weight,
            members: self
                .log
                .members
                .iter_mut()
                .map(|state| CutMember {
                    status: state.status,
                    frontier: state.frontier,
                    last_clock: state.last_clock,
                    gaps: if checkpoint { Vec::new() } else { std::mem::take(&mut state.gaps) },
                })
                .collect(),
            changes,
        }
    }

    /// What follows from the watermark's new place, for the next cut to tell.
    pub(crate) fn settle(&mut self) {
        let watermark = self.log.watermark;
        let driven = self.candidate().driven;
        for place in 0..self.rules.len() {
            let Some((rules, state)) = self.member(place) else { continue };
            let reached = match self.align {
                Alignment::Clock => watermark,
                Alignment::Arrival => state.closed(),
            };
            let is_over = state.last_clock.is_some_and(|last| Some(last) <= reached);
            let is_due = rules.start.zip(watermark).is_some_and(|(start, watermark)| {
                !state.started && watermark.saturating_add(1) >= start
            });
            // The carried value has been used as long as it may be; now the others wait.
            let is_capped = match state.hold(rules) {
                Hold::Caps(cap) => watermark >= Some(cap) && driven > Some(cap),
                _ => false,
            };
            let status = state.status;
            if is_over {
                self.set_status(place, Status::Retired, Cause::Ordered);
            } else if is_due && status == Status::Absent {
                self.start(place);
            } else if is_capped && status == Status::Stalled(Standing::Carried) {
                self.end_carry(place);
            }
        }
    }
}
