use std::collections::VecDeque;

use holobiont_identity::{ClockRule, Organism};
use holobiont_policy::{
    Action, Command, Offer, OfferRef, OfferedHead, Opinion, Order, Unavailable, Vote,
};
use holobiont_surface::{Cursor, RecordHeader};

use crate::{ReplayError, Surfaces};

/// A source of the committee's commands, in log order.
pub trait Commands {
    /// The next entry and its log index; none at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] when the source is damaged or cannot be read.
    fn next(&mut self) -> Result<Option<(u64, Command)>, ReplayError>;
}

/// The commands that an imaginary committee of one would have logged, had it watched the members'
/// surfaces grow: per distinct clock event over all members, ascending, the orders of that clock,
/// one offer for all members with records at it, a vote, one tick.
#[derive(Debug)]
pub struct ReplayClock {
    members: Vec<Watched>,
    orders: VecDeque<ScheduledOrder>,
    orders_given: u64,
    queue: VecDeque<Command>,
    /// Index of the last command handed out, and of the last one planned.
    index: u64,
    planned: u64,
    looked_for_gaps: bool,
}

/// An operators' order, and the clock event at which it enters the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledOrder {
    /// In the organism's clock.
    pub clock: u64,
    /// What is ordered.
    pub action: Action,
}

#[derive(Debug)]
struct Watched {
    name: String,
    member: u16,
    rule: ClockRule,
    cursor: Cursor,
    /// Where the surface begins, if that is not its first record.
    earliest: u64,
}

/// The heads of all members with records at one clock event.
#[derive(Debug, Default)]
struct Observed {
    heads: Vec<OfferedHead>,
    time_ms: u64,
}

impl ReplayClock {
    /// Watches these surfaces from their beginning.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Member`] when a surface cannot be read.
    pub fn new(
        organism: &Organism,
        surfaces: &Surfaces,
        mut orders: Vec<ScheduledOrder>,
    ) -> Result<Self, ReplayError> {
        orders.sort_by_key(|order| order.clock);
        let mut members = Vec::with_capacity(surfaces.len());
        for (member, (config, (name, surface))) in
            (0_u16..).zip(organism.members.iter().zip(surfaces.iter()))
        {
            let earliest = surface.earliest();
            let cursor = surface
                .cursor(earliest)
                .map_err(|source| ReplayError::Member {
                    member: name.to_owned(),
                    source,
                })?;
            let name = name.to_owned();
            members.push(Watched {
                name,
                member,
                rule: config.clock,
                cursor,
                earliest,
            });
        }
        Ok(Self {
            members,
            orders: orders.into(),
            orders_given: 0,
            queue: VecDeque::new(),
            index: 0,
            planned: 0,
            looked_for_gaps: false,
        })
    }

    /// Plans the next clock event; false at the end of all surfaces and orders.
    fn plan(&mut self) -> Result<bool, ReplayError> {
        let mut next_clock: Option<u64> = None;
        for watched in &mut self.members {
            if let Some(header) = watched.peek()? {
                let clock = watched.rule.organism_clock(header.clock);
                next_clock = Some(next_clock.map_or(clock, |least| least.min(clock)));
            }
        }
        if !self.looked_for_gaps {
            self.looked_for_gaps = true;
            self.plan_gaps()?;
        }
        self.plan_orders(next_clock);
        let Some(clock) = next_clock else {
            return Ok(!self.queue.is_empty());
        };
        let mut observed = Observed::default();
        for watched in &mut self.members {
            watched.observe(clock, &mut observed)?;
        }
        let opinions = observed
            .heads
            .iter()
            .map(|head| (head.member, Opinion::Have))
            .collect();
        self.plan_vote(observed.heads, opinions, observed.time_ms);
        self.push(Command::Tick);
        Ok(true)
    }

    /// A surface whose first records are gone: the committee would have voted it gapped.
    fn plan_gaps(&mut self) -> Result<(), ReplayError> {
        let mut heads = Vec::new();
        let mut opinions = Vec::new();
        for watched in &mut self.members {
            let Some(header) = watched.peek()?.filter(|_| watched.earliest > 0) else {
                continue;
            };
            if let Some(before) = watched.cursor.head() {
                heads.push(OfferedHead {
                    member: watched.member,
                    seq: before.seq,
                    head: before.hash,
                    closed: header.clock.checked_sub(1),
                });
                let gap = Unavailable::Gap {
                    earliest: watched.earliest,
                };
                opinions.push((watched.member, Opinion::Unavailable(gap)));
            }
        }
        if !heads.is_empty() {
            self.plan_vote(heads, opinions, 0);
        }
        Ok(())
    }

    fn plan_orders(&mut self, until: Option<u64>) {
        while self
            .orders
            .front()
            .is_some_and(|order| until.is_none_or(|until| order.clock <= until))
        {
            let Some(order) = self.orders.pop_front() else {
                return;
            };
            self.orders_given = self.orders_given.saturating_add(1);
            self.push(Command::Order(Order {
                sequence: self.orders_given,
                expires_ms: None,
                action: order.action,
            }));
        }
    }

    fn plan_vote(&mut self, heads: Vec<OfferedHead>, opinions: Vec<(u16, Opinion)>, time_ms: u64) {
        let offer = Command::Offer(Offer { node: 0, heads });
        let hash = offer.hash();
        self.push(offer);
        let offer = OfferRef {
            index: self.planned,
            hash,
        };
        self.push(Command::Vote(Vote {
            node: 0,
            offer,
            opinions,
            time_ms,
        }));
    }

    fn push(&mut self, command: Command) {
        self.planned = self.planned.saturating_add(1);
        self.queue.push_back(command);
    }
}

impl Commands for ReplayClock {
    fn next(&mut self) -> Result<Option<(u64, Command)>, ReplayError> {
        if self.queue.is_empty() && !self.plan()? {
            return Ok(None);
        }
        self.index = self.index.saturating_add(1);
        Ok(self.queue.pop_front().map(|command| (self.index, command)))
    }
}

impl Watched {
    fn peek(&mut self) -> Result<Option<RecordHeader>, ReplayError> {
        self.cursor.peek().map_err(|source| ReplayError::Member {
            member: self.name.clone(),
            source,
        })
    }

    /// Passes the records of this clock event, and notes the head behind them.
    fn observe(&mut self, clock: u64, observed: &mut Observed) -> Result<(), ReplayError> {
        let mut closed = None;
        let mut has_records = false;
        while let Some(header) = self.peek()? {
            if self.rule.organism_clock(header.clock) != clock {
                break;
            }
            has_records = true;
            closed = header.closed_clock();
            observed.time_ms = observed.time_ms.max(header.time_ms);
            self.cursor.advance();
        }
        if has_records && let Some(head) = self.cursor.head() {
            observed.heads.push(OfferedHead {
                member: self.member,
                seq: head.seq,
                head: head.hash,
                closed,
            });
        }
        Ok(())
    }
}
