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
/// let heard = Marks { term: 7, last: Some((7, 100)), acknowledged: Some(90) };
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
        Self { floor: *heard, rolled_back, open: own >= heard.last }
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
        self.open || (term > self.floor.term && last >= self.floor.last)
    }

    /// Whether others knew of this term when the node started. The engine began with such a term as
    /// its own, grants no vote in it, and tells the candidate of it: nothing else would.
    #[must_use]
    pub const fn knew(&self, term: u64) -> bool {
        term <= self.floor.term
    }

    /// Takes what a majority of the others says now in the place of what it was told before: whoever
    /// had the farthest log may be gone, and any majority of the others will do.
    pub fn hear_again(&mut self, heard: &Marks) {
        let term = self.floor.term.max(heard.term);
        self.floor = Marks { term, ..*heard };
    }

    /// Tells how far its own log goes now. Whether it may campaign and sign: from the moment that
    /// the log reaches what was heard.
    pub fn open(&mut self, own: LastLog) -> bool {
        self.open |= own >= self.floor.last;
        self.open
    }

    /// Whether it may campaign and sign.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }
}
