//! Surfaces over real sockets, between simulated guests and under the real verifier.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on fails"
)]

mod admission;
mod bounds;
mod following;
mod fuzz_corpus;
mod proxy;
mod serving;
mod sources;
mod tickets;
mod world;
