//! A committee's log of one voter, written by hand against real surfaces.

use std::sync::Arc;

use holobiont_policy::{
    Action, Command, Offer, OfferRef, OfferedHead, Opinion, Order, Roster, Unavailable, Vote,
};
use holobiont_replay::{NoOutput, Position, Replay, Surfaces};

use crate::world::{Ledger, World};

pub(crate) struct Script<'s> {
    surfaces: &'s Surfaces,
    pub(crate) commands: Vec<Command>,
    orders: u64,
}

impl<'s> Script<'s> {
    pub(crate) fn new(surfaces: &'s Surfaces) -> Self {
        Self {
            surfaces,
            commands: Vec::new(),
            orders: 0,
        }
    }

    pub(crate) fn tick(&mut self) -> &mut Self {
        self.commands.push(Command::Tick);
        self
    }

    pub(crate) fn order(&mut self, action: Action) -> &mut Self {
        self.orders += 1;
        self.commands.push(Command::Order(Order {
            sequence: self.orders,
            expires_ms: None,
            action,
        }));
        self
    }

    /// The voter holds these members up to these records.
    pub(crate) fn agree(&mut self, heads: &[(u16, u64)]) -> &mut Self {
        self.vote(heads, Opinion::Have)
    }

    /// The voter can have a member only from `earliest` on.
    pub(crate) fn gap(&mut self, member: u16, seq: u64, earliest: u64) -> &mut Self {
        self.vote(
            &[(member, seq)],
            Opinion::Unavailable(Unavailable::Gap { earliest }),
        )
    }

    fn vote(&mut self, heads: &[(u16, u64)], opinion: Opinion) -> &mut Self {
        let offered = heads
            .iter()
            .map(|(member, seq)| {
                let surface = self.surfaces.get(usize::from(*member)).unwrap().1;
                let mut cursor = surface.cursor(*seq).unwrap();
                let closed = cursor.peek().unwrap().unwrap().closed_clock();
                let head = surface.head_at(*seq).unwrap().hash;
                OfferedHead {
                    member: *member,
                    seq: *seq,
                    head,
                    closed,
                }
            })
            .collect();
        let offer = Command::Offer(Offer {
            node: 0,
            heads: offered,
        });
        let hash = offer.hash();
        self.commands.push(offer);
        let offer = OfferRef {
            index: self.commands.len() as u64,
            hash,
        };
        let opinions = heads.iter().map(|(member, _)| (*member, opinion)).collect();
        self.commands.push(Command::Vote(Vote {
            node: 0,
            offer,
            opinions,
            time_ms: 0,
        }));
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
