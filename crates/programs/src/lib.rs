//! The programs that ship with Holobiont, and how an organism finds its own.
//!
//! **Owns**: the program [`CrossFeed`] with its commit format, and the registry: [`load`] makes the
//! program that an `organism.toml` names, [`describe`] puts what a program committed into words.
//!
//! **Does not own**: the order of events, the commit record and its evidence (the fold does), and
//! when a member counts (its status says so).
//!
//! **Talks to**: the fold, through its `Program` trait. No clock, no I/O, no floats.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod cross_feed;
mod description;
mod error;
mod registry;

pub use cross_feed::{
    COMMIT_VERSION, CrossFeed, CrossFeedCommit, CrossFeedView, MAX_COMMIT_BYTES, MAX_INDEX,
    MAX_VALUE, MAX_WINDOW, MIN_INDEX, MIN_WINDOW, MemberCount, MemberLine, MemberView,
    SNAPSHOT_VERSION, Standing,
};
pub use description::Description;
pub use error::{CommitError, DescribeError, LoadError};
pub use registry::{PROGRAMS, Visit, describe, load};
