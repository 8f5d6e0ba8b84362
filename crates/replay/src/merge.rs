use std::hint::select_unpredictable;

/// Which hand has the next record: a tournament tree of the losers.
///
/// Only hands with a record are in the tree: a member that a cut takes nothing from costs nothing.
/// The memory is kept from one tournament to the next.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Node `n` has the children `2n` and `2n + 1`; those past the inner nodes are the hands. An
    /// inner node keeps the loser of its two sides.
    losers: Vec<Key>,
    /// While the tree is built: the winner at each node.
    winners: Vec<Key>,
    hands: usize,
}

/// A clock event, counted from a base, and a hand: one number, so that a comparison is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64);

impl Key {
    /// Of a hand that has no more.
    pub(crate) const ENDED: Self = Self(u64::MAX);

    /// The largest distance from the base; what is farther counts as this far.
    const FAR: u64 = (1 << 48) - 2;

    /// All clocks below the base are one, which is how clocks are not compared at all.
    #[inline]
    pub(crate) fn new(base: u64, clock: u64, hand: u16) -> Self {
        Self(clock.saturating_sub(base).min(Self::FAR) << 16 | u64::from(hand))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "takes the bits that are meant")]
    pub(crate) const fn hand(self) -> u16 {
        self.0 as u16
    }

    /// Whether it is as far as can be told from the base, or farther.
    #[inline]
    pub(crate) const fn is_far(self) -> bool {
        self.0 >> 16 >= Self::FAR
    }
}

impl Merge {
    /// A merge of at most this many hands, which allocates nothing later.
    pub(crate) fn new(hands: usize) -> Self {
        Self {
            losers: Vec::with_capacity(hands.next_power_of_two()),
            winners: Vec::with_capacity(hands.next_power_of_two().saturating_mul(2)),
            hands: 0,
        }
    }

    /// Plays the first tournament among hands' first records, hand after hand: the least of all.
    pub(crate) fn start(&mut self, keys: impl Iterator<Item = Key>) -> Key {
        self.losers.clear();
        self.losers.extend(keys);
        // As many levels for every hand, so that they need not be counted.
        self.hands = self.losers.len().next_power_of_two();
        self.losers.resize(self.hands, Key::ENDED);
        self.winners.clear();
        self.winners.resize(self.hands, Key::ENDED);
        self.winners.extend_from_slice(&self.losers);
        for node in (1..self.hands).rev() {
            let left = node.saturating_mul(2);
            let (one, other) = (self.winner(left), self.winner(left.saturating_add(1)));
            let (winner, loser) = (one.min(other), one.max(other));
            put(&mut self.winners, node, winner);
            put(&mut self.losers, node, loser);
        }
        self.winner(1)
    }

    /// The record after `least`, of the same hand, or [`Key::ENDED`]: the least of all then.
    #[inline]
    pub(crate) fn replace(&mut self, least: Key, next: Key) -> Key {
        let mut winner = next;
        let mut node = self.parent(least);
        while let Some(loser) = self.losers.get_mut(node).filter(|_| node > 0) {
            // Who wins is anybody's guess, so nothing should be guessed.
            let changes = *loser < winner;
            let (won, lost) = (
                select_unpredictable(changes, *loser, winner),
                select_unpredictable(changes, winner, *loser),
            );
            (winner, *loser) = (won, lost);
            node >>= 1;
        }
        winner
    }

    /// The first record of all hands but that of `least`.
    pub(crate) fn second(&self, least: Key) -> Key {
        let mut second = Key::ENDED;
        let mut node = self.parent(least);
        while let Some(loser) = self.losers.get(node).filter(|_| node > 0) {
            second = second.min(*loser);
            node >>= 1;
        }
        second
    }

    #[inline]
    fn parent(&self, of: Key) -> usize {
        usize::from(of.hand()).saturating_add(self.hands) >> 1
    }

    fn winner(&self, node: usize) -> Key {
        self.winners.get(node).copied().unwrap_or(Key::ENDED)
    }
}

fn put(keys: &mut [Key], node: usize, key: Key) {
    if let Some(to) = keys.get_mut(node) {
        *to = key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: u64 = 5;

    /// All records in the order of the merge: (clock, place, number).
    fn merged(members: &[Vec<u64>], merge: &mut Merge) -> Vec<(u64, u16, usize)> {
        let mut passed = vec![0; members.len()];
        let mut all = Vec::new();
        let key = |place: u16, at: usize| match members[usize::from(place)].get(at) {
            Some(clock) => Key::new(BASE, *clock, place),
            None => Key::ENDED,
        };
        let places = 0..u16::try_from(members.len()).unwrap();
        let mut least = merge.start(places.map(|place| key(place, 0)));
        while least != Key::ENDED {
            let place = least.hand();
            let at = &mut passed[usize::from(place)];
            all.push((members[usize::from(place)][*at], place, *at));
            *at += 1;
            let second = merge.second(least);
            let next = key(place, *at);
            least = merge.replace(least, next);
            assert_eq!(least, next.min(second), "the second is the first of all others");
        }
        all
    }

    fn sorted(members: &[Vec<u64>]) -> Vec<(u64, u16, usize)> {
        let mut all: Vec<_> = (0..)
            .zip(members)
            .flat_map(|(place, it)| {
                it.iter().enumerate().map(move |(at, clock)| (*clock, place, at))
            })
            .collect();
        all.sort_unstable();
        all
    }

    /// Members' clocks, ascending and often equal, and sometimes none.
    fn members() -> impl Strategy<Value = Vec<Vec<u64>>> {
        let clock = prop_oneof![9 => BASE..12, 3 => BASE..1 << 40];
        let records = proptest::collection::vec(clock, 0..20).prop_map(|mut clocks| {
            clocks.sort_unstable();
            clocks
        });
        proptest::collection::vec(records, 1..=70)
    }

    proptest! {
        #[test]
        fn gives_the_order_of_a_plain_sort(first in members(), second in members()) {
            let mut merge = Merge::new(70);
            prop_assert_eq!(merged(&first, &mut merge), sorted(&first));
            let memory = (merge.losers.as_ptr(), merge.winners.as_ptr());
            prop_assert_eq!(merged(&second, &mut merge), sorted(&second), "used again");
            let same = (merge.losers.as_ptr(), merge.winners.as_ptr());
            prop_assert_eq!(memory, same, "in the same memory");
        }
    }

    #[test]
    fn gives_every_order_of_every_small_number_of_members() {
        let mut merge = Merge::new(70);
        for count in 1..=70_u64 {
            let rising: Vec<Vec<u64>> =
                (BASE..BASE + count).map(|it| vec![it, it + count]).collect();
            let falling: Vec<Vec<u64>> = rising.iter().rev().cloned().collect();
            let equal = vec![vec![7, 7, 7]; usize::try_from(count).unwrap()];
            for members in [rising, falling, equal] {
                assert_eq!(merged(&members, &mut merge), sorted(&members));
            }
        }
        assert_eq!(merged(&[vec![], vec![]], &mut merge), []);
        assert_eq!(merged(&[vec![], vec![7], vec![]], &mut merge), [(7, 1, 0)]);
    }

    #[test]
    fn what_cannot_be_told_is_far() {
        assert!(Key::new(BASE, u64::MAX, 3).is_far() && Key::ENDED.is_far());
        assert!(Key::new(0, u64::MAX, 3) < Key::ENDED);
        assert!(!Key::new(BASE, BASE + (1 << 47), u16::MAX).is_far());
        assert_eq!(Key::new(u64::MAX, 9, 3), Key::new(u64::MAX, 4, 3), "no clocks compared");
    }
}
