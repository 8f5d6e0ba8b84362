//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/unmeasured.rs"]
mod cost;
#[path = "../../../../fuzz/bodies/record_stream.rs"]
mod record_stream;
#[path = "../../../../fuzz/bodies/ticket.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input")]
mod ticket;

#[test]
fn the_corpus_of_record_stream_holds() {
    corpus::run("record_stream", record_stream::run);
}

#[test]
fn the_corpus_of_ticket_holds() {
    corpus::run("ticket", ticket::run);
}
