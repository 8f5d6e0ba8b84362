//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/config.rs"]
mod config;
#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;

#[test]
fn the_corpus_of_config_holds() {
    corpus::run("config", config::run);
}
