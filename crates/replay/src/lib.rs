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
//!
//! ```
//! use holobiont_identity::Organism;
//! use holobiont_policy::Roster;
//! use holobiont_replay::{
//!     Commands, Commits, Event, NoOutput, Program, ProgramError, Replay, ReplayClock, Surfaces,
//! };
//! use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};
//!
//! /// Counts records, and commits the count at every clock event.
//! struct Counter(u64);
//!
//! impl Program for Counter {
//!     const NAME: &'static str = "counter";
//!     const VERSION: u32 = 1;
//!
//!     fn fold(&mut self, event: Event<'_>, out: &mut Commits<'_>) -> Result<(), ProgramError> {
//!         match event {
//!             Event::Record(_) => self.0 += 1,
//!             Event::ClockClosed { .. } => out.commit(self.0.to_le_bytes().to_vec(), vec![])?,
//!             Event::Status(_) => {}
//!         }
//!         Ok(())
//!     }
//!
//!     fn snapshot(&self, out: &mut Vec<u8>) {
//!         out.extend(self.0.to_le_bytes());
//!     }
//!
//!     fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError> {
//!         let bytes = bytes.try_into().map_err(|_| ProgramError::Snapshot { why: "not 8 bytes" })?;
//!         self.0 = u64::from_le_bytes(bytes);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let organism = Organism::parse(r#"
//!     version = 1
//!     name = "count"
//!     program = { name = "counter", version = 1 }
//!     policy = { max_advance = 10 }
//!     member = [{ name = "feed", stable_id = "acme.feed", surface = "prices", start = 1 }]
//! "#)?;
//! let dir = tempfile::tempdir()?;
//! let genesis = Genesis::new(organism.members[0].surface_id());
//! let mut feed =
//!     SurfaceWriter::create(&dir.path().join("feed"), genesis, WriterOptions::default())?;
//! for clock in 1..=3 {
//!     let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
//!     feed.append(record)?;
//! }
//! feed.sync()?;
//!
//! let surfaces = Surfaces::open(&organism, dir.path(), 64 << 20)?;
//! let mut clock = ReplayClock::new(&organism, &surfaces, vec![])?;
//! let mut replay = Replay::new(&organism, Roster::replay(), &surfaces, Counter(0));
//! while let Some((index, command)) = clock.next(replay.state())? {
//!     replay.step(index, &command, &mut NoOutput)?;
//! }
//! assert_eq!(replay.state().watermark(), Some(3));
//! assert_eq!(replay.totals().commits_normal, 3);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
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
mod hand;
mod input;
mod log;
mod merge;
mod output;
mod program;
mod resumed;
mod run;
mod snapshot;
mod spans;
mod surfaces;
mod turns;

pub use advance::{Advance, ClockRun};
pub use audit::{Audit, Difference, audit, check_output};
pub use clock::{Commands, ReplayClock};
pub use commit::{
    Commit, KIND_COMMIT, KIND_EMPTY, KIND_STATUS, MemberEvidence, Published, StatusRecord,
};
pub use commits::{Citation, Commits};
pub use error::{LogError, ReplayError};
pub use input::Position;
pub use log::{LogDigest, LogReader, LogWriter};
pub use output::{Comparison, NoOutput, Output};
pub use program::{Event, MemberRecord, Program, ProgramError};
pub use resumed::ResumedOutput;
pub use run::{Replay, Step, Totals};
pub use snapshot::{OutputStart, Snapshot};
pub use surfaces::{DEFAULT_MEMORY_BUDGET_BYTES, Missing, Surfaces};
