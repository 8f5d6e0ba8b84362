//! What an organism's operators and readers see of the programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod commits;
mod fuzz_corpus;
mod loading;
mod replaying;
mod words;

/// The bytes of a vector: hex digits, and comment lines that begin with `#`.
fn hex(vector: &str) -> Vec<u8> {
    let lines = vector.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<u32> =
        lines.flat_map(str::chars).map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
