//! Offers, votes, and the frontiers they move.

use holobiont_identity::OnGap;

use crate::state::Ignored;
use crate::watermark::median;
use crate::{
    Cause, Command, CommitteeState, Frontier, Offer, OfferRef, OfferedHead, OpenOffer, Opinion,
    Standing, Status, Unavailable, Vote,
};

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
        ignored: &mut Vec<Ignored>,
    ) {
        if usize::from(offer.node) >= self.roster.nodes().len() {
            ignored.push(Ignored::UnknownNode(offer.node));
            return;
        }
        let reference = OfferRef {
            index,
            hash: command.hash(),
        };
        for head in &offer.heads {
            if let Err(reason) = self.open_offer(reference, head) {
                ignored.push(reason);
            }
        }
    }

    fn open_offer(&mut self, offer: OfferRef, head: &OfferedHead) -> Result<(), Ignored> {
        let place = head.member;
        let nodes = self.roster.nodes().len();
        let tick = self.log.tick;
        let (rules, state) = self
            .member(usize::from(place))
            .ok_or(Ignored::UnknownMember(place))?;
        let is_taken = match state.status {
            Status::Quarantined => state.released,
            Status::Gapped => state.released || rules.policy.on_gap == OnGap::Skip,
            Status::Retired => state.last_clock > state.closed(),
            _ => true,
        };
        if !is_taken {
            return Err(Ignored::NotTaken(place));
        }
        let is_ahead = state
            .frontier
            .is_none_or(|frontier| head.seq > frontier.seq);
        if !is_ahead || head.seq < state.resume_from {
            return Err(Ignored::NotAhead(place));
        }
        let timeout = u64::from(self.ticks.offer_timeout);
        let is_open = |open: &OpenOffer| tick.saturating_sub(open.tick) < timeout;
        if state.open_offer.as_ref().is_some_and(is_open) {
            return Err(Ignored::OfferOpen(place));
        }
        if let Some(state) = self.log.members.get_mut(usize::from(place)) {
            state.open_offer = Some(OpenOffer {
                offer,
                seq: head.seq,
                head: head.head,
                closed: head.closed,
                tick,
                opinions: vec![None; nodes],
            });
        }
        Ok(())
    }

    pub(crate) fn apply_vote(&mut self, vote: &Vote, ignored: &mut Vec<Ignored>) {
        let Some(reported) = self.log.reported_ms.get_mut(usize::from(vote.node)) else {
            ignored.push(Ignored::UnknownNode(vote.node));
            return;
        };
        *reported = Some(vote.time_ms);
        let reports: Vec<u64> = self.log.reported_ms.iter().flatten().copied().collect();
        self.log.time_ms = self.log.time_ms.max(median(reports).unwrap_or(0));
        for (member, opinion) in &vote.opinions {
            if let Err(reason) = self.record_opinion(vote, *member, *opinion) {
                ignored.push(reason);
            }
        }
    }

    fn record_opinion(
        &mut self,
        vote: &Vote,
        member: u16,
        opinion: Opinion,
    ) -> Result<(), Ignored> {
        let place = usize::from(member);
        let majority = self.roster.majority();
        let state = self
            .log
            .members
            .get_mut(place)
            .ok_or(Ignored::UnknownMember(member))?;
        let next_seq = state
            .frontier
            .map_or(0, |frontier| frontier.seq.saturating_add(1));
        let open = state
            .open_offer
            .as_mut()
            .filter(|open| open.offer == vote.offer)
            .ok_or(Ignored::NoSuchOffer(member))?;
        if let Opinion::Unavailable(Unavailable::Gap { earliest }) = opinion
            && earliest <= next_seq.max(state.resume_from)
        {
            return Err(Ignored::NoGap(member));
        }
        let slot = open
            .opinions
            .get_mut(usize::from(vote.node))
            .ok_or(Ignored::UnknownNode(vote.node))?;
        // What could not be had may be had later; what was seen once stays seen.
        if matches!(slot, Some(Opinion::Have | Opinion::Mismatch { .. })) {
            return Err(Ignored::AlreadyVoted(member));
        }
        *slot = Some(opinion);
        match outcome(&open.opinions, majority) {
            Outcome::Undecided => {}
            Outcome::Agreed => self.move_frontier(place),
            Outcome::Gap { earliest } => self.enter_gap(place, earliest),
            Outcome::Refused => self.close_offer(place),
        }
        Ok(())
    }

    /// Ends an offer that found no majority, and remembers whether nodes disagreed over it.
    pub(crate) fn close_offer(&mut self, place: usize) {
        let Some(state) = self.log.members.get_mut(place) else {
            return;
        };
        let Some(open) = state.open_offer.take() else {
            return;
        };
        state.disputed |= open
            .opinions
            .iter()
            .any(|opinion| matches!(opinion, Some(Opinion::Mismatch { .. })));
    }

    fn enter_gap(&mut self, place: usize, earliest: u64) {
        let Some(state) = self.log.members.get_mut(place) else {
            return;
        };
        state.open_offer = None;
        state.resume_from = state.resume_from.max(earliest);
        state.released = false;
        if state.status != Status::Retired {
            self.set_status(place, Status::Gapped, Cause::Gap { earliest });
        }
    }

    fn move_frontier(&mut self, place: usize) {
        let watermark = self.log.watermark;
        let next_cut = self.log.cut_number.saturating_add(1);
        let Some(rules) = self.rules.get(place) else {
            return;
        };
        let Some(state) = self.log.members.get_mut(place) else {
            return;
        };
        let Some(open) = state.open_offer.take() else {
            return;
        };
        let closed = open.closed.and_then(|clock| rules.clock.closed(clock));
        let before_start = rules.start.and_then(|start| start.checked_sub(1));
        let base = state.closed().max(watermark).max(before_start);
        let went_back = closed < state.closed();
        let limit = base.map_or(u64::MAX, |base| {
            base.saturating_add(rules.policy.max_advance)
        });
        if went_back || closed.is_some_and(|closed| closed > limit) {
            let (from, to) = (state.closed().or(base).unwrap_or(0), closed.unwrap_or(0));
            state.released = false;
            self.set_status(place, Status::Quarantined, Cause::ClockJump { from, to });
            return;
        }
        if base.is_none() {
            state.first_closed = closed;
        }
        state.flagged_nodes = flagged(&open.opinions);
        state.frontier = Some(Frontier {
            seq: open.seq,
            head: open.head,
            closed,
        });
        state.moved_since_tick = true;
        state.ticks_without_move = 0;
        state.disputed = false;
        state.last_moved_cut = next_cut;
        self.log.moved_since_cut = true;
        // Records before its `start` clock do not make it a member yet.
        let has_begun = rules.start.is_none_or(|start| {
            closed.is_some_and(|closed| closed.saturating_add(1) >= start) || start == 0
        });
        if has_begun {
            self.note_move(place);
        }
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

fn outcome(opinions: &[Option<Opinion>], majority: usize) -> Outcome {
    let have = opinions
        .iter()
        .filter(|opinion| matches!(opinion, Some(Opinion::Have)))
        .count();
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
        return Outcome::Gap {
            earliest: *earliest,
        };
    }
    // A node that cannot have it now may have it later; one that holds another head will not.
    let against = opinions
        .iter()
        .filter(|opinion| matches!(opinion, Some(Opinion::Mismatch { .. })))
        .count();
    if opinions.len().saturating_sub(against) < majority {
        return Outcome::Refused;
    }
    Outcome::Undecided
}

fn flagged(opinions: &[Option<Opinion>]) -> Vec<u16> {
    (0_u16..)
        .zip(opinions)
        .filter(|(_, opinion)| matches!(opinion, Some(Opinion::Mismatch { .. })))
        .map(|(node, _)| node)
        .collect()
}
