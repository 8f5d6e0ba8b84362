use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holobiont_committee::{CutStatement, LogCommand, Machine};
use holobiont_committee_fold::Copies;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{
    Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Unavailable, Vote,
};

use crate::Enrolments;

/// The most cuts in one `Sign`.
const MAX_SIGNED_TOGETHER: usize = 64;

/// What a node has to propose, from the committee's state and from what it holds itself.
///
/// Nothing here is final: what was proposed and does not come back out of the log is proposed again.
#[derive(Debug, Default)]
pub(crate) struct Duty {
    /// Until when (runtime's ms) each is not proposed again.
    proposed: BTreeMap<Matter, u64>,
    /// Since when (runtime's ms) there is something of a member after this record that nobody has
    /// offered, by place.
    unoffered: BTreeMap<u16, (u64, u64)>,
    /// Whether this boot's key has been seen in the committee's state.
    was_known: bool,
    /// Term and leader to whom things were proposed.
    leader: (u64, Option<u64>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    Key,
    Admit(u16, [u8; 32]),
    /// A member's records after its frontier.
    Offer(u16, u64),
    /// On an offer (by log index), for a member; whether the opinion is a last one.
    Vote(u64, u16, bool),
    Sign(u64),
    Hold(Digest),
}

/// The node, and its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    pub(crate) node: &'a UniqueId,
    pub(crate) key: [u8; 32],
    /// The runtime's time, and how long a proposal may take to come back.
    pub(crate) now_ms: u64,
    pub(crate) retry_ms: u64,
}

/// What a node knows of its members.
pub(crate) struct Held<'a> {
    pub(crate) copies: &'a Copies,
    pub(crate) unavailable: &'a BTreeMap<u16, Unavailable>,
    /// Heads before what members' sources still have, where records after the frontier are gone.
    pub(crate) gaps: &'a BTreeMap<u16, OfferedHead>,
    pub(crate) leads: bool,
    pub(crate) patience_ms: u64,
    /// The wall clock, milliseconds since 1970.
    pub(crate) wall_ms: u64,
}

impl Duty {
    /// What was proposed to a leader that leads no more may be lost: it is proposed again at once.
    pub(crate) fn led_by(&mut self, term: u64, leader: Option<u64>) {
        if std::mem::replace(&mut self.leader, (term, leader)) != (term, leader) {
            self.propose_again();
        }
    }

    /// What was proposed did not get there, or may not have: it need not wait.
    pub(crate) fn propose_again(&mut self) {
        self.proposed.clear();
    }

    /// Whether a later boot of this node took this one's place.
    pub(crate) fn is_fenced(&self, machine: &Machine, own: Own<'_>) -> bool {
        let Some(place) = machine.place_of(own.node) else { return false };
        self.was_known
            && machine.active_key(place) != Some(&own.key)
            && machine.pending_key(place) != Some(&own.key)
    }

    /// This boot's key, and those of others: `verified` is what attested TLS has verified.
    pub(crate) fn keys(
        &mut self,
        machine: &Machine,
        own: Own<'_>,
        enrolment: &[u8],
        verified: &BTreeMap<UniqueId, Vec<[u8; 32]>>,
        enrolments: &Enrolments,
    ) -> Vec<LogCommand> {
        self.proposed.retain(|_, until_ms| *until_ms > own.now_ms);
        let mut commands = Vec::new();
        let Some(place) = machine.place_of(own.node) else { return commands };
        let keys = [machine.active_key(place), machine.pending_key(place)];
        let is_known = keys.contains(&Some(&own.key));
        self.was_known |= is_known;
        // A key that was known and is no more was fenced by a later boot: it is not brought back.
        if !self.was_known && self.propose(Matter::Key, own) {
            commands.push(LogCommand::Key { key: own.key, enrolment: enrolment.to_vec() });
        }
        if !is_known {
            return commands;
        }
        for (other, node) in (0_u16..).zip(machine.roster().nodes()) {
            let Some(key) = machine.pending_key(other).filter(|_| other != place) else { continue };
            let enrolment = machine.pending_enrolment(other).unwrap_or_default();
            if verified.get(node).is_some_and(|keys| keys.contains(key))
                && enrolments(node, enrolment)
                && !machine.admitted_by(other).contains(&place)
                && self.propose(Matter::Admit(other, *key), own)
            {
                commands.push(LogCommand::Admit { node: other, key: *key });
            }
        }
        commands
    }

    /// That it holds the file of the config that is offered, and could take it up.
    pub(crate) fn hold(
        &mut self,
        machine: &Machine,
        own: Own<'_>,
        could_take_up: Option<Digest>,
    ) -> Option<LogCommand> {
        let config = machine.offered_config().filter(|config| could_take_up == Some(*config))?;
        if machine.place_of(own.node).is_some_and(|place| machine.holds_offered(place)) {
            return None;
        }
        self.propose(Matter::Hold(config), own).then_some(LogCommand::Hold { config })
    }

    /// What was folded, has no certificate, and is to be signed now.
    pub(crate) fn due_signatures(
        &mut self,
        machine: &Machine,
        own: Own<'_>,
        unsigned: &mut VecDeque<CutStatement>,
    ) -> Vec<CutStatement> {
        let Some(place) = machine.place_of(own.node) else { return Vec::new() };
        let open: BTreeSet<u64> = machine.open_cuts().map(|open| open.cut()).collect();
        unsigned.retain(|it| open.contains(&it.cut) && !machine.has_signed(it.cut, place));
        let due = unsigned.iter().filter(|it| self.propose(Matter::Sign(it.cut), own));
        due.take(MAX_SIGNED_TOGETHER).cloned().collect()
    }

    /// An offer and votes. The leader offers what it holds; another node what nobody has offered for
    /// a while.
    pub(crate) fn members(
        &mut self,
        policy: &CommitteeState,
        place: u16,
        own: Own<'_>,
        held: &Held<'_>,
    ) -> Vec<LogCommand> {
        let heads = self.offers(policy, place, own, held);
        let offer = (!heads.is_empty())
            .then_some(LogCommand::Policy(Command::Offer(Offer { node: place, heads })));
        let votes = self.votes(policy, place, own, held).into_iter().map(|(offer, opinions)| {
            let vote = Vote { node: place, offer, opinions, time_ms: held.wall_ms };
            LogCommand::Policy(Command::Vote(vote))
        });
        votes.chain(offer).collect()
    }

    fn offers(
        &mut self,
        policy: &CommitteeState,
        place: u16,
        own: Own<'_>,
        held: &Held<'_>,
    ) -> Vec<OfferedHead> {
        let mut heads = Vec::new();
        for (member, state) in (0_u16..).zip(policy.members()) {
            let copied = held.copies.offer(member, state);
            let gap = || held.gaps.get(&member).cloned();
            let opens = |head: &OfferedHead| policy.would_open(head).is_ok();
            let Some(head) = copied.filter(opens).or_else(|| gap().filter(opens)) else {
                self.unoffered.remove(&member);
                continue;
            };
            let after = state.frontier.map_or(0, |frontier| frontier.seq.saturating_add(1));
            let since = self.unoffered.entry(member).or_insert((own.now_ms, after));
            if since.1 != after {
                *since = (own.now_ms, after);
            }
            let waited_ms = own.now_ms.saturating_sub(since.0);
            let rank = u64::from(place).saturating_add(1);
            let is_due = held.leads || waited_ms >= held.patience_ms.saturating_mul(rank);
            if is_due && self.propose(Matter::Offer(member, after), own) {
                heads.push(head);
            }
        }
        heads
    }

    fn votes(
        &mut self,
        policy: &CommitteeState,
        place: u16,
        own: Own<'_>,
        held: &Held<'_>,
    ) -> Vec<(OfferRef, Vec<(u16, Opinion)>)> {
        let mut by_offer: BTreeMap<u64, (OfferRef, Vec<(u16, Opinion)>)> = BTreeMap::new();
        for (member, state) in (0_u16..).zip(policy.members()) {
            let Some(open) = &state.open_offer else { continue };
            let said = open.opinions.get(usize::from(place)).copied().flatten();
            if matches!(said, Some(Opinion::Have | Opinion::Mismatch { .. })) {
                continue;
            }
            let unavailable = || held.unavailable.get(&member).copied().map(Opinion::Unavailable);
            let opinion = held.copies.opinion(&open.head, state).or_else(unavailable);
            let Some(opinion) = opinion.filter(|opinion| said != Some(*opinion)) else { continue };
            let is_last = !matches!(opinion, Opinion::Unavailable(_));
            if self.propose(Matter::Vote(open.offer.index, member, is_last), own) {
                let vote = by_offer.entry(open.offer.index);
                vote.or_insert_with(|| (open.offer, Vec::new())).1.push((member, opinion));
            }
        }
        by_offer.into_values().collect()
    }

    /// Whether it is time to propose this, and from now on it is not for a while.
    fn propose(&mut self, matter: Matter, own: Own<'_>) -> bool {
        if self.proposed.contains_key(&matter) {
            return false;
        }
        self.proposed.insert(matter, own.now_ms.saturating_add(own.retry_ms));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proposed_to_an_old_leader_is_proposed_to_the_next_at_once() {
        let node = UniqueId::from_name("node-1");
        let own = Own { node: &node, key: [1; 32], now_ms: 5, retry_ms: 3_000 };
        let mut duty = Duty::default();
        let mut proposes = |term, leader| {
            duty.led_by(term, leader);
            duty.propose(Matter::Sign(1), own)
        };
        let led = [(1, None), (1, Some(7)), (1, Some(7)), (2, Some(7)), (2, Some(7)), (3, Some(8))];
        let proposed = led.map(|(term, leader)| proposes(term, leader));
        assert_eq!(proposed, [true, true, false, true, false, true]);
    }
}
