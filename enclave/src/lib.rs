//! The guest's side of attestation: quotes of this guest, its registers, and what a guest lacks.
//!
//! **Owns**: how Linux is asked for a TDX quote ([`ConfigfsTsm`], over `configfs-tsm`); reading the
//! measurement registers and extending RTMR3 ([`Registers`]); reading the firmware's event log
//! ([`event_log`]); what of this a machine offers ([`Guest`]); and the check of an own quote before
//! anybody else sees one ([`self_check`]).
//!
//! **Does not own**: what a quote binds and how it is parsed, matched and judged
//! (`holobiont-attestation`); the simulated platform (`enclave/simulated`).
//!
//! **Talks to**: the kernel, through the files named in [`Roots`] and the small trait [`Tree`]; the
//! monotonic clock and the system's randomness, through [`Ambient`].

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod ambient;
mod ccel;
mod configfs_tsm;
mod entry;
mod guest;
mod registers;
mod roots;
mod self_check;
mod tree;
mod turn;

pub use ambient::{Ambient, System};
pub use ccel::event_log;
pub use configfs_tsm::{ConfigfsTsm, DEFAULT_DEADLINE, PROVIDER};
pub use guest::{Finding, Guest, Interface, State};
pub use registers::{CurrentRegisters, Registers, RegistersError};
pub use roots::Roots;
pub use self_check::{OwnQuote, SelfCheckError, self_check};
pub use tree::{FileTree, Tree};
