use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holobiont_committee::{CutStatement, LogCommand, Machine};
use holobiont_committee_fold::Copies;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{
    Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Unavailable, Vote,
};

use crate::{BootQuotes, Enrolments, Presented};

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
    /// The node's active key when this boot's was first seen in the committee's state, or this one once
    /// it was active; none before.
    known_after: Option<Option<[u8; 32]>>,
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

    /// Whether a later boot of this node took this one's place: this one's key was active and is no
    /// more, or another was admitted since this one's was presented. One that only waits is nothing yet;
    /// nor is it to have no key, as a node that the roster has taken back.
    pub(crate) fn is_fenced(&self, machine: &Machine, own: Own<'_>) -> bool {
        let active = machine.place_of(own.node).and_then(|place| machine.active_key(place));
        let is_others = active.is_some_and(|active| *active != own.key)
            && self.known_after.is_some_and(|before| before.as_ref() != active);
        machine.is_fenced(own.node, &own.key) || is_others
    }

    /// This boot's key, which `shows` enrolment and quote, and those of others: `verified` is what
    /// attested TLS has verified, and `judges` say the rest.
    pub(crate) fn keys(
        &mut self,
        machine: &Machine,
        own: Own<'_>,
        shows: (&[u8], &[u8]),
        verified: &BTreeMap<UniqueId, Vec<[u8; 32]>>,
        judges: (&Enrolments, &BootQuotes),
    ) -> Vec<LogCommand> {
        self.proposed.retain(|_, until_ms| *until_ms > own.now_ms);
        let mut commands = Vec::new();
        let Some(place) = machine.place_of(own.node) else { return commands };
        let active = machine.active_key(place).copied();
        let is_active = active == Some(own.key);
        let is_known = is_active || machine.pending_key(place) == Some(&own.key);
        if is_active || (is_known && self.known_after.is_none()) {
            self.known_after = Some(active);
        }
        // One that waited may have been displaced by what an earlier boot said late: it says so again.
        if !is_known && self.propose(Matter::Key, own) {
            let (enrolment, quote) = (shows.0.to_vec(), shows.1.to_vec());
            commands.push(LogCommand::Key { key: own.key, enrolment, quote });
        }
        if !is_known {
            return commands;
        }
        for (other, node) in (0_u16..).zip(machine.roster().nodes()) {
            let Some(key) = machine.pending_key(other).filter(|_| other != place) else { continue };
            let enrolment = machine.pending_enrolment(other).unwrap_or_default();
            let quote = machine.pending_quote(other).unwrap_or_default();
            // What costs most is asked last, and not again while an admit is on its way.
            if verified.get(node).is_some_and(|keys| keys.contains(key))
                && !machine.admitted_by(other).contains(&place)
                && !self.proposed.contains_key(&Matter::Admit(other, *key))
                && judges.0(node, enrolment)
                && judges.1(&Presented { node, key, enrolment, quote })
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
    use std::sync::Arc;

    use holobiont_committee::{SeedKey, Signed, Signer};
    use holobiont_identity::Organism;
    use holobiont_policy::Roster;

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

    /// Node 1's log as its own duty sees it.
    struct Log {
        organism: Arc<Organism>,
        nodes: [UniqueId; 3],
        machine: Machine,
        duty: Duty,
        now_ms: u64,
    }

    impl Log {
        fn new() -> Self {
            let organism = Arc::new(Organism::parse(ORGANISM).expect("an organism"));
            let nodes = ["node-1", "node-2", "node-3"].map(UniqueId::from_name);
            let roster = Roster::new(nodes.to_vec()).expect("a roster");
            let machine = Machine::new(Arc::clone(&organism), roster).expect("a machine");
            Self { organism, nodes, machine, duty: Duty::default(), now_ms: 0 }
        }

        fn write(&mut self, node: u16, command: LogCommand, key: &SeedKey) {
            let id = &self.nodes[usize::from(node)];
            let entry = Signed::make(self.organism.stable_id(), id, node, command, key).encode();
            let index = self.machine.log_index() + 1;
            self.machine.apply(index, &entry, &self.organism).expect("an entry");
        }

        fn present(&mut self, node: u16, key: &SeedKey) {
            let (enrolment, quote) = (vec![], vec![]);
            self.write(node, LogCommand::Key { key: key.public(), enrolment, quote }, key);
        }

        /// The other two admit a key of node 1.
        fn admit(&mut self, key: &SeedKey, others: &[SeedKey; 2]) {
            for (node, by) in (1..).zip(others) {
                self.write(node, LogCommand::Admit { node: 0, key: key.public() }, by);
            }
        }

        /// Whether this boot is fenced, and whether it presents its key.
        fn looks(&mut self, key: &SeedKey) -> (bool, bool) {
            self.now_ms += 5_000;
            let own = Own {
                node: &self.nodes[0],
                key: key.public(),
                now_ms: self.now_ms,
                retry_ms: 3_000,
            };
            let is_fenced = self.duty.is_fenced(&self.machine, own);
            let judges: (Enrolments, BootQuotes) = (Arc::new(|_, _| false), Arc::new(|_| false));
            let judges = (&judges.0, &judges.1);
            let commands = self.duty.keys(&self.machine, own, (&[], &[]), &BTreeMap::new(), judges);
            let presents = |command: &LogCommand| matches!(command, LogCommand::Key { .. });
            (is_fenced, commands.iter().any(presents))
        }
    }

    fn keys<const N: usize>(seeds: [u8; N]) -> [SeedKey; N] {
        seeds.map(|seed| SeedKey::from_seed(&[seed; 32]).expect("a key"))
    }

    #[test]
    fn a_boot_whose_key_waits_is_not_fenced_by_what_an_earlier_one_says_late() {
        let ([own, earlier, later], others) = (keys([1, 2, 3]), keys([11, 12]));
        let mut log = Log::new();
        (1..).zip(&others).for_each(|(node, key)| log.present(node, key));
        assert_eq!(log.looks(&own), (false, true));
        log.present(0, &own);
        assert_eq!(log.looks(&own), (false, false), "it waits");
        log.present(0, &earlier);
        assert_eq!(log.looks(&own), (false, true), "it was displaced");
        log.present(0, &own);
        log.admit(&own, &others);
        assert_eq!(log.looks(&own), (false, false));
        log.present(0, &later);
        assert_eq!(log.looks(&own), (false, false), "another waits");
        log.admit(&later, &others);
        assert!(log.looks(&own).0, "another was admitted");
    }

    #[test]
    fn a_boot_that_waits_while_another_is_admitted_is_fenced() {
        let ([before, own, later], others) = (keys([1, 2, 3]), keys([11, 12]));
        let mut log = Log::new();
        (1..).zip(&others).for_each(|(node, key)| log.present(node, key));
        log.present(0, &before);
        log.admit(&before, &others);
        assert_eq!(log.looks(&own), (false, true), "an earlier boot's key is still there");
        log.present(0, &own);
        assert_eq!(log.looks(&own), (false, false));
        log.present(0, &later);
        assert!(!log.looks(&own).0);
        log.admit(&later, &others);
        assert!(log.looks(&own).0);
    }

    #[test]
    fn a_key_is_admitted_only_where_its_quote_is_good() {
        let ([own_key, other], mut log) = (keys([1, 2]), Log::new());
        log.present(0, &own_key);
        let command = LogCommand::Key { key: other.public(), enrolment: vec![], quote: vec![7] };
        log.write(1, command, &other);
        let own = Own { node: &log.nodes[0], key: own_key.public(), now_ms: 5, retry_ms: 3_000 };
        let verified = BTreeMap::from([(log.nodes[1], vec![other.public()])]);
        let admit = LogCommand::Admit { node: 1, key: other.public() };
        let proposes = |verified: &BTreeMap<_, _>, good: &'static [u8]| {
            let enrolments: Enrolments = Arc::new(|_, _| true);
            let quotes: BootQuotes = Arc::new(move |shown: &Presented<'_>| shown.quote == good);
            let judges = (&enrolments, &quotes);
            Duty::default().keys(&log.machine, own, (&[], &[]), verified, judges)
        };
        assert_eq!(proposes(&verified, &[7]), [admit]);
        assert!(proposes(&verified, &[8]).is_empty(), "its quote is not good");
        assert!(proposes(&BTreeMap::new(), &[7]).is_empty(), "TLS has not seen it");
    }

    const ORGANISM: &str = r#"
        version = 1
        name = "demo"
        program = { name = "cross-feed", version = 1 }
        policy = { max_advance = 10 }
        member = [{ name = "feed", stable_id = "acme.feed", surface = "rates" }]
    "#;
}
