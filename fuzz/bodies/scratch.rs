//! A private folder, in memory where the system has such a place.

use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder for the files")
}
