use std::ops::Range;

use holobiont_surface::{Found, Record};

use crate::merge::Key;

/// What a member has ready for the fold: records of the window in hand that are simply the next ones
/// that the cut takes.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Hand<'a> {
    /// Their clock events, in the organism's clock.
    clocks: &'a [u64],
    /// The number of the first that has no turn yet.
    at: usize,
    /// What comes after that one: known ahead of its turn, which waits for nothing then.
    next: Key,
    /// Where keys are counted from, and this hand among the others.
    base: u64,
    number: u16,
    pub(crate) place: u16,
    /// Whether they are late, all of them.
    pub(crate) late: bool,
    /// Whether the cut takes no more of the member after them.
    is_last: bool,
    /// The least clock event that a record after them can have.
    after: u64,
    /// The number of the first that was not played, and of the first of all.
    played: usize,
    from: usize,
    found: Found<'a>,
}

impl<'a> Hand<'a> {
    /// Of the records found, those of this range; there is at least one. What comes after them has
    /// no clock event below `after`; nothing does, where that is none.
    pub(crate) fn new(
        place: u16,
        found: Found<'a>,
        Range { start: from, end: to }: Range<usize>,
        late: bool,
        after: Option<u64>,
    ) -> Self {
        let (is_last, after) = (after.is_none(), after.unwrap_or(u64::MAX));
        let clocks = found.clocks().get(..to).unwrap_or_default();
        let (next, base, number) = (Key::ENDED, 0, 0);
        Self {
            clocks,
            at: from,
            next,
            base,
            number,
            place,
            late,
            is_last,
            after,
            played: from,
            from,
            found,
        }
    }

    /// The clock event of the first record that has no turn yet.
    #[inline]
    pub(crate) fn clock(&self) -> Option<u64> {
        self.clocks.get(self.at).copied()
    }

    /// The number of that record in its window.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many got their turns.
    pub(crate) fn taken(&self) -> u64 {
        u64::try_from(self.at.saturating_sub(self.from)).unwrap_or(u64::MAX)
    }

    /// Sequence number of the first of all.
    pub(crate) fn first_seq(&self) -> u64 {
        self.found.seq_of(self.from)
    }

    /// Gets its number among hands, and the base that clocks are counted from: the key of its first
    /// record.
    pub(crate) fn start(&mut self, number: u16, base: u64) -> Key {
        (self.number, self.base) = (number, base);
        self.next = self.key_of(self.at.saturating_add(1));
        self.key_of(self.at)
    }

    /// Gives a record its turn: the key of the one after it, or where the member must say what that
    /// is, the least that it can be.
    #[inline]
    pub(crate) fn take(&mut self) -> Key {
        let next = self.next;
        self.at = self.at.saturating_add(1);
        self.next = self.key_of(self.at.saturating_add(1));
        next
    }

    /// Gives those their turns that come before `other`, at most so many: how many those are, and
    /// the key of the one after them.
    pub(crate) fn take_run(&mut self, other: Key, most: u16) -> (u16, Key) {
        let run = self.clocks.get(self.at..).unwrap_or_default();
        let run = run.get(..usize::from(most)).unwrap_or(run);
        let key = |clock: &u64| Key::new(self.base, *clock, self.number);
        let comes_first = |clock: &u64| !key(clock).is_far() && key(clock) < other;
        let count = run.partition_point(comes_first).max(1);
        self.at = self.at.saturating_add(count).saturating_sub(1);
        self.next = self.key_of(self.at.saturating_add(1));
        (u16::try_from(count).unwrap_or(most), self.take())
    }

    /// The first record that was not played, and its clock event, in the organism's clock.
    #[inline]
    pub(crate) fn play(&mut self) -> Option<(u64, Record<'a>)> {
        let number = self.played;
        self.played = number.saturating_add(1);
        Some((self.clocks.get(number).copied()?, self.found.record(number)?))
    }

    #[inline]
    fn key_of(&self, record: usize) -> Key {
        match self.clocks.get(record) {
            Some(clock) => Key::new(self.base, *clock, self.number),
            None if self.is_last => Key::ENDED,
            None => Key::new(self.base, self.after, self.number),
        }
    }
}
