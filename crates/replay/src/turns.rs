use crate::hand::Hand;
use crate::merge::{Key, Merge};

/// How many turns are given before their records are folded: few enough for the closest caches, and
/// many enough that laying out what is ready costs little.
const MAX_TURNS: usize = 2048;

/// After how many records of one member in a row the rest of its run is looked for at once.
const STREAK: u8 = 3;

/// Whose records come next: the order of a merge, found ahead of the fold.
///
/// Finding the order is a chain, each step waiting for the one before; folding the records is none.
/// Done one after the other, a processor folds as fast as records arrive from its caches, since it
/// works on several of them at once.
#[derive(Debug)]
pub(crate) struct Turns {
    merge: Merge,
    /// Those that were given, and room for more.
    order: Vec<Turn>,
    given: usize,
}

/// Which hand is next, and for how many records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) hand: u16,
    pub(crate) records: u16,
}

impl Turns {
    /// For at most this many members; nothing is allocated later.
    pub(crate) fn new(members: usize) -> Self {
        let most = members.saturating_mul(4).max(MAX_TURNS);
        let none = Turn { hand: 0, records: 0 };
        Self { merge: Merge::new(members), order: vec![none; most], given: 0 }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Turn> {
        self.order.iter().take(self.given).copied()
    }

    /// Gives turns in the order of (clock event, hand), or where clocks are not compared of hands
    /// alone: until a hand comes first whose member must say what comes next, all are given, or
    /// many.
    pub(crate) fn give(&mut self, hands: &mut [Hand<'_>], by_clock: bool) {
        let Self { merge, order, given } = self;
        *given = 0;
        let clocks = hands.iter().filter_map(Hand::clock);
        let base = if by_clock { clocks.min().unwrap_or(0) } else { u64::MAX };
        let keys = (0_u16..).zip(&mut *hands).map(|(number, hand)| hand.start(number, base));
        let mut least = merge.start(keys);
        let (mut before, mut streak) = (u16::MAX, 0_u8);
        for turn in order.iter_mut() {
            // Not known: how it stands to others that are as far from the base.
            if least.is_far() && (least == Key::ENDED || *given > 0) {
                break;
            }
            let number = least.hand();
            let hand = hands.get_mut(usize::from(number));
            // Its member must say first what comes next.
            let Some(hand) = hand.filter(|hand| hand.clock().is_some()) else { break };
            streak = if number == before { streak.saturating_add(1) } else { 0 };
            before = number;
            let (records, next) = match streak < STREAK {
                true => (1, hand.take()),
                false => hand.take_run(merge.second(least), u16::MAX),
            };
            *turn = Turn { hand: number, records };
            *given = given.saturating_add(1);
            least = merge.replace(least, next);
        }
    }
}
