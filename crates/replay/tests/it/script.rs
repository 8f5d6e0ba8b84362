//! A committee's log of one voter, written by hand against real surfaces.

use std::sync::Arc;

use holobiont_identity::OrderAction as Action;
use holobiont_identity::Organism;
use holobiont_policy::{
    Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Order, Roster, Unavailable,
    Vote,
};
use holobiont_replay::{NoOutput, Position, Replay, Surfaces};

use crate::world::{Ledger, World};

pub(crate) struct Script<'s> {
    surfaces: &'s Surfaces,
    pub(crate) commands: Vec<Command>,
    organism: &'s Organism,
    /// Where the commands so far lead to.
    state: CommitteeState,
    orders: u64,
}

impl<'s> Script<'s> {
    pub(crate) fn new(organism: &'s Organism, surfaces: &'s Surfaces) -> Self {
        let state = CommitteeState::new(organism, Roster::replay());
        Self { surfaces, commands: Vec::new(), organism, state, orders: 0 }
    }

    pub(crate) fn tick(&mut self) -> &mut Self {
        self.push(Command::Tick)
    }

    pub(crate) fn order(&mut self, action: Action) -> &mut Self {
        self.orders += 1;
        let (organism, sequence) = (self.organism.stable_id(), self.orders);
        self.push(Command::Order(Order { organism, sequence, expires_ms: None, action }))
    }

    /// The voter holds these members up to these records.
    pub(crate) fn agree(&mut self, heads: &[(u16, u64)]) -> &mut Self {
        self.vote(heads, Opinion::Have)
    }

    /// The voter can have a member only from `earliest` on.
    pub(crate) fn gap(&mut self, member: u16, seq: u64, earliest: u64) -> &mut Self {
        self.vote(&[(member, seq)], Opinion::Unavailable(Unavailable::Gap { earliest }))
    }

    fn vote(&mut self, heads: &[(u16, u64)], opinion: Opinion) -> &mut Self {
        let offered = heads.iter().map(|(member, seq)| self.head(*member, *seq)).collect();
        let offer = Command::Offer(Offer { node: 0, heads: offered });
        let hash = offer.hash();
        self.push(offer);
        let offer = OfferRef { index: self.state.log_index(), hash };
        let opinions = heads.iter().map(|(member, _)| (*member, opinion)).collect();
        self.push(Command::Vote(Vote { node: 0, offer, opinions, time_ms: 0 }))
    }

    /// The member's head at this record, and how its clock goes there from the frontier.
    fn head(&self, member: u16, seq: u64) -> OfferedHead {
        let place = usize::from(member);
        let (config, state) = (&self.organism.members[place], &self.state.members()[place]);
        let surface = self.surfaces.get(place).unwrap().1;
        let first = state.frontier.map_or(0, |frontier| frontier.seq + 1).max(state.resume_from);
        let mut cursor = surface.cursor(first.min(seq)).unwrap();
        let starts = self.organism.members.iter().filter_map(|member| member.start);
        let before_start = config.start.or(starts.min()).map_or(0, |start| start.saturating_sub(1));
        let mut previous = state.closed().unwrap_or(before_start);
        let (mut advance, mut closed) = (0, None);
        while cursor.next_seq() <= seq {
            let header = cursor.peek().unwrap().unwrap();
            let clock = config.clock.organism_clock(header.clock);
            advance = advance.max(clock.saturating_sub(previous));
            (previous, closed) = (clock, header.closed_clock());
            cursor.advance();
        }
        OfferedHead { member, seq, head: surface.head_at(seq).unwrap().hash, closed, advance }
    }

    fn push(&mut self, command: Command) -> &mut Self {
        self.state.apply(self.state.log_index() + 1, &command);
        self.commands.push(command);
        self
    }

    /// What the program was told, and how far it came.
    pub(crate) fn run(&self, world: &World, surfaces: &Surfaces) -> (Vec<String>, Vec<Position>) {
        let program = Ledger::new();
        let lines = Arc::clone(&program.lines);
        let mut replay = Replay::new(&world.organism, Roster::replay(), surfaces, program);
        for (index, command) in (1..).zip(&self.commands) {
            replay.step(index, command, &mut NoOutput).unwrap();
        }
        let lines = lines.lock().unwrap().clone();
        (lines, replay.positions())
    }
}
