//! Writes a committee's log by hand.

use holobiont_identity::OrderAction as Action;
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::{
    Applied, Command, CommitteeState, Cut, Offer, OfferRef, OfferedHead, Opinion, Order, Roster,
    Status, Vote,
};

pub(crate) struct Driver {
    pub(crate) organism: Organism,
    pub(crate) state: CommitteeState,
    pub(crate) log: Vec<(u64, Command)>,
    nodes: u16,
    orders: u64,
}

/// A member's table: its name and the lines of its policy.
pub(crate) fn organism(head: &str, members: &[(&str, &str, &str)]) -> Organism {
    let mut text = format!(
        "version = 1\nname = \"test\"\n{head}\n[program]\nname = \"none\"\nversion = 1\n\
         [policy]\nmax_advance = 10\nlate_after = 2\nstall_after = 4\nrecover_after = 2\n\
         join_within = 3\n"
    );
    for (name, keys, policy) in members {
        text.push_str(&format!(
            "[[member]]\nname = \"{name}\"\nstable_id = \"test.{name}\"\nsurface = \"s\"\n{keys}\n\
             [member.policy]\n{policy}\n"
        ));
    }
    Organism::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn digest(value: u64) -> Digest {
    Digest::from_bytes(*blake3::hash(&value.to_le_bytes()).as_bytes())
}

impl Driver {
    pub(crate) fn new(organism: Organism, nodes: u16) -> Self {
        let roster = (0..nodes).map(|node| UniqueId::from_name(&format!("node {node}"))).collect();
        let state = CommitteeState::new(&organism, Roster::new(roster).unwrap());
        Self { organism, state, log: Vec::new(), nodes, orders: 0 }
    }

    pub(crate) fn apply(&mut self, command: Command) -> Applied {
        let index = self.log.last().map_or(0, |(index, _)| *index) + 1;
        let applied = self.state.apply(index, &command);
        self.log.push((index, command));
        applied
    }

    pub(crate) fn tick(&mut self) -> Option<Cut> {
        self.apply(Command::Tick).cut
    }

    /// Ticks until there is a cut; at most 1,000.
    pub(crate) fn tick_to_cut(&mut self) -> Cut {
        (0..1_000).find_map(|_| self.tick()).expect("a cut within 1,000 ticks")
    }

    /// Every head is one record after the frontier, in one step of its clock.
    pub(crate) fn offer(&mut self, heads: &[(u16, u64, Option<u64>)]) -> (OfferRef, Applied) {
        let steps: Vec<_> = heads
            .iter()
            .map(|(member, seq, closed)| {
                let known = self.state.members().get(usize::from(*member));
                let before = known.and_then(|state| state.closed()).unwrap_or(0);
                (*member, *seq, *closed, closed.unwrap_or(0).saturating_sub(before))
            })
            .collect();
        self.offer_steps(&steps)
    }

    /// Heads as they are, with the largest step of their clocks.
    pub(crate) fn offer_steps(
        &mut self,
        heads: &[(u16, u64, Option<u64>, u64)],
    ) -> (OfferRef, Applied) {
        let heads = heads
            .iter()
            .map(|(member, seq, closed, advance)| OfferedHead {
                member: *member,
                seq: *seq,
                head: digest(*seq),
                closed: *closed,
                advance: *advance,
            })
            .collect();
        let command = Command::Offer(Offer { node: 0, heads });
        let hash = command.hash();
        let applied = self.apply(command);
        (OfferRef { index: self.state.log_index(), hash }, applied)
    }

    pub(crate) fn vote(
        &mut self,
        node: u16,
        offer: OfferRef,
        opinions: &[(u16, Opinion)],
    ) -> Applied {
        let time_ms = 1_000 * self.state.log_index();
        self.apply(Command::Vote(Vote { node, offer, opinions: opinions.to_vec(), time_ms }))
    }

    /// Everybody has these members' records up to `seq`, with everything to `closed` closed.
    pub(crate) fn agree(&mut self, heads: &[(u16, u64, u64)]) -> Option<Cut> {
        let offered: Vec<_> =
            heads.iter().map(|(member, seq, closed)| (*member, *seq, Some(*closed))).collect();
        let (offer, _) = self.offer(&offered);
        let opinions: Vec<_> =
            heads.iter().map(|(member, _, _)| (*member, Opinion::Have)).collect();
        (0..self.nodes).find_map(|node| self.vote(node, offer, &opinions).cut)
    }

    /// Each of these members publishes the record of this clock event; then a tick.
    pub(crate) fn day(&mut self, clock: u64, members: &[u16]) -> Vec<Cut> {
        let heads: Vec<_> = members.iter().map(|member| (*member, clock, clock)).collect();
        let cut = if heads.is_empty() { None } else { self.agree(&heads) };
        cut.into_iter().chain(self.tick()).collect()
    }

    pub(crate) fn order(&mut self, action: Action) -> Applied {
        self.orders += 1;
        let (organism, sequence) = (self.organism.stable_id(), self.orders);
        self.apply(Command::Order(Order { organism, sequence, expires_ms: None, action }))
    }

    pub(crate) fn status(&self, member: usize) -> Status {
        self.state.members()[member].status
    }
}
