//! Offers, votes, and the frontiers they move.

use holobiont_identity::{ClockRule, OnGap};

use crate::state::Ignored;
use crate::watermark::median;
use crate::{
    Agreed, Applied, Cause, Command, CommitteeState, Frontier, Gap, MAX_TIME_MS, Offer, OfferRef,
    OfferedHead, OpenOffer, Opinion, Standing, Status, Unavailable, Vote,
};

/// Most gaps of a member that are kept apart until a cut tells of them.
const MAX_GAPS: usize = 64;

/// What the votes on an open offer amount to.
enum Outcome {
    Undecided,
    Agreed,
    Gap { earliest: u64 },
    Refused,
}

impl CommitteeState {
    pub(crate) fn apply_offer(
        &mut self,
        index: u64,
        command: &Command,
        offer: &Offer,
        applied: &mut Applied,
    ) {
        if usize::from(offer.node) >= self.roster.nodes().len() {
            applied.ignored.push(Ignored::UnknownNode(offer.node));
            return;
        }
        let reference = OfferRef { index, hash: command.hash() };
        for head in &offer.heads {
            if let Err(reason) = self.open_offer(reference, head) {
                applied.ignored.push(reason);
            }
        }
    }

    /// Whether an offer of this head would be voted on now.
    ///
    /// # Errors
    ///
    /// [`Ignored`]: why it would have no effect.
    pub fn would_open(&self, head: &OfferedHead) -> Result<(), Ignored> {
        let place = head.member;
        let tick = self.log.tick;
        let (rules, state) =
            self.member(usize::from(place)).ok_or(Ignored::UnknownMember(place))?;
        let is_taken = match state.status {
            Status::Quarantined => state.released,
            Status::Gapped => state.released || rules.policy.on_gap == OnGap::Skip,
            Status::Retired => !state.frozen && state.last_clock > state.closed(),
            _ => true,
        };
        if !is_taken {
            return Err(Ignored::NotTaken(place));
        }
        if head.seq < state.next_seq() {
            return Err(Ignored::NotAhead(place));
        }
        let timeout = u64::from(self.ticks.offer_timeout);
        let is_open = |open: &OpenOffer| tick.saturating_sub(open.tick) < timeout;
        match state.open_offer.as_ref().is_some_and(is_open) {
            true => Err(Ignored::OfferOpen(place)),
            false => Ok(()),
        }
    }

    fn open_offer(&mut self, offer: OfferRef, head: &OfferedHead) -> Result<(), Ignored> {
        self.would_open(head)?;
        let (place, tick) = (head.member, self.log.tick);
        let nodes = self.roster.nodes().len();
        if let Some(state) = self.log.members.get_mut(usize::from(place)) {
            state.open_offer =
                Some(OpenOffer { offer, head: head.clone(), tick, opinions: vec![None; nodes] });
        }
        Ok(())
    }

    pub(crate) fn apply_vote(&mut self, vote: &Vote, applied: &mut Applied) {
        let Some(reported) = self.log.reported_ms.get_mut(usize::from(vote.node)) else {
            applied.ignored.push(Ignored::UnknownNode(vote.node));
            return;
        };
        if vote.time_ms <= MAX_TIME_MS {
            *reported = vote.time_ms;
        } else {
            applied.ignored.push(Ignored::ImpossibleTime(vote.node));
        }
        // Nodes that have not reported count as 0: no minority can set the time.
        let middle = median(self.log.reported_ms.clone()).unwrap_or(0);
        self.log.time_ms = self.log.time_ms.max(middle);
        for (member, opinion) in &vote.opinions {
            match self.record_opinion(vote, *member, *opinion) {
                Ok(agreed) => applied.agreed.extend(agreed),
                Err(reason) => applied.ignored.push(reason),
            }
        }
    }

    /// The head that the opinion made a majority for, if it did.
    fn record_opinion(
        &mut self,
        vote: &Vote,
        member: u16,
        opinion: Opinion,
    ) -> Result<Option<Agreed>, Ignored> {
        let place = usize::from(member);
        let majority = self.roster.majority();
        let state = self.log.members.get_mut(place).ok_or(Ignored::UnknownMember(member))?;
        let next_seq = state.next_seq();
        let open = state
            .open_offer
            .as_mut()
            .filter(|open| open.offer == vote.offer)
            .ok_or(Ignored::NoSuchOffer(member))?;
        if let Opinion::Unavailable(Unavailable::Gap { earliest }) = opinion
            && earliest <= next_seq
        {
            return Err(Ignored::NoGap(member));
        }
        let slot =
            open.opinions.get_mut(usize::from(vote.node)).ok_or(Ignored::UnknownNode(vote.node))?;
        // What could not be had may be had later; what was seen once stays seen.
        if matches!(slot, Some(Opinion::Have | Opinion::Mismatch { .. })) {
            return Err(Ignored::AlreadyVoted(member));
        }
        *slot = Some(opinion);
        match outcome(&open.opinions, majority) {
            Outcome::Undecided => {}
            Outcome::Agreed => return Ok(self.move_frontier(place)),
            Outcome::Gap { earliest } => self.enter_gap(place, earliest),
            Outcome::Refused => self.close_offer(place),
        }
        Ok(None)
    }

    /// Ends an offer that found no majority, and remembers who disagreed over it.
    pub(crate) fn close_offer(&mut self, place: usize) {
        let Some(state) = self.log.members.get_mut(place) else { return };
        let Some(open) = state.open_offer.take() else { return };
        state.flagged_nodes = flagged(&open.opinions);
        state.disputed |= !state.flagged_nodes.is_empty();
    }

    fn enter_gap(&mut self, place: usize, earliest: u64) {
        let Some(state) = self.log.members.get_mut(place) else { return };
        state.open_offer = None;
        let gap = Gap { from_seq: state.next_seq(), to_seq: earliest };
        state.resume_from = earliest;
        let is_full = state.gaps.len() >= MAX_GAPS;
        match state.gaps.last_mut() {
            // Too many to keep apart: what lies between the last two counts as lost with them.
            Some(last) if last.to_seq == gap.from_seq || is_full => last.to_seq = gap.to_seq,
            _ => state.gaps.push(gap),
        }
        // A member with a `start` that has shown nothing of the organism yet begins where it can.
        let has_start = self.rules.get(place).is_some_and(|rules| rules.start.is_some());
        let has_begun = state.started && !(has_start && state.status == Status::Joining);
        if has_begun && state.status != Status::Retired {
            state.released = false;
            self.set_status(place, Status::Gapped, Cause::Gap { earliest });
        }
    }

    fn move_frontier(&mut self, place: usize) -> Option<Agreed> {
        let next_cut = self.log.cuts_taken.saturating_add(1);
        // Where nothing says where the organism's clock begins, first clocks are judged together.
        let is_unanchored = self.log.watermark.is_none() && self.begin().is_none();
        let (rules, state) = self.member(place)?;
        // A short step is no jump, wherever it is measured from.
        let is_long = state.open_offer.as_ref()?.head.advance > rules.policy.max_advance;
        let base = if is_long { self.base(place) } else { None };
        let rules = self.rules.get(place)?;
        let state = self.log.members.get_mut(place)?;
        let open = state.open_offer.take()?;
        let (before, from_seq) = (state.frontier, state.next_seq());
        let head = open.head;
        let closed = closed(rules.clock, head.closed);
        let limit = base.map_or(u64::MAX, |base| base.saturating_add(rules.policy.max_advance));
        let limit = limit.max(state.released_to);
        let went_back = closed < state.closed();
        // A long run of small steps is no jump, nor is a long step to where the others are.
        let is_first = is_unanchored && state.closed().is_none();
        let jumped = is_long && !is_first && closed > Some(limit);
        if went_back || jumped {
            let from = state.closed().or(base).unwrap_or(0);
            let to = closed.unwrap_or(0);
            let cause = if went_back {
                Cause::ClockWentBack { from, to }
            } else {
                Cause::ClockJump { from, to }
            };
            if state.status != Status::Retired {
                self.set_status(place, Status::Quarantined, cause);
            }
            return Some(Agreed { head, before, from_seq });
        }
        if is_first {
            state.first_closed = closed.map(|closed| (closed, head.advance));
        }
        let has_risen = closed > state.closed();
        state.flagged_nodes = flagged(&open.opinions);
        state.frontier = Some(Frontier { seq: head.seq, head: head.head, closed });
        state.moved_since_tick = true;
        state.ticks_without_move = 0;
        state.disputed = false;
        state.last_moved_cut = next_cut;
        self.log.moved_since_cut = true;
        // Records before its `start` clock do not make it a member yet, but they show that it comes.
        if rules.start.is_none_or(|start| start == 0 || closed >= Some(start)) {
            self.note_move(place);
        } else if state.status == Status::Joining && has_risen {
            state.since_tick = self.log.tick;
        }
        Some(Agreed { head, before, from_seq })
    }

    /// What a jump of a member's clock is measured from: where it is itself, where the organism is,
    /// or where the others are, whichever is furthest.
    fn base(&self, place: usize) -> Option<u64> {
        let (rules, state) = self.member(place)?;
        let start = rules.start.map(|start| start.saturating_sub(1)).or_else(|| self.begin());
        let others = self.others(place, &self.driving_clocks());
        state.closed().max(self.log.watermark).max(start).max(others)
    }

    fn note_move(&mut self, place: usize) {
        let watermark = self.log.watermark;
        let Some(state) = self.log.members.get_mut(place) else {
            return;
        };
        let is_first = !state.started;
        state.started = true;
        match state.status {
            Status::Joining => self.set_status(place, Status::Live, Cause::FirstRecord),
            Status::Absent if is_first => {
                self.set_status(place, Status::Live, Cause::FirstRecord);
            }
            Status::Late if state.lag_ticks == 0 => {
                self.set_status(place, Status::Live, Cause::Moved);
            }
            // The organism waited: nothing went on without it, so there is nothing to catch up with
            // beyond the watermark.
            Status::Stalled(Standing::Held) => {
                if state.closed() >= watermark {
                    self.set_status(place, Status::Live, Cause::Moved);
                }
            }
            Status::Absent | Status::Stalled(_) | Status::Gapped | Status::Quarantined => {
                state.released = false;
                self.set_status(place, Status::CatchingUp, Cause::Moved);
            }
            Status::Live | Status::Late | Status::CatchingUp | Status::Retired => {}
        }
    }
}

/// The member's closed clock in the organism's clock.
fn closed(rule: ClockRule, own: Option<u64>) -> Option<u64> {
    match own {
        Some(clock) => rule.closed(clock),
        None => rule.organism_clock(0).checked_sub(1),
    }
}

pub(crate) fn is_mismatch(opinion: &Option<Opinion>) -> bool {
    matches!(opinion, Some(Opinion::Mismatch { .. }))
}

fn outcome(opinions: &[Option<Opinion>], majority: usize) -> Outcome {
    let have = opinions.iter().filter(|opinion| matches!(opinion, Some(Opinion::Have))).count();
    if have >= majority {
        return Outcome::Agreed;
    }
    let mut gaps: Vec<u64> = opinions
        .iter()
        .filter_map(|opinion| match opinion {
            Some(Opinion::Unavailable(Unavailable::Gap { earliest })) => Some(*earliest),
            _ => None,
        })
        .collect();
    gaps.sort_unstable();
    // The first sequence number from which a majority can go on.
    if let Some(earliest) = majority.checked_sub(1).and_then(|nth| gaps.get(nth)) {
        return Outcome::Gap { earliest: *earliest };
    }
    // A node that cannot have it now may have it later; one that holds another head will not.
    let against = opinions.iter().filter(|opinion| is_mismatch(opinion)).count();
    if opinions.len().saturating_sub(against) < majority {
        return Outcome::Refused;
    }
    Outcome::Undecided
}

fn flagged(opinions: &[Option<Opinion>]) -> Vec<u16> {
    (0_u16..)
        .zip(opinions)
        .filter(|(_, opinion)| is_mismatch(opinion))
        .map(|(node, _)| node)
        .collect()
}
