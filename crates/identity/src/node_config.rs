//! `node.toml` and `roster.toml`: what one node is told, and who the committee's first nodes are.

mod address;
mod peer;
mod roster;
mod source;

pub use peer::{MAX_PEERS, PeerAddress};
pub use roster::{MAX_ROSTER, RosterConfig};
pub use source::{SourceConfig, SourceKind};

use std::net::SocketAddr;

use crate::UniqueId;
use crate::config::{self, ConfigError, Context, StableId, Table, Text};
use address::Socket;

/// Where operations are served when nothing else is said: this machine alone.
pub const DEFAULT_OPS: &str = "127.0.0.1:9464";
/// How many cuts lie between two snapshots when nothing else is said.
pub const DEFAULT_SNAPSHOT_CUTS: u64 = 1_000;
/// Memory for reading members' copies when nothing else is said, in bytes.
pub const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;
/// The least memory that is taken, in bytes: two windows of one member, and reading ahead.
pub const LEAST_MEMORY_BYTES: u64 = 8 << 20;
/// Disk for one member's copy when nothing else is said, in bytes.
pub const DEFAULT_DISK_BYTES: u64 = 64 << 30;
/// The least disk for one member's copy, in bytes: one window, and the one after it.
pub const LEAST_DISK_BYTES: u64 = 2 << 20;
/// How far one member's copy may be ahead of the fold when nothing else is said, in bytes.
pub const DEFAULT_AHEAD_BYTES: u64 = 4 << 30;
/// The least that a copy may be ahead, in bytes: one window, and the one after it.
pub const LEAST_AHEAD_BYTES: u64 = 2 << 20;

/// A whole `node.toml`: one node's own, not shared and not fingerprinted.
///
/// Paths are as the file has them: relative ones are relative to the file's folder.
///
/// ```
/// use holobiont_identity::NodeConfig;
///
/// let config = NodeConfig::parse(r#"
///     version = 1
///     node = "acme.node-1"
///     data_dir = "data"
///     organism = "organism.toml"
///     roster = "roster.toml"
///     attestation = { collateral = "collateral" }
///     listen = { committee = "0.0.0.0:7400" }
///     source = [{ member = "USD", kind = "directory", path = "surfaces/USD" }]
/// "#)?;
/// assert!(config.listen.ops.ip().is_loopback());
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// This node's id in the roster.
    pub node: UniqueId,
    /// The folder that is this node's alone: log, snapshots, copies, commits.
    pub data_dir: String,
    /// The organism's config, which the whole committee shares.
    pub organism: String,
    /// The committee's first roster.
    pub roster: String,
    /// What the organism's operators issued to this node, if anything.
    pub enrolment_file: Option<String>,
    /// A signing key on disk. *For development only*: it can be copied, and so can the node.
    pub key_file: Option<String>,
    /// Where it listens.
    pub listen: Listen,
    /// Where the other nodes are. *Limits*: up to [`MAX_PEERS`], each node once.
    pub peers: Vec<PeerAddress>,
    /// Where members' surfaces come from, at most one a member. A member without one is taken from
    /// the nodes that have it.
    pub sources: Vec<SourceConfig>,
    /// What it attests with, and judges others by.
    pub attestation: AttestationConfig,
    /// When snapshots are made.
    pub snapshot: SnapshotConfig,
    /// How much it may take.
    pub budget: BudgetConfig,
    /// What it answers to those who ask.
    pub query: QueryConfig,
    /// How it logs; the command line goes before this.
    pub log: Option<LogFormat>,
}

/// The addresses that a node listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// For the other nodes: attested TLS.
    pub committee: SocketAddr,
    /// Health and metrics, plain HTTP. [`DEFAULT_OPS`] when nothing is said.
    pub ops: SocketAddr,
    /// Queries, plain HTTP: what is served there proves itself. None is served unless it is named.
    pub query: Option<SocketAddr>,
}

/// What a node attests with, and judges others by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestationConfig {
    /// The folder that `holobiont collateral fetch` fills.
    pub collateral: Option<String>,
    /// The folder of a simulated Intel. *It proves nothing*, and needs the flag that says so.
    pub simulated_world: Option<String>,
    /// Which guest of the simulated world this node is; its node id, as text, when nothing is said.
    pub simulated_guest: Option<String>,
}

/// When snapshots are made. The two newest are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// Cuts between two snapshots. *Limits*: at least 1.
    pub every_cuts: u64,
}

/// How much a node may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetConfig {
    /// For reading members' copies, in bytes. *Limits*: at least [`LEAST_MEMORY_BYTES`].
    pub memory_bytes: u64,
    /// For each member's copy, in bytes. *Limits*: at least [`LEAST_DISK_BYTES`].
    pub disk_bytes: u64,
    /// How far each member's copy may be ahead of what was folded, in bytes: then its source is not
    /// read until the fold has caught up. *Limits*: at least [`LEAST_AHEAD_BYTES`].
    pub ahead_bytes: u64,
}

/// What a node answers to those who ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryConfig {
    /// Whether members' copies are served too. They are the members' to give away.
    pub members: bool,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Terminal,
    /// One JSON object a line.
    Json,
}

impl NodeConfig {
    /// Reads a `node.toml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str) -> Result<Self, ConfigError> {
        config::parse(source, "node.toml", Self::read)
    }

    /// The source of a member, by its name in the organism's config.
    pub fn source(&self, member: &str) -> Option<&SourceConfig> {
        self.sources.iter().find(|source| source.member == member)
    }

    fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let node = root.required::<StableId>("node", cx);
        let data_dir = root.required::<Text>("data_dir", cx);
        let organism = root.required::<Text>("organism", cx);
        let roster = root.required::<Text>("roster", cx);
        let enrolment_file = root.optional::<Text>("enrolment_file", cx);
        let key_file = root.optional::<Text>("key_file", cx);
        let listen = root.required_section("listen", cx, Listen::read);
        let node = node.map(|StableId(node)| node);
        let peers = peer::read(root, node.as_ref(), cx);
        let sources = source::read(root, cx);
        let attestation = root.required_section("attestation", cx, AttestationConfig::read);
        let snapshot = root.section("snapshot", cx, SnapshotConfig::read);
        let budget = root.section("budget", cx, BudgetConfig::read);
        let query = root.section("query", cx, |query, cx| QueryConfig {
            members: query.optional("members", cx).unwrap_or(false),
        });
        let log = root.section("log", cx, |log, cx| {
            log.choice(
                "format",
                &[("terminal", LogFormat::Terminal), ("json", LogFormat::Json)],
                cx,
            )
        });
        Some(Self {
            node: node?,
            data_dir: data_dir?.0,
            organism: organism?.0,
            roster: roster?.0,
            enrolment_file: enrolment_file.map(|text| text.0),
            key_file: key_file.map(|text| text.0),
            listen: listen??,
            peers,
            sources,
            attestation: attestation?,
            snapshot: snapshot.unwrap_or_default(),
            budget: budget.unwrap_or_default(),
            query: query.unwrap_or_default(),
            log: log.flatten(),
        })
    }
}

impl Listen {
    fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let committee = table.required::<Socket>("committee", cx);
        let ops = table.optional::<Socket>("ops", cx).map(|Socket(ops)| ops);
        let query = table.optional::<Socket>("query", cx).map(|Socket(query)| query);
        let Socket(committee) = committee?;
        Some(Self { committee, ops: ops.or_else(|| DEFAULT_OPS.parse().ok())?, query })
    }
}

impl AttestationConfig {
    fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let collateral = table.optional::<Text>("collateral", cx).map(|text| text.0);
        let simulated_world = table.optional::<Text>("simulated_world", cx).map(|text| text.0);
        let simulated_guest = table.optional::<Text>("simulated_guest", cx).map(|text| text.0);
        if collateral.is_none() && simulated_world.is_none() {
            cx.advise(
                Some(table.span()),
                "[attestation] names no `collateral`: nobody could be judged",
                "name the folder that `holobiont collateral fetch` fills",
            );
        }
        if collateral.is_some() && simulated_world.is_some() {
            cx.advise(
                Some(table.span()),
                "[attestation] names both `collateral` and `simulated_world`",
                "a node is in one world: take `simulated_world` out of what is to be trusted",
            );
        }
        Self { collateral, simulated_world, simulated_guest }
    }
}

impl SnapshotConfig {
    fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let default = Self::default();
        Self {
            every_cuts: table.number("every_cuts", 1..=u64::MAX, cx).unwrap_or(default.every_cuts),
        }
    }
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self { every_cuts: DEFAULT_SNAPSHOT_CUTS }
    }
}

impl BudgetConfig {
    fn read(table: &mut Table<'_>, cx: &mut Context<'_>) -> Self {
        let memory_bytes = table.number("memory_bytes", LEAST_MEMORY_BYTES..=u64::MAX, cx);
        let disk_bytes = table.number("disk_bytes", LEAST_DISK_BYTES..=u64::MAX, cx);
        let ahead_bytes = table.number("ahead_bytes", LEAST_AHEAD_BYTES..=u64::MAX, cx);
        let default = Self::default();
        Self {
            memory_bytes: memory_bytes.unwrap_or(default.memory_bytes),
            disk_bytes: disk_bytes.unwrap_or(default.disk_bytes),
            ahead_bytes: ahead_bytes.unwrap_or(default.ahead_bytes),
        }
    }
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            memory_bytes: DEFAULT_MEMORY_BYTES,
            disk_bytes: DEFAULT_DISK_BYTES,
            ahead_bytes: DEFAULT_AHEAD_BYTES,
        }
    }
}
