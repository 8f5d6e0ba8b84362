//! Attested TLS over real sockets, with simulated guests and the real verifier.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod attacks;
mod batching;
mod bindings;
mod exchange;
mod flood;
mod fuzz_corpus;
mod living;
mod mutual;
mod raw;
mod transport;
mod world;
