//! Members' surfaces on disk, folded, replayed, resumed and audited.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod audits;
mod codecs;
mod fold;
mod fuzz_corpus;
mod growing;
mod hostile;
mod properties;
mod same_result;
mod script;
mod world;
