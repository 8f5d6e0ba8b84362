use holobiont_identity::{ClockRule, Member, OnLateData};
use holobiont_policy::{Cut, CutMember, Gap};
use holobiont_surface::{Ahead, Cursor, Record, Surface, SurfaceError};
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
    /// The window in hand, gone through once: what the merge compares by, in the organism's clock.
    ahead: Ahead,
    /// The number in it of the record at hand.
    at: usize,
    /// Up to here its records are simply the next ones that the cut takes, and late like the first
    /// of them or not.
    plain_to: usize,
    late: bool,
    /// From here on they are not yet counted in `position`.
    counted_to: usize,
    position: Position,
    take: Take,
}

/// What the present cut takes of a member: found once, so that a record costs one comparison.
///
/// A member's clock never goes back, so its records come in three parts: those before its `start`,
/// then the late ones, then those of the cut.
#[derive(Debug, Clone, Copy, Default)]
struct Take {
    /// The last agreed record.
    last_seq: Option<u64>,
    /// The first record that is not simply the next: one past the last, or where a gap begins.
    pause_seq: u64,
    /// The last clock event taken that is late.
    late_to: Option<u64>,
    /// The last clock event taken.
    last_clock: u64,
}

/// What there is to say of a record that a cut takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// Its clock event, in the organism's clock.
    pub(crate) clock: u64,
    /// Its clock event was closed by an earlier cut already.
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
            ahead: Ahead::default(),
            at: 0,
            plain_to: 0,
            late: false,
            counted_to: 0,
            position,
            take: Take::default(),
        }
    }

    /// How far it has been taken, between cuts.
    pub(crate) const fn position(&self) -> &Position {
        &self.position
    }

    /// Begins a cut.
    pub(crate) fn begin(&mut self, cut: &Cut, member: &CutMember) {
        self.position.gaps.extend(&member.gaps);
        let last_clock = member.last_clock.unwrap_or(u64::MAX);
        let last_clock = last_clock.min(cut.watermark.unwrap_or(u64::MAX));
        self.take = Take {
            last_seq: member.frontier.map(|frontier| frontier.seq),
            pause_seq: 0,
            late_to: cut.previous_watermark.map(|watermark| watermark.min(last_clock)),
            last_clock,
        };
        self.plain_to = self.at;
    }

    /// Ends a cut.
    pub(crate) fn end(&mut self) {
        self.count();
    }

    /// Finds the next record that the cut takes, if it takes one more, and gives its clock event;
    /// records that it passes over are counted.
    pub(crate) fn next(&mut self, cut: &Cut) -> Result<Option<u64>, ReplayError> {
        self.count();
        loop {
            if self.position.next_seq >= self.take.pause_seq && !self.goes_on() {
                return Ok(None);
            }
            let Some(clock) = self.ahead.clocks().get(self.at).copied() else {
                if self.load()? {
                    continue;
                }
                return Err(self.ends(cut));
            };
            if clock > self.take.last_clock {
                return Ok(None);
            }
            self.late = Some(clock) <= self.take.late_to;
            if clock < self.start {
                self.position.before_start = self.position.before_start.saturating_add(1);
            } else if self.late && self.drops_late {
                self.position.dropped_late = self.position.dropped_late.saturating_add(1);
            } else {
                self.plain_to = self.end_of_part();
                return Ok(Some(clock));
            }
            self.at = self.at.saturating_add(1);
            self.counted_to = self.at;
            self.position.next_seq = self.position.next_seq.saturating_add(1);
        }
    }

    /// Hands out the record that [`next`](Self::next) found and those after it, as far as the cut
    /// takes them and their clock is not past `bound`: borrowed from the memory that they were
    /// verified in. Gives the clock of the next one that the cut takes.
    #[inline]
    pub(crate) fn run(
        &mut self,
        cut: &Cut,
        bound: u64,
        mut fold: impl FnMut(Record<'_>, Taken) -> Result<(), ReplayError>,
    ) -> Result<Option<u64>, ReplayError> {
        let mut clock = self.ahead.clocks().get(self.at).copied();
        while let Some(at_hand) = clock.filter(|clock| *clock <= bound) {
            let record = self.cursor.as_ref().and_then(|cursor| cursor.ahead(&self.ahead, self.at));
            let Some(record) = record else { return Err(self.ends(cut)) };
            fold(record, Taken { clock: at_hand, late: self.late })?;
            self.at = self.at.saturating_add(1);
            clock = match self.ahead.clocks().get(self.at) {
                Some(clock) if self.at < self.plain_to => Some(*clock),
                _ => self.next(cut)?,
            };
        }
        Ok(clock)
    }

    /// Counts the records that were handed out since the last time.
    fn count(&mut self) {
        let folded = self.at.saturating_sub(std::mem::replace(&mut self.counted_to, self.at));
        let folded = u64::try_from(folded).unwrap_or(u64::MAX);
        let late = if self.late { folded } else { 0 };
        self.position.next_seq = self.position.next_seq.saturating_add(folded);
        self.position.folded = self.position.folded.saturating_add(folded);
        self.position.late = self.position.late.saturating_add(late);
    }

    /// Where in the window in hand the part of it ends that is agreed on and late, or is agreed on
    /// and not, as the record at hand is.
    fn end_of_part(&self) -> usize {
        let last = if self.late { self.take.late_to.unwrap_or(0) } else { self.take.last_clock };
        let by_clock = self.ahead.clocks().partition_point(|clock| *clock <= last);
        let agreed = self.take.pause_seq.saturating_sub(self.position.next_seq);
        let agreed = usize::try_from(agreed).unwrap_or(usize::MAX);
        by_clock.min(self.at.saturating_add(agreed))
    }

    /// Goes on to the next window; false where there is none.
    fn load(&mut self) -> Result<bool, ReplayError> {
        let failed = |source| failed(self.name, source);
        let cursor = match &mut self.cursor {
            Some(cursor) => {
                cursor.pass(&self.ahead, self.at);
                cursor
            }
            none => none.insert(self.surface.cursor(self.position.next_seq).map_err(failed)?),
        };
        (self.at, self.plain_to, self.counted_to) = (0, 0, 0);
        if !cursor.look_ahead(&mut self.ahead).map_err(failed)? {
            self.ahead = Ahead::default();
            return Ok(false);
        }
        // Most members' rule is none, which spares a division a record.
        if self.clock != ClockRule::default() {
            for clock in self.ahead.clocks_mut() {
                *clock = self.clock.organism_clock(*clock);
            }
        }
        Ok(true)
    }

    /// The copy does not have what was agreed on.
    #[cold]
    fn ends(&self, cut: &Cut) -> ReplayError {
        ReplayError::SurfaceEnds {
            cut: cut.number,
            log_index: cut.log_index,
            member: self.name.to_owned(),
            wanted_seq: self.take.last_seq.unwrap_or_default(),
            next_seq: self.position.next_seq,
        }
    }

    /// Whether records are agreed on from here, past a gap that begins here.
    fn goes_on(&mut self) -> bool {
        let Some(last_seq) = self.take.last_seq else { return false };
        self.skip_gaps();
        let gap_seq = self.position.gaps.first().map_or(u64::MAX, |gap| gap.from_seq);
        self.take.pause_seq = last_seq.saturating_add(1).min(gap_seq);
        self.position.next_seq <= last_seq
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
                self.ahead = Ahead::default();
                (self.at, self.plain_to, self.counted_to) = (0, 0, 0);
            }
        }
    }
}

#[cold]
fn failed(member: &str, source: SurfaceError) -> ReplayError {
    ReplayError::Member { member: member.to_owned(), source }
}
