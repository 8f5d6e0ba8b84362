//! Committee state: what a log of small commands decides.
//!
//! **Owns** the status of every member, frontiers, the watermark, the floor and grade, and when a
//! cut is made. **Does not own** records, payloads or files: it sees heads, never bytes behind
//! them. **Talks to** nobody: a [`CommitteeState`] is fed with [`Command`]s and answers with
//! [`Cut`]s.
//!
//! # Determinism
//!
//! [`CommitteeState::apply`] is a function of the state, the log index and the command. There is no
//! clock here: thresholds count [`Command::Tick`]s, so whether a member is late is decided by the
//! log and replays bit for bit.
//!
//! ```
//! use holobiont_identity::Organism;
//! use holobiont_policy::{Command, CommitteeState, Roster, Status};
//!
//! let organism = Organism::parse(r#"
//!     version = 1
//!     name = "demo"
//!     [program]
//!     name = "cross-feed"
//!     version = 1
//!     [policy]
//!     max_advance = 10
//!     join_within = 2
//!     [[member]]
//!     name = "feed"
//!     stable_id = "acme.feed"
//!     surface = "rates"
//! "#).unwrap();
//! let mut state = CommitteeState::new(&organism, Roster::replay());
//! state.apply(1, &Command::Tick);
//! assert_eq!(state.members()[0].status, Status::Joining);
//! state.apply(2, &Command::Tick);
//! assert_eq!(state.members()[0].status, Status::Absent);
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod change;
mod command;
mod cut;
mod cutting;
mod error;
mod member;
mod orders;
mod roster;
mod state;
mod status;
mod ticks;
mod votes;
mod watermark;

pub use command::{
    Command, MAX_COMMAND_BYTES, MAX_HEADS, MAX_TIME_MS, Offer, OfferRef, OfferedHead, Opinion,
    Order, Unavailable, Vote,
};
pub use cut::{Cut, CutMember, Frontier, Gap};
pub use error::PolicyError;
pub use member::{MemberState, OpenOffer};
pub use roster::{MAX_NODES, Roster};
pub use state::{Agreed, Applied, CommitteeState, Ignored};
pub use status::{Cause, Grade, Standing, Status, StatusChange};
