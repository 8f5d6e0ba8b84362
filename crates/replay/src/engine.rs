use std::cmp::Reverse;
use std::collections::BinaryHeap;

use holobiont_identity::{MemberId, Organism};
use holobiont_policy::{Cut, Status, StatusChange};
use holobiont_surface::{Head, NewRecord};

use crate::commits::Pending;
use crate::input::{Input, Next};
use crate::{
    Citation, Commit, Commits, Event, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence,
    MemberRecord, Output, Position, Program, ReplayError, StatusRecord, Surfaces,
};

/// Folds cuts through a program, and publishes what it commits.
#[derive(Debug)]
pub(crate) struct Engine<'s, P> {
    pub(crate) program: P,
    inputs: Vec<Input<'s>>,
    ids: Vec<MemberId>,
    /// One past the last record that each member's part of the fold has reached.
    next_seqs: Vec<u64>,
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

impl<'s, P: Program> Engine<'s, P> {
    pub(crate) fn new(
        organism: &Organism,
        surfaces: &'s Surfaces,
        program: P,
        positions: &[Position],
    ) -> Self {
        let position = |place: usize| positions.get(place).cloned().unwrap_or_default();
        let inputs: Vec<Input<'s>> = organism
            .members
            .iter()
            .zip(surfaces.iter())
            .enumerate()
            .map(|(place, (member, (name, surface)))| {
                Input::new(name, surface, member, position(place))
            })
            .collect();
        Self {
            program,
            next_seqs: inputs.iter().map(|input| input.position.next_seq).collect(),
            inputs,
            ids: organism.members.iter().map(|member| member.id()).collect(),
            pending: Vec::new(),
        }
    }

    pub(crate) fn positions(&self) -> Vec<Position> {
        self.inputs.iter().map(|input| input.position.clone()).collect()
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
            input.begin(member);
        }
        let statuses = cut.members.iter().map(|member| member.status).collect();
        let mut fold = Fold { cut, output, statuses, held: None, folded: Folded::default() };
        for change in &cut.changes {
            let record = self.status_record(cut, change)?;
            fold.publish(KIND_STATUS, record.encode())?;
        }
        for change in cut.changes.iter().filter(|change| change.is_told()) {
            self.tell(Event::Status(change), &mut fold)?;
        }
        self.fold_records(&mut fold)?;
        for (next_seq, input) in self.next_seqs.iter_mut().zip(&self.inputs) {
            *next_seq = input.position.next_seq;
        }
        fold.finish()
    }

    /// Tells the program, and publishes what it commits.
    fn tell<O: Output>(
        &mut self,
        event: Event<'_>,
        fold: &mut Fold<'_, O>,
    ) -> Result<(), ReplayError> {
        let mut commits = Commits { next_seqs: &self.next_seqs, pending: &mut self.pending };
        let told = self.program.fold(event, &mut commits);
        told.map_err(|source| ReplayError::Program { cut: fold.cut.number, source })?;
        self.publish_pending(fold)
    }

    /// The cut's records in merge order: (clock event, member's place, sequence number). Late
    /// records come first of themselves, since their clocks were closed by an earlier cut. Where no
    /// clock is compared (alignment `arrival`) the order is (member's place, sequence number).
    fn fold_records<O: Output>(&mut self, fold: &mut Fold<'_, O>) -> Result<(), ReplayError> {
        let cut = fold.cut;
        let mut queue = BinaryHeap::with_capacity(self.inputs.len());
        for (place, (input, member)) in self.inputs.iter_mut().zip(&cut.members).enumerate() {
            if let Some(next) = input.next(cut, member)? {
                queue.push(Reverse((order(cut, next), place, next)));
            }
        }
        let mut open: Option<u64> = None;
        while let Some(Reverse((clock, place, next))) = queue.pop() {
            if let Some(previous) = open.filter(|previous| *previous < clock) {
                self.tell(Event::ClockClosed { clock: previous }, fold)?;
            }
            open = (!next.late && cut.watermark.is_some()).then_some(clock);
            let mut next = Some(next);
            // A run of one member's records of the same clock needs no queue.
            while let Some(record) = next.filter(|next| order(cut, *next) == clock) {
                self.fold_record(place, record, fold)?;
                next = self.next(cut, place)?;
            }
            if let Some(next) = next {
                queue.push(Reverse((order(cut, next), place, next)));
            }
        }
        let rest = cut.watermark.filter(|watermark| open < Some(*watermark));
        for clock in open.into_iter().chain(rest) {
            self.tell(Event::ClockClosed { clock }, fold)?;
        }
        Ok(())
    }

    fn next(&mut self, cut: &Cut, place: usize) -> Result<Option<Next>, ReplayError> {
        match (self.inputs.get_mut(place), cut.members.get(place)) {
            (Some(input), Some(member)) => input.next(cut, member),
            _ => Ok(None),
        }
    }

    /// Folds the record that `next` names, borrowed from the buffer it was verified in.
    fn fold_record<O: Output>(
        &mut self,
        place: usize,
        next: Next,
        fold: &mut Fold<'_, O>,
    ) -> Result<(), ReplayError> {
        let (Some(input), Some(next_seq)) =
            (self.inputs.get_mut(place), self.next_seqs.get_mut(place))
        else {
            return Ok(());
        };
        *next_seq = next.seq.saturating_add(1);
        let Some(record) = input.current() else { return Ok(()) };
        let size_bytes = u64::try_from(record.payload().len()).unwrap_or(u64::MAX);
        let event = Event::Record(MemberRecord {
            member: u16::try_from(place).unwrap_or(u16::MAX),
            clock: next.clock,
            record,
            late: next.late,
        });
        let mut commits = Commits { next_seqs: &self.next_seqs, pending: &mut self.pending };
        let told = self.program.fold(event, &mut commits);
        told.map_err(|source| ReplayError::Program { cut: fold.cut.number, source })?;
        input.fold(next);
        fold.folded.records = fold.folded.records.saturating_add(1);
        fold.folded.payload_bytes = fold.folded.payload_bytes.saturating_add(size_bytes);
        self.publish_pending(fold)
    }

    /// Publishes what the program has just committed, as soon as it has: a cut of years holds no
    /// more in memory than one of a day.
    fn publish_pending<O: Output>(&mut self, fold: &mut Fold<'_, O>) -> Result<(), ReplayError> {
        for pending in std::mem::take(&mut self.pending) {
            let commit = Commit {
                cut: fold.cut.number,
                grade: fold.cut.grade,
                weight: fold.cut.weight,
                statuses: fold.statuses.clone(),
                evidence: self.evidence(fold.cut, &pending.citations),
                citations: pending.citations,
                payload: pending.payload,
            };
            fold.folded.commits = fold.folded.commits.saturating_add(1);
            fold.publish(KIND_COMMIT, commit.encode())?;
        }
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
        self.ids
            .iter()
            .zip(&self.inputs)
            .zip(&cut.members)
            .zip(is_cited)
            .zip(0_u16..)
            .filter_map(|((((id, input), member), is_cited), place)| {
                let frontier = member.frontier?;
                (input.taken.is_some() || is_cited).then_some(MemberEvidence {
                    place,
                    member: *id,
                    taken: input.taken,
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

/// What records are merged by before their members' places.
fn order(cut: &Cut, next: Next) -> u64 {
    if cut.watermark.is_some() { next.clock } else { 0 }
}
