//! What the fuzzer has found worth keeping, run as ordinary tests.

#[path = "../../../../fuzz/bodies/corpus.rs"]
mod corpus;
#[path = "../../../../fuzz/bodies/reader.rs"]
#[allow(clippy::duplicate_mod, reason = "each body brings its own input")]
mod reader;
#[path = "../../../../fuzz/bodies/surface_codecs.rs"]
mod surface_codecs;
#[path = "../../../../fuzz/bodies/surface_dir.rs"]
mod surface_dir;

#[test]
fn the_corpus_of_reader_holds() {
    corpus::run("reader", reader::run);
}

#[test]
fn the_corpus_of_surface_codecs_holds() {
    corpus::run("surface_codecs", surface_codecs::run);
}

#[test]
fn the_corpus_of_surface_dir_holds() {
    corpus::run("surface_dir", surface_dir::run);
}
