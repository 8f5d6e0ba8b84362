//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/bodies/unmeasured.rs"]
mod cost;
#[path = "../../../fuzz/bodies/event_log.rs"]
mod event_log;
#[path = "../../../fuzz/bodies/quote.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input")]
mod quote;
#[path = "../../../fuzz/bodies/verify.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input")]
mod verify;

#[test]
fn the_corpus_of_event_log_holds() {
    corpus::run("event_log", event_log::run);
}

#[test]
fn the_corpus_of_quote_holds() {
    corpus::run("quote", quote::run);
}

#[test]
fn the_corpus_of_verify_holds() {
    corpus::run("verify", verify::run);
}
