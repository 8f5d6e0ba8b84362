use holobiont_identity::{ClockRule, Member, OnLateData};
use holobiont_policy::{Cut, CutMember, Gap};
use holobiont_surface::{Cursor, Surface};
use serde::{Deserialize, Serialize};

use crate::ReplayError;

/// How far a member's records have been taken, and what became of those that were not folded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The next sequence number to take.
    pub next_seq: u64,
    /// Records folded.
    pub folded: u64,
    /// Of those, how many were late.
    pub late: u64,
    /// Late records dropped by `on_late_data = "drop"`.
    pub dropped_late: u64,
    /// Records before the member's `start` clock.
    pub before_start: u64,
    /// Records lost to gaps.
    pub lost_to_gap: u64,
    /// Gaps ahead of `next_seq`.
    pub gaps: Vec<Gap>,
}

/// A member's records on their way to the fold.
#[derive(Debug)]
pub(crate) struct Input<'s> {
    name: &'s str,
    surface: &'s Surface,
    start: u64,
    clock: ClockRule,
    drops_late: bool,
    cursor: Option<Cursor>,
    pub(crate) position: Position,
    /// First and last sequence number folded in the present cut.
    pub(crate) taken: Option<(u64, u64)>,
}

/// The next record of a member that a cut takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Next {
    /// Its clock event, in the organism's clock.
    pub(crate) clock: u64,
    pub(crate) seq: u64,
    pub(crate) late: bool,
}

impl<'s> Input<'s> {
    pub(crate) fn new(
        name: &'s str,
        surface: &'s Surface,
        member: &Member,
        position: Position,
    ) -> Self {
        Self {
            name,
            surface,
            start: member.start.unwrap_or(0),
            clock: member.clock,
            drops_late: member.policy.on_late_data == OnLateData::Drop,
            cursor: None,
            position,
            taken: None,
        }
    }

    /// Begins a cut.
    pub(crate) fn begin(&mut self, member: &CutMember) {
        self.taken = None;
        self.position.gaps.extend(&member.gaps);
    }

    /// The next record that the cut takes, if it takes one more; records that it passes over are
    /// counted. The record is then [`current`](Self::current).
    pub(crate) fn next(
        &mut self,
        cut: &Cut,
        member: &CutMember,
    ) -> Result<Option<Next>, ReplayError> {
        let Some(frontier) = member.frontier else {
            return Ok(None);
        };
        loop {
            self.skip_gaps();
            if self.position.next_seq > frontier.seq {
                return Ok(None);
            }
            let Some(header) = self.peek()? else {
                return Err(ReplayError::SurfaceEnds {
                    cut: cut.number,
                    log_index: cut.log_index,
                    member: self.name.to_owned(),
                    wanted_seq: frontier.seq,
                    next_seq: self.position.next_seq,
                });
            };
            let clock = self.clock.organism_clock(header.clock);
            let is_past_end = member.last_clock.is_some_and(|last| clock > last);
            let is_early = cut.watermark.is_some_and(|watermark| clock > watermark);
            if is_past_end || is_early {
                return Ok(None);
            }
            let late = cut.previous_watermark.is_some_and(|previous| clock <= previous);
            if clock < self.start {
                self.position.before_start = self.position.before_start.saturating_add(1);
            } else if late && self.drops_late {
                self.position.dropped_late = self.position.dropped_late.saturating_add(1);
            } else {
                return Ok(Some(Next { clock, seq: header.seq, late }));
            }
            self.pass();
        }
    }

    /// The record that [`next`](Self::next) named, borrowed from the buffer it was verified in.
    pub(crate) fn current(&self) -> Option<holobiont_surface::Record<'_>> {
        self.cursor.as_ref().and_then(Cursor::current)
    }

    /// Passes the record as folded.
    pub(crate) fn fold(&mut self, next: Next) {
        self.position.folded = self.position.folded.saturating_add(1);
        self.position.late = self.position.late.saturating_add(u64::from(next.late));
        let first = self.taken.map_or(next.seq, |(first, _)| first);
        self.taken = Some((first, next.seq));
        self.pass();
    }

    fn pass(&mut self) {
        if let Some(cursor) = &mut self.cursor {
            cursor.advance();
        }
        self.position.next_seq = self.position.next_seq.saturating_add(1);
    }

    /// What a majority cannot have any more is passed over, even where this copy still has it.
    fn skip_gaps(&mut self) {
        while let Some(gap) = self.position.gaps.first().copied() {
            if self.position.next_seq < gap.from_seq {
                return;
            }
            self.position.gaps.remove(0);
            let lost = gap.to_seq.saturating_sub(self.position.next_seq);
            if lost > 0 {
                self.position.lost_to_gap = self.position.lost_to_gap.saturating_add(lost);
                self.position.next_seq = gap.to_seq;
                self.cursor = None;
            }
        }
    }

    fn peek(&mut self) -> Result<Option<holobiont_surface::RecordHeader>, ReplayError> {
        let failed = |source| ReplayError::Member { member: self.name.to_owned(), source };
        if self.cursor.is_none() {
            self.cursor = Some(self.surface.cursor(self.position.next_seq).map_err(failed)?);
        }
        match &mut self.cursor {
            Some(cursor) => cursor.peek().map_err(failed),
            None => Ok(None),
        }
    }
}
