//! What the fuzzer has found worth keeping, run as an ordinary test.

#[path = "../../../../../fuzz/bodies/committee_log.rs"]
mod committee_log;
#[path = "../../../../../fuzz/bodies/corpus.rs"]
mod corpus;

#[test]
fn the_corpus_of_committee_log_holds() {
    corpus::run("committee_log", committee_log::run);
}
