//! The client and the directory as a node meets them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod fetch;
mod fuzz_corpus;
mod properties;
mod server;
mod sets;
mod store;
