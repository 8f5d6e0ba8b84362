use holobiont_identity::{MemberId, Organism};
use holobiont_policy::{Cut, Status, StatusChange};
use holobiont_surface::{Head, NewRecord};

use crate::commits::Pending;
use crate::hand::Hand;
use crate::input::Input;
use crate::turns::Turns;
use crate::{
    Citation, Commit, Commits, Event, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence,
    MemberRecord, Output, Position, Program, ReplayError, StatusRecord, Surfaces,
};

/// Folds cuts through a program, and publishes what it commits.
#[derive(Debug)]
pub(crate) struct Engine<P> {
    inputs: Vec<Input>,
    turns: Turns,
    /// Memory for what inputs have ready, and how far that was folded; empty between cuts.
    hands: Vec<Hand<'static>>,
    passed: Vec<(u16, usize)>,
    teller: Teller<P>,
}

/// The program, and what its commits stand on.
#[derive(Debug)]
struct Teller<P> {
    program: P,
    ids: Vec<MemberId>,
    /// One past the last record that each member's part of the fold has reached.
    next_seqs: Vec<u64>,
    /// The first record of each member that was folded in the present cut; `u64::MAX` where none.
    first_seqs: Vec<u64>,
    pending: Vec<Pending>,
}

/// What one cut came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) records: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) commits: u64,
}

/// A cut being folded, and where its records go.
struct Fold<'a, O> {
    cut: &'a Cut,
    output: &'a mut O,
    statuses: Vec<Status>,
    /// The last record so far: only when there is no other after it does it close the clock.
    held: Option<(u16, Vec<u8>)>,
    folded: Folded,
}

impl<P: Program> Engine<P> {
    pub(crate) fn new(
        organism: &Organism,
        surfaces: &Surfaces,
        program: P,
        positions: &[Position],
    ) -> Self {
        let position = |place: usize| positions.get(place).cloned().unwrap_or_default();
        let inputs: Vec<Input> = organism
            .members
            .iter()
            .enumerate()
            .filter_map(|(place, member)| {
                let (name, spans) = surfaces.spans(place)?;
                Some(Input::new(name.to_owned(), spans.clone(), member, position(place)))
            })
            .collect();
        let teller = Teller {
            program,
            ids: organism.members.iter().map(|member| member.id()).collect(),
            next_seqs: inputs.iter().map(|input| input.position().next_seq).collect(),
            first_seqs: vec![u64::MAX; inputs.len()],
            pending: Vec::new(),
        };
        Self {
            turns: Turns::new(inputs.len()),
            hands: Vec::with_capacity(inputs.len()),
            passed: Vec::with_capacity(inputs.len()),
            inputs,
            teller,
        }
    }

    pub(crate) const fn program(&self) -> &P {
        &self.teller.program
    }

    pub(crate) fn positions(&self) -> Vec<Position> {
        self.inputs.iter().map(|input| input.position().clone()).collect()
    }

    pub(crate) fn next_seq(&self, place: usize) -> Option<u64> {
        self.inputs.get(place).map(|input| input.position().next_seq)
    }

    pub(crate) fn input(&mut self, place: usize) -> Option<&mut Input> {
        self.inputs.get_mut(place)
    }

    /// Goes on by the rules of another config, with another program.
    pub(crate) fn take_up(&mut self, organism: &Organism, program: P) {
        for (input, member) in self.inputs.iter_mut().zip(&organism.members) {
            input.take_up(member);
        }
        self.teller.program = program;
    }

    /// Folds one cut and publishes its changes of status and its commits.
    pub(crate) fn fold(
        &mut self,
        cut: &Cut,
        output: &mut impl Output,
    ) -> Result<Folded, ReplayError> {
        if cut.checkpoint {
            return Ok(Folded::default());
        }
        for (input, member) in self.inputs.iter_mut().zip(&cut.members) {
            input.begin(cut, member);
        }
        self.teller.first_seqs.fill(u64::MAX);
        let statuses = cut.members.iter().map(|member| member.status).collect();
        let mut fold = Fold { cut, output, statuses, held: None, folded: Folded::default() };
        for change in &cut.changes {
            let record = self.teller.status_record(cut, change)?;
            fold.publish(KIND_STATUS, record.encode())?;
        }
        for change in cut.changes.iter().filter(|change| change.is_told()) {
            self.teller.tell(Event::Status(change), &mut fold)?;
        }
        self.fold_records(&mut fold)?;
        for (next_seq, input) in self.teller.next_seqs.iter_mut().zip(&mut self.inputs) {
            input.end();
            *next_seq = input.position().next_seq;
        }
        fold.finish()
    }

    /// The cut's records in merge order: (clock event, member's place, sequence number). Late
    /// records come first of themselves, since their clocks were closed by an earlier cut. Where no
    /// clock is compared (alignment `arrival`) the order is (member's place, sequence number).
    fn fold_records<O: Output>(&mut self, fold: &mut Fold<'_, O>) -> Result<(), ReplayError> {
        let Self { inputs, hands, passed, turns, teller } = self;
        let cut = fold.cut;
        let by_clock = cut.watermark.is_some();
        for input in &mut *inputs {
            input.next(cut)?;
        }
        let mut open: Option<u64> = None;
        loop {
            let mut ready = recycle(std::mem::take(hands));
            let some = (0_u16..).zip(&*inputs).filter_map(|(place, input)| input.hand(place));
            ready.extend(some.inspect(|hand| teller.begins(hand.place, hand.first_seq())));
            if ready.is_empty() {
                *hands = recycle(ready);
                break;
            }
            turns.give(&mut ready, by_clock);
            for turn in turns.iter() {
                let Some(hand) = ready.get_mut(usize::from(turn.hand)) else { break };
                let (member, late) = (hand.place, hand.late);
                for _ in 0..turn.records {
                    let Some((clock, record)) = hand.play() else {
                        return Err(Input::ends_of(inputs, member, cut));
                    };
                    if let Some(clock) = open.filter(|open| *open < clock) {
                        teller.tell(Event::ClockClosed { clock }, fold)?;
                    }
                    open = (by_clock && !late).then_some(clock);
                    teller.take(MemberRecord { member, clock, record, late }, fold)?;
                }
            }
            passed.clear();
            passed.extend(ready.iter().map(|hand| (hand.place, hand.at())));
            let records: u64 = ready.iter().map(Hand::taken).sum();
            fold.folded.records = fold.folded.records.saturating_add(records);
            *hands = recycle(ready);
            for (place, at) in passed.drain(..) {
                let Some(input) = inputs.get_mut(usize::from(place)) else { continue };
                if input.pass_to(at) {
                    input.next(cut)?;
                }
            }
        }
        let rest = cut.watermark.filter(|watermark| open < Some(*watermark));
        for clock in open.into_iter().chain(rest) {
            teller.tell(Event::ClockClosed { clock }, fold)?;
        }
        Ok(())
    }
}

/// The same memory, for hands that borrow from elsewhere.
#[expect(clippy::unnecessary_filter_map, reason = "it is another type of hand")]
fn recycle<'a>(mut hands: Vec<Hand<'_>>) -> Vec<Hand<'a>> {
    hands.clear();
    hands.into_iter().filter_map(|_| None).collect()
}

impl<P: Program> Teller<P> {
    /// Tells the program, and publishes what it commits.
    #[inline]
    fn tell<O: Output>(
        &mut self,
        event: Event<'_>,
        fold: &mut Fold<'_, O>,
    ) -> Result<(), ReplayError> {
        let mut commits = Commits { next_seqs: &self.next_seqs, pending: &mut self.pending };
        let told = self.program.fold(event, &mut commits);
        told.map_err(|source| ReplayError::Program { cut: fold.cut.number, source })?;
        if self.pending.is_empty() { Ok(()) } else { self.publish_pending(fold) }
    }

    /// Hears of the first record that is ready, of those that a cut takes of a member.
    fn begins(&mut self, member: u16, seq: u64) {
        if let Some(first_seq) = self.first_seqs.get_mut(usize::from(member)) {
            *first_seq = seq.min(*first_seq);
        }
    }

    /// Folds a member's record.
    #[inline]
    fn take<O: Output>(
        &mut self,
        taken: MemberRecord<'_>,
        fold: &mut Fold<'_, O>,
    ) -> Result<(), ReplayError> {
        let (place, record) = (usize::from(taken.member), &taken.record);
        if let Some(next_seq) = self.next_seqs.get_mut(place) {
            *next_seq = record.seq().saturating_add(1);
        }
        let size_bytes = u64::from(record.header().payload_length);
        fold.folded.payload_bytes = fold.folded.payload_bytes.saturating_add(size_bytes);
        self.tell(Event::Record(taken), fold)
    }

    /// Publishes what the program has just committed, as soon as it has: a cut of years holds no
    /// more in memory than one of a day.
    #[cold]
    fn publish_pending<O: Output>(&mut self, fold: &mut Fold<'_, O>) -> Result<(), ReplayError> {
        let mut pending = std::mem::take(&mut self.pending);
        for Pending { payload, citations } in pending.drain(..) {
            let commit = Commit {
                cut: fold.cut.number,
                grade: fold.cut.grade,
                weight: fold.cut.weight,
                statuses: std::mem::take(&mut fold.statuses),
                evidence: self.evidence(fold.cut, &citations),
                citations,
                payload,
            };
            fold.folded.commits = fold.folded.commits.saturating_add(1);
            fold.publish(KIND_COMMIT, commit.encode())?;
            fold.statuses = commit.statuses;
        }
        self.pending = pending;
        Ok(())
    }

    fn status_record(&self, cut: &Cut, change: &StatusChange) -> Result<StatusRecord, ReplayError> {
        let member = self.ids.get(usize::from(change.member)).copied().ok_or_else(|| {
            ReplayError::Snapshot { why: format!("names member {} of none", change.member) }
        })?;
        Ok(StatusRecord { cut: cut.number, member, change: change.clone() })
    }

    /// The members that a commit stands on, each with what the cut has taken of it up to this
    /// commit, and its head at the cut.
    fn evidence(&self, cut: &Cut, citations: &[Citation]) -> Vec<MemberEvidence> {
        let mut is_cited = vec![false; self.ids.len()];
        for citation in citations {
            if let Some(cited) = is_cited.get_mut(usize::from(citation.member)) {
                *cited = true;
            }
        }
        let taken = self.first_seqs.iter().zip(&self.next_seqs);
        // What is ready need not have been folded.
        let taken =
            taken.map(|(first, next)| (first < next).then(|| (*first, next.saturating_sub(1))));
        self.ids
            .iter()
            .zip(taken)
            .zip(&cut.members)
            .zip(is_cited)
            .zip(0_u16..)
            .filter_map(|((((id, taken), member), is_cited), place)| {
                let frontier = member.frontier?;
                (taken.is_some() || is_cited).then_some(MemberEvidence {
                    place,
                    member: *id,
                    taken,
                    head: Head { seq: frontier.seq, hash: frontier.head },
                })
            })
            .collect()
    }
}

impl<O: Output> Fold<'_, O> {
    fn publish(&mut self, kind: u16, payload: Vec<u8>) -> Result<(), ReplayError> {
        match self.held.replace((kind, payload)) {
            Some((kind, payload)) => self.append(kind, &payload, false),
            None => Ok(()),
        }
    }

    /// The last record of the cut closes its clock; where there is none, an empty one does.
    fn finish(mut self) -> Result<Folded, ReplayError> {
        let (kind, payload) = self.held.take().unwrap_or((KIND_EMPTY, Vec::new()));
        self.append(kind, &payload, true)?;
        Ok(self.folded)
    }

    fn append(&mut self, kind: u16, payload: &[u8], closes_clock: bool) -> Result<(), ReplayError> {
        let record = NewRecord {
            clock: self.cut.clock(),
            closes_clock,
            time_ms: self.cut.time_ms,
            kind,
            payload,
        };
        self.output.record(self.cut.number, record)
    }
}

#[cfg(test)]
mod tests;
