use serde::{Deserialize, Serialize};

/// How far a node's log goes: the term of its last entry, and its index. None is an empty log.
pub type LastLog = Option<(u64, u64)>;

/// What a node answers to another that has restarted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The highest term it has voted in or heard of.
    pub term: u64,
    /// The end of its log.
    pub last: LastLog,
    /// The last entry that it knows to be committed, by its own log or by what it was told.
    pub committed: LastLog,
    /// The log index up to which the asking node has acknowledged entries, as far as it knows.
    pub acknowledged: Option<u64>,
}

impl Marks {
    /// Takes the further of each.
    pub fn raise(&mut self, other: &Self) {
        self.term = self.term.max(other.term);
        self.last = self.last.max(other.last);
        self.committed = self.committed.max(other.committed);
        self.acknowledged = self.acknowledged.max(other.acknowledged);
    }
}
