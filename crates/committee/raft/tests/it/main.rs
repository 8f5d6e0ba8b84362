//! Whole committees in virtual time: real nodes on disks that fail, a network that is cut, and
//! members that lie.
//!
//! `HOLOBIONT_SEED=N` plays one round, `HOLOBIONT_ROUNDS=N` so many of them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod byzantine;
mod dice;
mod faults;
mod feeder;
mod host;
mod invariants;
mod member;
mod net;
mod organism;
mod places;
mod rounds;
mod scenarios;
mod spoken;
mod watched;
mod world;
