//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/unmeasured.rs"]
mod cost;
#[path = "../../../../fuzz/bodies/exchange.rs"]
mod exchange;

#[test]
fn the_corpus_of_exchange_holds() {
    corpus::run("exchange", exchange::run);
}
