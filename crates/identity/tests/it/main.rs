//! What a user of the crate notices, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod coalition;
mod framing;
mod fuzz_corpus;
mod node_config;
mod order_file;
mod orders;
mod organism;
mod pin_import;
mod pin_properties;
mod pin_refusals;
mod pins;
mod properties;
mod refusals;
mod unique_id;
mod vectors;
