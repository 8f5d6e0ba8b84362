//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/config.rs"]
mod config;
#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/unmeasured.rs"]
mod cost;
#[path = "../../../../fuzz/bodies/pins.rs"]
mod pins;

#[test]
fn the_corpus_of_config_holds() {
    corpus::run("config", config::run);
}

#[test]
fn the_corpus_of_pins_holds() {
    corpus::run("pins", pins::run);
}
