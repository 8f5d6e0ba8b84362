use holobiont_committee_fold::Need;
use holobiont_identity::UniqueId;
use holobiont_policy::{Frontier, Status as Standing};
use holobiont_surface::Head;

use crate::LastLog;

/// What a node is, knows and does, at one moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// This node.
    pub node: UniqueId,
    /// Its place in the present roster; none where it is not in it.
    pub place: Option<u16>,
    /// Its part in the replicated log.
    pub role: Role,
    /// The engine's term.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<UniqueId>,
    /// The end of its log.
    pub last_log: LastLog,
    /// Log index that it knows a majority holds.
    pub committed: u64,
    /// Log index that its front machine has applied.
    pub applied: u64,
    /// Log index that it has folded.
    pub folded: u64,
    /// The newest cut in the log.
    pub cut: u64,
    /// The newest cut that it has folded.
    pub folded_cut: u64,
    /// The newest cut with a certificate.
    pub certified_cut: u64,
    /// The committee's watermark.
    pub watermark: Option<u64>,
    /// Organism time, milliseconds since 1970.
    pub time_ms: u64,
    /// The organism's tick count.
    pub tick: u64,
    /// Operators have paused the organism.
    pub paused: bool,
    /// Too little weight counts: inputs stay untaken.
    pub halted: bool,
    /// Number of the roster, 0 for the first.
    pub roster_number: u64,
    /// The members, in the config's order.
    pub members: Vec<MemberStatus>,
    /// Whether it signs.
    pub signing: Signing,
    /// Whether its disk was found to be an older copy at this boot.
    pub rolled_back: bool,
    /// Nodes that have told of another state than this node has folded, each at the newest cut at which
    /// the two could be compared.
    pub contradicted_by: Vec<UniqueId>,
    /// Nodes whose boot key is active, by place.
    pub active_keys: Vec<bool>,
    /// What the fold waits for.
    pub needs: Vec<Need>,
    /// Entries of its log, and their bytes.
    pub log_entries: u64,
    /// Size of its log, in bytes.
    pub log_bytes: u64,
    /// What ended the node's work, if anything did.
    pub failed: Option<String>,
}

/// A node's part in the replicated log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It asks the others what it may have promised before.
    Recalling,
    /// It follows, and its voice does not count.
    Learner,
    /// It follows.
    Follower,
    /// It wants to lead.
    Candidate,
    /// It leads.
    Leader,
    /// It has stopped.
    Stopped,
}

/// Whether a node signs the cuts that it folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// Not yet.
    Waits(&'static str),
    /// Yes.
    Signs,
    /// Another boot of this node was admitted after this one.
    Fenced,
    /// So many others have another state than this node brought on its disk, or has folded since,
    /// that no majority can have the same: it has ended, and says so in [`Status::failed`].
    Contradicted {
        /// The newest cut at which they were compared.
        cut: u64,
    },
    /// A certificate names another result than this node folded.
    Diverged {
        /// The cut.
        cut: u64,
    },
    /// All have signed and no result has a quorum.
    Split {
        /// The cut.
        cut: u64,
    },
}

impl Signing {
    /// Whether this node is found to have another state than the committee.
    #[must_use]
    pub const fn differs(&self) -> bool {
        matches!(self, Self::Contradicted { .. } | Self::Diverged { .. })
    }
}

/// One member as a node sees it.
#[derive(Debug, Clone)]
pub struct MemberStatus {
    /// Its name in the config.
    pub name: String,
    /// Where the committee has it.
    pub status: Standing,
    /// Tick at which that was entered.
    pub since_tick: u64,
    /// How far a majority agrees.
    pub frontier: Option<Frontier>,
    /// The next record is taken from here at the earliest: past a gap.
    pub resume_from: u64,
    /// One past the last record of this node's own copy.
    pub copy_next_seq: u64,
    /// How far the copy is on disk.
    pub copy_durable: Option<Head>,
    /// Whether an offer is being voted on.
    pub open_offer: bool,
    /// Nodes (by place) that the last decision went against.
    pub flagged_nodes: Vec<u16>,
}
