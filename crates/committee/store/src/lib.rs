//! The committee's durable log, a node's snapshots, and what it has signed.
//!
//! **Owns**: the files of a node's replicated log (segments of entries, the vote, what is purged and
//! committed), of its snapshots and of its journal of signatures; what is durable when, recovery
//! after a crash, and the refusal of damage by name; the [`Disk`] that all of it goes through, a
//! real [`Directory`] or a [`SimulatedDisk`] with seeded faults; the engine's types.
//!
//! **Does not own**: what an entry's bytes mean, who may write them, when a snapshot is taken, and
//! what a signature says.
//!
//! **Talks to**: the disk. The engine (`openraft`) calls [`LogStore`] through its storage traits.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod defect;
mod directory;
mod disk;
mod error;
mod figures;
mod format;
mod index;
mod log;
mod options;
mod plan;
mod read;
mod recover;
mod scan;
mod signed;
mod simulated;
mod snapshot;
mod store;
mod types;
mod writer;

pub use defect::Defect;
pub use directory::Directory;
pub use disk::Disk;
pub use error::StoreError;
pub use figures::{SYNC_BOUNDS_US, StoreFigures, Syncs};
pub use options::{
    Flush, LogOptions, LogRecovery, MAX_ENTRY_BYTES, MAX_READ_BYTES, MAX_SEGMENT_BYTES,
    MAX_TORN_FILES, MAX_WAITING_BYTES, StoreMarks, TornTail,
};
pub use signed::{MAX_SIGNED_CUTS, SignedJournal};
pub use simulated::{DiskImage, SimulatedDisk};
pub use snapshot::{MAX_SNAPSHOT_BYTES, NodeSnapshot, SnapshotFiles};
pub use store::LogStore;
pub use types::{Committee, Leader, Live, Payload, Term, raft_id};
