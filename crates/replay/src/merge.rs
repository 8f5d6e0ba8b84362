use std::hint::select_unpredictable;

/// Which member has the next record: a tournament tree of the losers over those that have one.
///
/// A source is a member with a record, named by its place; it is compared by the clock of that
/// record, then by its place. Sources that have ended lose to all others. Only sources are in the
/// tree: a member that a cut takes nothing from costs nothing. The memory is kept from cut to cut.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Node `n` has the children `2n` and `2n + 1`; those past the inner nodes are the sources. An
    /// inner node keeps the loser of its two sides, and node 0 the winner of all.
    losers: Vec<Key>,
    /// While the tree is built: the winner at each node.
    winners: Vec<Key>,
    sources: usize,
}

/// Clock event, number among the sources, place: one number, so that a comparison is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    /// Of a source that has ended. No member has that place.
    const ENDED: Self = Self(u128::MAX);

    fn new(clock: u64, source: u16, place: u16) -> Self {
        Self(u128::from(clock) << 32 | u128::from(source) << 16 | u128::from(place))
    }

    /// The same source, at another clock.
    #[inline]
    fn at(self, clock: u64) -> Self {
        Self(u128::from(clock) << 32 | self.0 & 0xffff_ffff)
    }

    #[inline]
    fn read(self) -> Option<(u64, u16)> {
        (self != Self::ENDED).then(|| (self.clock(), self.place()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the bits that are meant")]
    const fn place(self) -> u16 {
        self.0 as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the bits that are meant")]
    const fn source(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the bits that are meant")]
    const fn clock(self) -> u64 {
        (self.0 >> 32) as u64
    }
}

impl Merge {
    /// A merge of at most this many members, which allocates nothing later.
    pub(crate) fn new(members: usize) -> Self {
        let nodes = members.saturating_mul(2);
        Self {
            losers: Vec::with_capacity(members.saturating_add(1)),
            winners: Vec::with_capacity(nodes),
            sources: 0,
        }
    }

    /// Forgets all sources.
    pub(crate) fn clear(&mut self) {
        self.losers.clear();
    }

    /// Adds a source, by the clock of its first record; in the order of their places.
    pub(crate) fn add(&mut self, clock: u64, place: u16) {
        let source = u16::try_from(self.losers.len()).unwrap_or(u16::MAX);
        self.losers.push(Key::new(clock, source, place));
    }

    /// Plays the first tournament among the sources.
    pub(crate) fn start(&mut self) {
        self.sources = self.losers.len();
        self.winners.clear();
        self.winners.resize(self.sources, Key::ENDED);
        self.winners.extend_from_slice(&self.losers);
        for node in (1..self.sources).rev() {
            let left = node.saturating_mul(2);
            let (one, other) = (self.winner(left), self.winner(left.saturating_add(1)));
            let (winner, loser) = (one.min(other), one.max(other));
            put(&mut self.winners, node, winner);
            put(&mut self.losers, node, loser);
        }
        let winner = self.winner(1);
        put(&mut self.losers, 0, winner);
    }

    /// The clock of the least record, and its member's place.
    #[inline]
    pub(crate) fn least(&self) -> Option<(u64, u16)> {
        self.losers.first().copied().and_then(Key::read)
    }

    /// The clock of the least one's next record, which is not below the one before, or none at its
    /// end. Gives the [`least`](Self::least) after that.
    #[inline]
    pub(crate) fn replace(&mut self, clock: Option<u64>) -> Option<(u64, u16)> {
        let least = *self.losers.first()?;
        let mut winner = clock.map_or(Key::ENDED, |clock| least.at(clock));
        let mut node = self.parent(least.source());
        while node > 0 {
            let Some(loser) = self.losers.get_mut(node) else { break };
            // Who wins is anybody's guess, so nothing should be guessed.
            let changes = *loser < winner;
            let (least, other) = (
                select_unpredictable(changes, *loser, winner),
                select_unpredictable(changes, winner, *loser),
            );
            (winner, *loser) = (least, other);
            node >>= 1;
        }
        put(&mut self.losers, 0, winner);
        winner.read()
    }

    /// The largest clock with which a record of the least one still comes before all others': as
    /// far its records are a run, which needs no tree.
    pub(crate) fn bound(&self) -> u64 {
        let Some(least) = self.losers.first() else { return u64::MAX };
        let mut second = Key::ENDED;
        let mut node = self.parent(least.source());
        while node > 0 {
            let loser = self.losers.get(node).copied().unwrap_or(Key::ENDED);
            second = second.min(loser);
            node >>= 1;
        }
        // Between equal clocks the place decides.
        let is_first = least.source() < second.source();
        second.clock().saturating_sub(u64::from(!is_first))
    }

    fn parent(&self, source: u16) -> usize {
        usize::from(source).saturating_add(self.sources) >> 1
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

    /// All records in the order of the merge, taken run by run: (clock, place, number).
    fn merged(members: &[Vec<u64>], merge: &mut Merge) -> Vec<(u64, u16, usize)> {
        let mut passed = vec![0; members.len()];
        let mut all = Vec::new();
        merge.clear();
        for (place, records) in (0..).zip(members) {
            if let Some(first) = records.first() {
                merge.add(*first, place);
            }
        }
        merge.start();
        while let Some((clock, place)) = merge.least() {
            let (records, at) = (&members[usize::from(place)], &mut passed[usize::from(place)]);
            assert_eq!(records[*at], clock);
            let bound = merge.bound();
            while *at < records.len() && records[*at] <= bound {
                all.push((records[*at], place, *at));
                *at += 1;
            }
            merge.replace(records.get(*at).copied());
            let is_same = merge.least().is_some_and(|(_, least)| least == place);
            assert!(!is_same, "a run ends where another member's record comes first");
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
        let clock = prop_oneof![9 => 0_u64..12, 3 => any::<u64>(), 1 => Just(u64::MAX)];
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
            let rising: Vec<Vec<u64>> = (0..count).map(|it| vec![it, it + count]).collect();
            let falling: Vec<Vec<u64>> = rising.iter().rev().cloned().collect();
            let equal = vec![vec![7, 7, 7]; usize::try_from(count).unwrap()];
            for members in [rising, falling, equal] {
                assert_eq!(merged(&members, &mut merge), sorted(&members));
            }
        }
        assert_eq!(merged(&[vec![], vec![]], &mut merge), []);
        assert_eq!(merged(&[vec![], vec![3], vec![]], &mut merge), [(3, 1, 0)]);
    }
}
