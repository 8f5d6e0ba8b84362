//! The committee's machine, driven as a replicated log would drive it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod codec;
mod configs;
mod cuts;
mod export;
mod fuzz_corpus;
mod golden;
#[path = "../../../../fuzz/bodies/input.rs"]
mod input;
mod keys;
mod orders;
mod rosters;
#[path = "../../../../fuzz/bodies/signed_log.rs"]
mod signed_log;
mod simulation;
mod world;
