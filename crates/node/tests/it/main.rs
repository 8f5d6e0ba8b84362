//! The binary as its users run it, and the rules of the house.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod attestation;
mod bad_input;
mod bench;
#[cfg(feature = "simulated")]
mod bench_committee;
mod command_line;
#[cfg(feature = "simulated")]
mod committee;
mod damage;
mod demo;
#[cfg(feature = "simulated")]
mod dev_network;
mod euro_fx;
#[cfg(feature = "simulated")]
mod forged_logs;
mod house;
mod import_export;
mod run;
#[cfg(feature = "simulated")]
mod sets;
#[cfg(feature = "simulated")]
mod sources;
#[cfg(feature = "simulated")]
mod surface_serve;
mod trust;
