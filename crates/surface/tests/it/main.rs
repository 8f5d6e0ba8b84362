//! What somebody who keeps, copies, cuts off or damages a surface's files observes.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod append;
mod chain;
mod codecs;
mod common;
mod cut_back;
mod damage;
mod disk;
mod evidence;
mod faults;
mod forged;
mod fuzz_corpus;
mod history;
mod reading;
mod recovery;
mod retention;
mod seals;
mod space;
mod structure;
mod vectors;
mod views;
mod ways;
