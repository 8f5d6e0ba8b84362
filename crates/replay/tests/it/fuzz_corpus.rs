//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/published.rs"]
mod published;

#[test]
fn the_corpus_of_published_holds() {
    corpus::run("published", published::run);
}
