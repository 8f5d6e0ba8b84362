use std::collections::VecDeque;

use holobiont_identity::{ClockRule, Organism, ReplayOrder, UniqueId};
use holobiont_policy::{
    Command, CommitteeState, Offer, OfferRef, OfferedHead, Opinion, Order, Unavailable, Vote,
};
use holobiont_surface::{Cursor, RecordHeader};

use crate::advance::Advance;
use crate::{ReplayError, Surfaces};

/// A source of the committee's commands, in log order.
pub trait Commands {
    /// The next entry and its log index, after those that led to `state`; none at the end.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] when the source is damaged or cannot be read.
    fn next(&mut self, state: &CommitteeState) -> Result<Option<(u64, Command)>, ReplayError>;
}

/// The commands that an imaginary committee of one would have logged, had it watched the members'
/// surfaces grow: per distinct clock event over all members, ascending, the orders of that clock,
/// one offer for all members with records at it, a vote, one tick. Where every member has a `start`,
/// clock events before the first of them do not tick. Only what the surfaces' durable marks cover is
/// seen.
#[derive(Debug)]
pub struct ReplayClock {
    organism: UniqueId,
    members: Vec<Watched>,
    orders: VecDeque<ReplayOrder>,
    orders_given: u64,
    queue: VecDeque<Command>,
    /// Index of the last command handed out, and of the last one planned.
    index: u64,
    planned: u64,
    /// The organism's first clock event, where every member has a `start`.
    begin: u64,
    looked_for_gaps: bool,
}

#[derive(Debug)]
struct Watched {
    name: String,
    member: u16,
    rule: ClockRule,
    cursor: Cursor,
    /// Where the surface begins, if that is not its first record.
    earliest: u64,
    /// One past the last durable record.
    synced: u64,
    advance: Advance,
    /// The time that its last record claims.
    last_ms: u64,
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
        mut orders: Vec<ReplayOrder>,
    ) -> Result<Self, ReplayError> {
        orders.sort_by_key(|order| order.clock);
        let mut members = Vec::with_capacity(surfaces.len());
        for (member, (config, (name, surface))) in
            (0_u16..).zip(organism.members.iter().zip(surfaces.iter()))
        {
            let earliest = surface.earliest();
            let cursor = surface
                .cursor(earliest)
                .map_err(|source| ReplayError::Member { member: name.to_owned(), source })?;
            members.push(Watched {
                name: name.to_owned(),
                member,
                rule: config.clock,
                cursor,
                earliest,
                synced: surface.mark().map_or(0, |mark| mark.seq.saturating_add(1)),
                advance: Advance::new(organism, config),
                last_ms: 0,
            });
        }
        let begin = organism.members.iter().map(|member| member.start).min().flatten();
        Ok(Self {
            organism: organism.stable_id(),
            members,
            orders: orders.into(),
            orders_given: 0,
            queue: VecDeque::new(),
            index: 0,
            planned: 0,
            begin: begin.unwrap_or(0),
            looked_for_gaps: false,
        })
    }

    /// Plans the next clock event; false at the end of all surfaces and orders.
    fn plan(&mut self, state: &CommitteeState) -> Result<bool, ReplayError> {
        if !self.looked_for_gaps {
            self.looked_for_gaps = true;
            self.plan_gaps()?;
            if !self.queue.is_empty() {
                return Ok(true);
            }
        }
        let mut next_clock: Option<u64> = None;
        for watched in &mut self.members {
            if let Some(header) = watched.peek()? {
                let clock = watched.rule.organism_clock(header.clock);
                next_clock = Some(next_clock.map_or(clock, |least| least.min(clock)));
            }
        }
        self.plan_orders(next_clock);
        let Some(clock) = next_clock else { return Ok(!self.queue.is_empty()) };
        let mut heads = Vec::new();
        let mut times_ms = Vec::new();
        for (watched, member) in self.members.iter_mut().zip(state.members()) {
            watched.advance.follow(member.frontier);
            let head = watched.observe(clock)?;
            // The members' own times are advisory: the middle of those that are there counts, not
            // the loudest.
            if head.is_some() || member.status.counts() {
                times_ms.push(watched.last_ms);
            }
            heads.extend(head);
        }
        let opinions = heads.iter().map(|head| (head.member, Opinion::Have)).collect();
        times_ms.sort_unstable();
        let middle = times_ms.len().saturating_sub(1) / 2;
        let time_ms = times_ms.get(middle).copied().unwrap_or(0);
        self.plan_vote(heads, opinions, time_ms);
        if clock >= self.begin {
            self.push(Command::Tick);
        }
        Ok(true)
    }

    /// A surface whose first records are gone: the committee would have voted it gapped.
    fn plan_gaps(&mut self) -> Result<(), ReplayError> {
        let mut heads = Vec::new();
        let mut opinions = Vec::new();
        for watched in &mut self.members {
            let Some(header) = watched.peek()?.filter(|_| watched.earliest > 0) else { continue };
            if let Some(before) = watched.cursor.head() {
                heads.push(OfferedHead {
                    member: watched.member,
                    seq: before.seq,
                    head: before.hash,
                    closed: header.clock.checked_sub(1),
                    advance: 0,
                });
                let gap = Unavailable::Gap { earliest: watched.earliest };
                opinions.push((watched.member, Opinion::Unavailable(gap)));
            }
        }
        if !heads.is_empty() {
            self.plan_vote(heads, opinions, 0);
        }
        Ok(())
    }

    fn plan_orders(&mut self, until: Option<u64>) {
        let is_due = |order: &ReplayOrder| until.is_none_or(|until| order.clock <= until);
        while self.orders.front().is_some_and(is_due) {
            let Some(order) = self.orders.pop_front() else { return };
            self.orders_given = self.orders_given.saturating_add(1);
            self.push(Command::Order(Order {
                organism: self.organism,
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
        let offer = OfferRef { index: self.planned, hash };
        self.push(Command::Vote(Vote { node: 0, offer, opinions, time_ms }));
    }

    fn push(&mut self, command: Command) {
        self.planned = self.planned.saturating_add(1);
        self.queue.push_back(command);
    }
}

impl Commands for ReplayClock {
    fn next(&mut self, state: &CommitteeState) -> Result<Option<(u64, Command)>, ReplayError> {
        if self.queue.is_empty() && !self.plan(state)? {
            return Ok(None);
        }
        self.index = self.index.saturating_add(1);
        Ok(self.queue.pop_front().map(|command| (self.index, command)))
    }
}

impl Watched {
    fn peek(&mut self) -> Result<Option<RecordHeader>, ReplayError> {
        let header = self
            .cursor
            .peek()
            .map_err(|source| ReplayError::Member { member: self.name.clone(), source })?;
        Ok(header.filter(|header| header.seq < self.synced))
    }

    /// Passes the records of this clock event; the head behind them, if there are any.
    fn observe(&mut self, clock: u64) -> Result<Option<OfferedHead>, ReplayError> {
        let mut last: Option<RecordHeader> = None;
        while let Some(header) = self.peek()? {
            if self.rule.organism_clock(header.clock) != clock {
                break;
            }
            self.advance.pass(&header);
            self.last_ms = header.time_ms;
            last = Some(header);
            self.cursor.advance();
        }
        let (Some(last), Some(head)) = (last, self.cursor.head()) else { return Ok(None) };
        Ok(Some(OfferedHead {
            member: self.member,
            seq: head.seq,
            head: head.hash,
            closed: last.closed_clock(),
            advance: self.advance.largest(),
        }))
    }
}
