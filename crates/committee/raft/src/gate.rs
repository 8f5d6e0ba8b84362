use crate::{LastLog, Marks};

/// What a restarted node may do until its log has come as far as it may have promised before.
///
/// Its disk belongs to the host and may be an old one. So before it starts it asks the others
/// ([`answers_needed`](Self::answers_needed) of them), and then votes only for candidates whose term
/// is above, and whose log is not behind, all that it heard. Any quorum that it was ever part of has
/// a member among those it asked.
///
/// ```
/// use holobiont_committee_raft::{Gate, Marks};
///
/// let heard = Marks {
///     term: 7,
///     last: Some((7, 100)),
///     committed: Some((7, 90)),
///     acknowledged: Some(90),
/// };
/// let mut gate = Gate::new(&heard, Some((6, 80)));
/// assert!(gate.is_rolled_back());
/// assert!(!gate.may_vote(8, Some((7, 99))) && !gate.may_vote(7, Some((7, 100))));
/// assert!(gate.may_vote(8, Some((7, 100))));
/// assert!(!gate.open(Some((7, 99))) && gate.open(Some((7, 100))));
/// assert!(gate.may_vote(7, None), "raft's own rules are enough from here on");
///
/// // The node whose log went to 100 is gone, and what only it had was never committed.
/// let mut gate = Gate::new(&heard, Some((7, 99)));
/// gate.hear_again(&Marks { last: Some((7, 99)), ..heard });
/// assert!(gate.open(Some((7, 99))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    floor: Marks,
    rolled_back: bool,
    open: bool,
}

impl Gate {
    /// A gate after the others have told what they know, in front of a log that ends at `own`.
    #[must_use]
    pub fn new(heard: &Marks, own: LastLog) -> Self {
        let own_index = own.map(|(_, index)| index);
        let rolled_back = heard.acknowledged > own_index;
        let mut gate = Self { floor: *heard, rolled_back, open: false };
        gate.open(own);
        gate
    }

    /// Of how many other nodes a node in a committee of `nodes` needs the answer: a majority of
    /// them, which shares a member with every quorum that the node was part of.
    #[must_use]
    pub const fn answers_needed(nodes: usize) -> usize {
        match nodes.saturating_sub(1) {
            0 => 0,
            others => (others / 2).saturating_add(1),
        }
    }

    /// Whether others know of more than this node's disk does: it is an older copy.
    #[must_use]
    pub const fn is_rolled_back(&self) -> bool {
        self.rolled_back
    }

    /// Whether it may vote for a candidate of this term with this log.
    #[must_use]
    pub fn may_vote(&self, term: u64, last: LastLog) -> bool {
        self.open || (term > self.floor.term && self.reaches(last))
    }

    /// Whether others knew of this term when the node started. The engine began with such a term as
    /// its own, grants no vote in it, and tells the candidate of it: nothing else would.
    #[must_use]
    pub const fn knew(&self, term: u64) -> bool {
        term <= self.floor.term
    }

    /// Takes what a majority of the others says now in the place of what it was told before: whoever
    /// had the farthest log may be gone, and any majority of the others will do. What was committed
    /// stays so, whoever is gone.
    pub fn hear_again(&mut self, heard: &Marks) {
        let term = self.floor.term.max(heard.term);
        let committed = self.floor.committed.max(heard.committed);
        self.floor = Marks { term, committed, ..*heard };
    }

    /// What a node whose own disk says `own` tells another: while its log is not there yet, the term and
    /// what is committed as it has heard them. Its disk is an older copy, perhaps, and the one that it
    /// heard them from may ask next, with an older disk as well.
    ///
    /// Not the end of a log that it heard of: what only one node had may never have been committed, and
    /// nodes that tell it on to each other would wait for it for ever.
    #[must_use]
    pub fn tells(&self, own: Marks) -> Marks {
        let term = own.term.max(self.floor.term);
        match self.open {
            true => own,
            false => Marks { term, committed: own.committed.max(self.floor.committed), ..own },
        }
    }

    /// Tells how far its own log goes now. Whether it may campaign and sign: from the moment that
    /// the log reaches what was heard.
    pub fn open(&mut self, own: LastLog) -> bool {
        self.open |= self.reaches(own);
        self.open
    }

    fn reaches(&self, last: LastLog) -> bool {
        last >= self.floor.last && last >= self.floor.committed
    }

    /// Whether it may campaign and sign.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(term: u64, last: u64, committed: u64) -> Marks {
        let (last, committed) = (Some((term, last)), Some((term, committed)));
        Marks { term, last, committed, acknowledged: None }
    }

    #[test]
    fn of_two_old_disks_each_hears_from_the_other_what_that_one_was_told() {
        // `a` has an older disk, and hears from `b` what both had committed.
        let a = Gate::new(&marks(4, 100, 90), Some((2, 50)));
        // Then `b` comes back with an older disk, too.
        let told = a.tells(marks(2, 50, 50));
        assert_eq!((told.term, told.committed), (4, Some((4, 90))));
        let mut b = Gate::new(&told, Some((2, 50)));
        assert!(!b.is_open() && !b.may_vote(5, Some((2, 60))));
        b.hear_again(&marks(2, 50, 50));
        assert!(!b.open(Some((2, 60))), "what was committed stays so");
        assert!(b.open(Some((4, 90))));
        assert_eq!(b.tells(marks(5, 95, 93)), marks(5, 95, 93), "it has it all itself");
    }

    #[test]
    fn the_end_of_a_log_that_is_gone_is_not_told_on() {
        let mut a = Gate::new(&marks(4, 100, 90), Some((4, 95)));
        assert_eq!(a.tells(marks(4, 95, 90)).last, Some((4, 95)));
        a.hear_again(&marks(4, 95, 90));
        assert!(a.open(Some((4, 95))));
    }
}
