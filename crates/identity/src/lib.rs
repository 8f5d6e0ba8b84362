//! Ids, `organism.toml` and `coalition.toml`, and their fingerprints.
//!
//! **Owns**: [`UniqueId`], [`MemberId`] and [`Digest`]; the [`framing`] used for everything that is
//! hashed; the two shared configuration files ([`Organism`], [`Coalition`]), their canonical
//! encodings and the ids and hashes that follow from them; `node.toml` and `roster.toml` as data
//! ([`NodeConfig`], [`RosterConfig`]: one node's own, not fingerprinted); [`pins`] as data.
//!
//! **Does not own**: files (callers hand in text), record and segment formats, and any decision
//! taken from a policy or a pin.
//!
//! **Talks to**: nothing. Text and bytes come in, values go out.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod bytes;
mod coalition;
mod config;
mod digest;
mod encode;
pub mod framing;
mod member_id;
mod node_config;
mod order_file;
mod orders;
mod organism;
pub mod pins;
mod unique_id;
pub mod versioned;

pub use bytes::HexError;
pub use coalition::{Coalition, CoalitionOperator, Listed, MAX_LISTED, Modules, TicketIssuer};
pub use config::{
    CONFIG_VERSION, ConfigError, MAX_CONFIG_BYTES, MAX_NAME_BYTES, MAX_PROBLEMS, MAX_TEXT_BYTES,
    Problem,
};
pub use digest::Digest;
pub use member_id::MemberId;
pub use node_config::{
    AttestationConfig, BudgetConfig, DEFAULT_AHEAD_BYTES, DEFAULT_DISK_BYTES, DEFAULT_MEMORY_BYTES,
    DEFAULT_OPS, DEFAULT_SNAPSHOT_CUTS, LEAST_AHEAD_BYTES, LEAST_DISK_BYTES, LEAST_MEMORY_BYTES,
    Listen, LogFormat, MAX_PEERS, MAX_ROSTER, NodeConfig, PeerAddress, QueryConfig, RosterConfig,
    SnapshotConfig, SourceConfig, SourceKind,
};
pub use order_file::OrderFile;
pub use orders::{MAX_ORDERS, OrderAction, ReplayOrder};
pub use organism::{
    Acl, Alignment, ClockRule, Floor, MAX_MEMBERS, MAX_OPERATORS, MAX_SETTING_NESTING, MAX_TICK_MS,
    MAX_TICKET_ISSUERS, MAX_WEIGHT, Member, MemberPolicy, OUTPUT_SURFACE, OnGap, OnLateData,
    OnMismatch, OnStall, Operator, Organism, PARTS_PER_BILLION, ProgramConfig, Setting, Then,
    TickConfig,
};
pub use unique_id::UniqueId;
