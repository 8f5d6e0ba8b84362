//! The fold: members' records, in merge order, through one deterministic program.
//!
//! **Owns** merge order, the [`Program`] trait, commits and their evidence, the log of cuts,
//! snapshots, replay and audit. **Does not own** the decision when to cut (that is
//! `holobiont-policy`) or the bytes of a surface (`holobiont-surface`). **Talks to** those two.
//!
//! One [`Replay`] serves every use: a node that restarts, a laptop that folds members' surfaces by
//! the [`ReplayClock`], and an auditor who feeds it a recorded log ([`LogReader`]) and compares
//! what comes out with what was published ([`audit`]). They differ in where the commands come from
//! ([`Commands`]) and where the records go ([`Output`]), and in nothing else.
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod advance;
mod audit;
mod check;
mod clock;
mod commit;
mod commits;
mod engine;
mod error;
mod input;
mod log;
mod output;
mod program;
mod run;
mod snapshot;
mod surfaces;

pub use audit::{Audit, Difference, audit};
pub use clock::{Commands, ReplayClock};
pub use commit::{
    Commit, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence, Published, StatusRecord,
};
pub use commits::{Citation, Commits};
pub use error::{LogError, ReplayError};
pub use input::Position;
pub use log::{LogReader, LogWriter};
pub use output::{Comparison, NoOutput, Output};
pub use program::{Event, MemberRecord, Program, ProgramError};
pub use run::{Replay, Step, Totals};
pub use snapshot::{OutputStart, Snapshot};
pub use surfaces::{DEFAULT_MEMORY_BUDGET_BYTES, Missing, Surfaces};
