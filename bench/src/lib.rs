//! The replay benchmark: how fast records are replayed here, against what this machine can do at
//! all and against other stores that people would keep the same records in.
//!
//! **Owns**: the seeded [`Workload`], the floors, the measurements of this project's own reader and
//! fold, the [`Peer`](peers::Peer) interface, the targets, and the [`Report`].
//!
//! **Does not own**: the command line, and anything that is measured.
//!
//! **Talks to**: surfaces, the fold and its programs; the clock, the page cache and the kernel.
//!
//! Every reader of a run must arrive at the same [`Sum`] over the records; one that does not has
//! not read them, and the run is invalid, however fast it was.

#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod baseline;
mod cold;
mod contender;
mod error;
mod floors;
mod large;
mod layout;
mod machine;
mod mapped;
mod measure;
mod ours;
mod page;
pub mod peers;
pub mod pieces;
mod prepare;
/// What a run found.
pub mod report;
mod rows;
mod run;
mod settings;
mod sum;
mod targets;
mod workload;

pub use baseline::{Baseline, Compared};
pub use error::BenchError;
pub use machine::Machine;
pub use page::page;
pub use report::Report;
pub use run::{Hooks, Place, probe, run};
pub use settings::{MAX_MEMBERS, MAX_PAYLOAD_BYTES, Settings, Which};
pub use sum::Sum;
pub use workload::{Records, Sizes, Workload};
