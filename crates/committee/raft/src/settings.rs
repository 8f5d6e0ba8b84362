use std::sync::Arc;

use holobiont_committee::{Configs, MachineEvent, Signer};
use holobiont_committee_fold::{Copies, FolderOptions};
use holobiont_committee_store::Flush;
use holobiont_identity::{Organism, UniqueId};
use holobiont_policy::Roster;

/// How a node runs; none of it changes what the committee decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This node's id.
    pub node: UniqueId,
    /// How often a leader shows that it is there, in milliseconds.
    pub heartbeat_ms: u64,
    /// A follower that has heard of no leader for a time between these two campaigns, in
    /// milliseconds.
    pub election_ms: (u64, u64),
    /// The longest time between two looks at what there is to propose, in milliseconds; what changes
    /// is looked at once.
    pub look_every_ms: u64,
    /// What was proposed and has not come back out of the log after this time is proposed again, in
    /// milliseconds.
    pub retry_ms: u64,
    /// How long a node that does not lead waits before it offers what the leader does not, in
    /// milliseconds; twice as long for the next in the roster, and so on.
    pub patience_ms: u64,
    /// A snapshot is made after this many cuts.
    pub snapshot_every_cuts: u64,
    /// How many log entries are kept behind a snapshot: nodes that are no further behind need none.
    pub keep_entries: u64,
    /// Where the fold runs.
    pub fold: FoldOn,
    /// How the log is made durable.
    pub flush: Flush,
}

/// Where the fold runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldOn {
    /// On a thread of its own, outside of the runtime's. Needs a tokio runtime.
    Thread,
    /// As a task among the others: for simulations.
    Task,
}

impl Settings {
    /// The settings of a node on a network of data centres.
    #[must_use]
    pub const fn new(node: UniqueId) -> Self {
        Self {
            node,
            heartbeat_ms: 150,
            election_ms: (900, 1_800),
            look_every_ms: 100,
            retry_ms: 3_000,
            patience_ms: 1_000,
            snapshot_every_cuts: 1_000,
            keep_entries: 1_000_000,
            fold: FoldOn::Thread,
            flush: Flush::Thread,
        }
    }
}

/// What happens in the committee's log, told in its order. After a restart the end of it is told
/// again, from the newest snapshot on.
pub type Listener = Arc<dyn Fn(u64, &MachineEvent) + Send + Sync>;

/// Whether this is the operators' leave for the node of that id to run a boot key: asked before the
/// key is admitted. What it says must not change with time alone.
pub type Enrolments = Arc<dyn Fn(&UniqueId, &[u8]) -> bool + Send + Sync>;

/// A boot of another node that waits to be admitted, as the log has it.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The node.
    pub node: &'a UniqueId,
    /// The key of its boot, which attested TLS has verified.
    pub key: &'a [u8; 32],
    /// The operators' leave.
    pub enrolment: &'a [u8],
    /// The boot's evidence.
    pub quote: &'a [u8],
}

/// Whether a boot's evidence proves that its key was made in a guest as the committee pins it: asked
/// before the key is admitted, again and again while it is not.
pub type BootQuotes = Arc<dyn Fn(&Presented<'_>) -> bool + Send + Sync>;

/// What a node is made of.
pub struct Parts<D, T> {
    /// How it runs.
    pub settings: Settings,
    /// The organism as the committee began with it.
    pub organism: Arc<Organism>,
    /// The first roster.
    pub roster: Roster,
    /// Organisms that this node holds the files of.
    pub configs: Arc<dyn Configs>,
    /// This boot's key.
    pub signer: Arc<dyn Signer>,
    /// What lets the key be admitted.
    pub enrolment: Vec<u8>,
    /// The evidence that the key was made in this guest.
    pub quote: Vec<u8>,
    /// Judges the evidence of others' boots.
    pub quotes: BootQuotes,
    /// Judges the enrolments of others.
    pub enrolments: Enrolments,
    /// Where log, vote and snapshots are.
    pub disk: Arc<D>,
    /// The way to the others.
    pub transport: T,
    /// This node's copies of the members' surfaces.
    pub copies: Arc<Copies>,
    /// Where and how it folds.
    pub folder: FolderOptions,
    /// The wall clock, milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Hears what happens in the log.
    pub listener: Listener,
}

impl<D, T> std::fmt::Debug for Parts<D, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).finish_non_exhaustive()
    }
}
