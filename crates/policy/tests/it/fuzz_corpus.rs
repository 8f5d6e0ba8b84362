//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/commands.rs"]
mod commands;
#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;

#[test]
fn the_corpus_of_commands_holds() {
    corpus::run("commands", commands::run);
}
