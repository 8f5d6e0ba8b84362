use std::cmp::Reverse;
use std::collections::BinaryHeap;

use holobiont_identity::{MemberId, Organism};
use holobiont_policy::{Cut, CutMember, Status, StatusChange};
use holobiont_surface::{Head, NewRecord};

use crate::commits::Pending;
use crate::input::{Input, Next};
use crate::{
    Citation, Commit, Commits, Event, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence,
    MemberRecord, Output, Position, Program, ProgramError, ReplayError, StatusRecord, Surfaces,
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

impl<'s, P: Program> Engine<'s, P> {
    pub(crate) fn new(
        organism: &Organism,
        surfaces: &'s Surfaces,
        program: P,
        positions: &[Position],
    ) -> Self {
        let position = |place: usize| positions.get(place).copied().unwrap_or_default();
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
        self.inputs.iter().map(|input| input.position).collect()
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
        let stopped = |source| ReplayError::Program {
            cut: cut.number,
            source,
        };
        for change in cut.changes.iter().filter(|change| change.is_told()) {
            self.tell(Event::Status(change)).map_err(stopped)?;
        }
        let mut folded = self.fold_records(cut)?;
        folded.commits = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        self.publish(cut, output)?;
        Ok(folded)
    }

    fn tell(&mut self, event: Event<'_>) -> Result<(), ProgramError> {
        let mut commits = Commits {
            next_seqs: &self.next_seqs,
            pending: &mut self.pending,
        };
        self.program.fold(event, &mut commits)
    }

    /// The cut's records in merge order: (clock event, member's place, sequence number). Late
    /// records come first of themselves, since their clocks were closed by an earlier cut.
    fn fold_records(&mut self, cut: &Cut) -> Result<Folded, ReplayError> {
        let stopped = |source| ReplayError::Program {
            cut: cut.number,
            source,
        };
        let mut folded = Folded::default();
        let mut queue = BinaryHeap::with_capacity(self.inputs.len());
        for (place, (input, member)) in self.inputs.iter_mut().zip(&cut.members).enumerate() {
            input.taken = None;
            if let Some(next) = input.next(cut, member)? {
                queue.push(Reverse((next.clock, place, next.seq, next.late)));
            }
        }
        let mut open: Option<u64> = None;
        while let Some(Reverse((clock, place, seq, late))) = queue.pop() {
            if let Some(previous) = open.filter(|previous| *previous < clock) {
                self.tell(Event::ClockClosed { clock: previous })
                    .map_err(stopped)?;
                open = None;
            }
            if !late && cut.watermark.is_some() {
                open = Some(clock);
            }
            let Some(member) = cut.members.get(place) else {
                continue;
            };
            let mut next = Some(Next { clock, seq, late });
            // A run of one member's records of the same clock needs no queue.
            while let Some(record) = next.filter(|next| next.clock == clock) {
                folded.payload_bytes = folded
                    .payload_bytes
                    .saturating_add(self.fold_record(cut, place, record)?);
                folded.records = folded.records.saturating_add(1);
                next = self.next(cut, place, member)?;
            }
            if let Some(next) = next {
                queue.push(Reverse((next.clock, place, next.seq, next.late)));
            }
        }
        let rest = cut.watermark.filter(|watermark| open < Some(*watermark));
        for clock in open.into_iter().chain(rest) {
            self.tell(Event::ClockClosed { clock }).map_err(stopped)?;
        }
        Ok(folded)
    }

    fn next(
        &mut self,
        cut: &Cut,
        place: usize,
        member: &CutMember,
    ) -> Result<Option<Next>, ReplayError> {
        match self.inputs.get_mut(place) {
            Some(input) => input.next(cut, member),
            None => Ok(None),
        }
    }

    /// Folds the record that `next` names, and returns the size of its payload in bytes.
    fn fold_record(&mut self, cut: &Cut, place: usize, next: Next) -> Result<u64, ReplayError> {
        let (Some(input), Some(next_seq)) =
            (self.inputs.get_mut(place), self.next_seqs.get_mut(place))
        else {
            return Ok(0);
        };
        *next_seq = next.seq.saturating_add(1);
        let Some(record) = input.current() else {
            return Ok(0);
        };
        let size_bytes = u64::try_from(record.payload().len()).unwrap_or(u64::MAX);
        let event = Event::Record(MemberRecord {
            member: u16::try_from(place).unwrap_or(u16::MAX),
            clock: next.clock,
            record,
            late: next.late,
        });
        let mut commits = Commits {
            next_seqs: &self.next_seqs,
            pending: &mut self.pending,
        };
        self.program
            .fold(event, &mut commits)
            .map_err(|source| ReplayError::Program {
                cut: cut.number,
                source,
            })?;
        input.fold(next);
        Ok(size_bytes)
    }

    fn publish(&mut self, cut: &Cut, output: &mut impl Output) -> Result<(), ReplayError> {
        let mut payloads: Vec<(u16, Vec<u8>)> = Vec::new();
        for change in &cut.changes {
            payloads.push((KIND_STATUS, self.status_record(cut, change)?.encode()));
        }
        let statuses: Vec<Status> = cut.members.iter().map(|member| member.status).collect();
        for pending in std::mem::take(&mut self.pending) {
            let commit = Commit {
                cut: cut.number,
                grade: cut.grade,
                weight: cut.weight,
                statuses: statuses.clone(),
                evidence: self.evidence(cut, &pending.citations),
                citations: pending.citations,
                payload: pending.payload,
            };
            payloads.push((KIND_COMMIT, commit.encode()));
        }
        if payloads.is_empty() {
            payloads.push((KIND_EMPTY, Vec::new()));
        }
        let last = payloads.len().saturating_sub(1);
        for (nth, (kind, payload)) in payloads.iter().enumerate() {
            let record = NewRecord {
                clock: cut.clock(),
                closes_clock: nth == last,
                time_ms: cut.time_ms,
                kind: *kind,
                payload,
            };
            output.record(cut.number, record)?;
        }
        Ok(())
    }

    fn status_record(&self, cut: &Cut, change: &StatusChange) -> Result<StatusRecord, ReplayError> {
        let member = self
            .ids
            .get(usize::from(change.member))
            .copied()
            .ok_or_else(|| ReplayError::Snapshot {
                why: format!("names member {} of none", change.member),
            })?;
        Ok(StatusRecord {
            cut: cut.number,
            member,
            change: change.clone(),
        })
    }

    /// The members that a commit stands on, each with its head at the cut.
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
                    head: Head {
                        seq: frontier.seq,
                        hash: frontier.head,
                    },
                })
            })
            .collect()
    }
}
