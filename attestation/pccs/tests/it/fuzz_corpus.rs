//! What the fuzzer has found worth keeping, run as ordinary tests.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../../../../fuzz/bodies/collateral.rs"]
mod collateral;
#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/unmeasured.rs"]
mod cost;

#[test]
fn the_corpus_of_collateral_holds() {
    corpus::run("collateral", collateral::run);
}
