//! What a verdict says, of real quotes and of a simulated Intel's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod accounts;
mod chains;
mod event_logs;
mod evidence;
mod expected;
mod flips;
mod forged;
mod fuzz_corpus;
mod hostile;
mod pins;
mod quotes;
mod report_data;
mod rollback;
mod support;
