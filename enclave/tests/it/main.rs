//! The guest's side against a kernel that answers by a script.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod ccel;
mod guest;
mod quotes;
mod registers;
mod sample;
mod scripted;
mod self_check;
mod vectors;
