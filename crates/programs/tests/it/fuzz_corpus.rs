//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/cross_feed.rs"]
mod cross_feed;

#[test]
fn the_corpus_of_cross_feed_holds() {
    corpus::run("cross_feed", cross_feed::run);
}
