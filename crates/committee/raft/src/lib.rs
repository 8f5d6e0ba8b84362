//! A node of a committee.
//!
//! **Owns** the wiring of the replicated log (openraft) to its durable store and to the other nodes
//! ([`Transport`]); what a node proposes and when; the rule of a restarted node ([`Gate`]); the pace
//! of the fold; signing; [`Status`].
//!
//! **Does not own** what commands mean (`holobiont-committee`), the files (`holobiont-committee-store`),
//! copies of surfaces and the fold (`holobiont-committee-fold`), who is at the other end of a
//! connection, where members' records come from, clocks.
//!
//! **Talks to** the other nodes, over the transport it is given. It runs on whatever runtime its
//! types name: tokio in a node, a seeded one in the simulation.
//!
//! ```text
//! own copies, synced ─► duty ─► Offer, Vote, Sign, Key, Admit ─► leader ─► replicated log
//!        ▲                                                                  │ committed
//!        │                          front machine (policy, keys, certificates) ◄┤ at once
//!        └── needs ◄─ fold (back machine, program, output surface) ◄────────────┘ at its own pace
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod anchors;
mod answering;
mod asking;
mod boots;
mod bounds;
mod core;
mod driving;
mod duty;
mod error;
mod folding;
mod front;
mod gate;
mod marks;
mod network;
mod node;
mod recall;
mod rpc;
mod settings;
mod snapshot;
mod status;
mod transport;
mod wakes;
mod watching;

pub use anchors::{MAX_ANCHORS, MAX_TOLD_ANCHORS};
pub use boots::MAX_BOOT_NUMBER;
pub use bounds::{MAX_LOG_INDEX, MAX_TERM};
pub use error::NodeError;
pub use gate::Gate;
pub use marks::{LastLog, Marks};
pub use node::{MAX_ENTRIES_BYTES, Node, STOP_LIMIT_MS};
pub use settings::{BootQuotes, Enrolments, FoldOn, Listener, Parts, Presented, Settings};
pub use status::{MemberStatus, Role, Signing, Status};
pub use transport::{MAX_RPC_BYTES, Transport, TransportError};
