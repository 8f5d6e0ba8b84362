//! The fake Intel seen from outside: by the verifier, and by `dcap-qvl` on its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod faults;
mod good;
mod marked;

/// A time in 2027 at which all of it is made.
const NOW_S: u64 = 1_800_000_000;
