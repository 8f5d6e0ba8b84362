use holobiont_identity::{ClockRule, Member, OnLateData};
use holobiont_policy::{Cut, CutMember, Gap};
use holobiont_surface::{Ahead, Cursor, SurfaceError};
use serde::{Deserialize, Serialize};

use crate::ReplayError;
use crate::hand::Hand;
use crate::spans::Spans;

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
pub(crate) struct Input {
    name: String,
    spans: Spans,
    start: u64,
    clock: ClockRule,
    drops_late: bool,
    cursor: Option<Cursor>,
    /// The window in hand, gone through once: what the merge compares by, in the organism's clock.
    ahead: Ahead,
    /// The least clock event that a record after it can have, in the organism's clock.
    after_window: u64,
    /// The number in it of the record at hand.
    at: usize,
    /// Up to here its records are simply the next ones that the cut takes, and late like the first
    /// of them or not.
    plain_to: usize,
    late: bool,
    /// Whether the cut takes no more after those.
    is_last: bool,
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

impl Input {
    pub(crate) fn new(name: String, spans: Spans, member: &Member, position: Position) -> Self {
        Self {
            name,
            spans,
            start: member.start.unwrap_or(0),
            clock: member.clock,
            drops_late: member.policy.on_late_data == OnLateData::Drop,
            cursor: None,
            ahead: Ahead::default(),
            after_window: 0,
            at: 0,
            plain_to: 0,
            late: false,
            is_last: false,
            counted_to: 0,
            position,
            take: Take::default(),
        }
    }

    /// Lets go of what it reads, between cuts.
    pub(crate) fn release(&mut self) {
        self.cursor = None;
        self.ahead = Ahead::default();
        self.rewind();
        self.spans = Spans::default();
    }

    /// Reads these views from here on.
    pub(crate) fn renew(&mut self, spans: Spans) {
        self.spans = spans;
    }

    /// Goes on by the rules of another config.
    pub(crate) fn take_up(&mut self, member: &Member) {
        self.start = member.start.unwrap_or(0);
        self.clock = member.clock;
        self.drops_late = member.policy.on_late_data == OnLateData::Drop;
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

    /// Finds the next record that the cut takes, if it takes one more; records that it passes over
    /// are counted.
    pub(crate) fn next(&mut self, cut: &Cut) -> Result<(), ReplayError> {
        self.count();
        loop {
            if self.position.next_seq >= self.take.pause_seq && !self.goes_on() {
                return Ok(());
            }
            let Some(clock) = self.ahead.clocks().get(self.at).copied() else {
                if self.load()? {
                    continue;
                }
                return Err(self.ends(cut));
            };
            if clock > self.take.last_clock {
                return Ok(());
            }
            self.late = Some(clock) <= self.take.late_to;
            if clock < self.start {
                self.position.before_start = self.position.before_start.saturating_add(1);
            } else if self.late && self.drops_late {
                self.position.dropped_late = self.position.dropped_late.saturating_add(1);
            } else {
                self.end_part();
                return Ok(());
            }
            self.at = self.at.saturating_add(1);
            self.counted_to = self.at;
            self.position.next_seq = self.position.next_seq.saturating_add(1);
        }
    }

    /// What it has ready for the fold: the record that [`next`](Self::next) found, and those after it
    /// that are simply the next ones. None where it has nothing ready.
    pub(crate) fn hand(&self, place: u16) -> Option<Hand<'_>> {
        if !self.is_ready() {
            return None;
        }
        let found = self.cursor.as_ref()?.found(&self.ahead);
        let next = self.ahead.clocks().get(self.plain_to).copied();
        let after = (!self.is_last).then(|| next.unwrap_or(self.after_window));
        Some(Hand::new(place, found, self.at..self.plain_to, self.late, after))
    }

    /// Passes the records of its [`hand`](Self::hand) up to before record `at`, which were folded.
    /// Whether [`next`](Self::next) must say how it goes on.
    pub(crate) fn pass_to(&mut self, at: usize) -> bool {
        self.at = at;
        at >= self.plain_to && !self.is_last
    }

    /// Whether a record is at hand.
    pub(crate) const fn is_ready(&self) -> bool {
        self.at < self.plain_to
    }

    /// Counts the records that were passed since the last time.
    fn count(&mut self) {
        let folded = self.at.saturating_sub(std::mem::replace(&mut self.counted_to, self.at));
        let folded = u64::try_from(folded).unwrap_or(u64::MAX);
        let late = if self.late { folded } else { 0 };
        self.position.next_seq = self.position.next_seq.saturating_add(folded);
        self.position.folded = self.position.folded.saturating_add(folded);
        self.position.late = self.position.late.saturating_add(late);
    }

    /// Finds where in the window in hand the part of it ends that is agreed on and late, or is agreed
    /// on and not, as the record at hand is; and whether the cut takes no more after that.
    fn end_part(&mut self) {
        let Take { last_seq, pause_seq, late_to, last_clock } = self.take;
        let last = if self.late { late_to.unwrap_or(0) } else { last_clock };
        let clocks = self.ahead.clocks();
        let by_clock = clocks.partition_point(|clock| *clock <= last);
        let agreed = pause_seq.saturating_sub(self.position.next_seq);
        let by_seq = self.at.saturating_add(usize::try_from(agreed).unwrap_or(usize::MAX));
        self.plain_to = by_clock.min(by_seq);
        self.is_last = if by_seq <= by_clock {
            let is_gap = self.position.gaps.first().is_some_and(|gap| gap.from_seq <= pause_seq);
            !is_gap && last_seq.and_then(|last| last.checked_add(1)) == Some(pause_seq)
        } else {
            by_clock < clocks.len() && last == last_clock
        };
    }

    /// Goes on to the next window; false where there is none.
    fn load(&mut self) -> Result<bool, ReplayError> {
        let failed = |source| failed(&self.name, source);
        if let Some(cursor) = &mut self.cursor {
            cursor.pass(&self.ahead, self.at);
        } else {
            self.cursor = self.spans.cursor(self.position.next_seq).map_err(failed)?;
        }
        (self.at, self.plain_to, self.counted_to) = (0, 0, 0);
        while let Some(cursor) = &mut self.cursor {
            if cursor.look_ahead(&mut self.ahead).map_err(failed)? {
                break;
            }
            // Another view may go on where this one ends.
            let next = self.spans.cursor_having(self.position.next_seq).map_err(failed)?;
            let Some(next) = next else {
                self.ahead = Ahead::default();
                return Ok(false);
            };
            self.cursor = Some(next);
        }
        self.after_window = self.clock.organism_clock(self.ahead.next_clock());
        // Most members' rule is none, which spares a division a record.
        if self.clock != ClockRule::default() {
            for clock in self.ahead.clocks_mut() {
                *clock = self.clock.organism_clock(*clock);
            }
        }
        Ok(true)
    }

    fn rewind(&mut self) {
        (self.at, self.plain_to, self.counted_to) = (0, 0, 0);
    }

    /// The copy of the member at this place does not have what was agreed on.
    #[cold]
    pub(crate) fn ends_of(inputs: &[Self], place: u16, cut: &Cut) -> ReplayError {
        match inputs.get(usize::from(place)) {
            Some(input) => input.ends(cut),
            None => ReplayError::Snapshot { why: format!("names member {place} of none") },
        }
    }

    /// The copy does not have what was agreed on.
    #[cold]
    fn ends(&self, cut: &Cut) -> ReplayError {
        ReplayError::SurfaceEnds {
            cut: cut.number,
            log_index: cut.log_index,
            member: self.name.clone(),
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
                self.rewind();
            }
        }
    }
}

#[cold]
fn failed(member: &str, source: SurfaceError) -> ReplayError {
    ReplayError::Member { member: member.to_owned(), source }
}
