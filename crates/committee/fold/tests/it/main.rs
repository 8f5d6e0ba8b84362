//! The crate as its users see it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod copies;
mod folding;
mod forks;
mod gaps;
mod opinions;
mod outputs;
mod world;
