//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/export.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input and log")]
mod export;
#[path = "../../../../fuzz/bodies/signed.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input and log")]
mod signed;

#[test]
fn the_corpus_of_signed_logs_holds() {
    corpus::run("signed", signed::run);
}

#[test]
fn the_corpus_of_exports_holds() {
    corpus::run("export", export::run);
}
