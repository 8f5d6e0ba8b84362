//! The policy machine, driven as a committee's log would drive it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod arrival;
mod change;
mod codec;
mod driver;
mod fuzz_corpus;
mod hostile;
mod orders;
mod properties;
mod statuses;
mod votes;
mod watermark;
