//! Runs a target's body over its corpus, as an ordinary test.

use std::path::Path;

/// Every file of `fuzz/corpus/<target>`, in order; the last one printed is the one that fails.
pub(crate) fn run(target: &str, body: fn(&[u8])) {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let corpus = above.map(|folder| folder.join("fuzz/corpus").join(target)).find(|it| it.is_dir());
    let entries = std::fs::read_dir(corpus.expect("the target has a corpus"));
    let entries = entries.expect("a readable corpus");
    let mut files: Vec<_> =
        entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus of {target} is empty");
    for file in files {
        println!("{}", file.display());
        body(&std::fs::read(&file).expect("a readable input"));
    }
}
