//! The store as its users see it: through the engine's traits, on real and on failing disks.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;
mod damage;
mod faults;
mod full;
mod fuzz_corpus;
mod killed;
mod machine;
mod model;
mod reading;
mod signed;
mod snapshots;
mod suite;
mod vectors;
