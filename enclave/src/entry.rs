use std::io;
use std::path::{Path, PathBuf};

use crate::{Ambient, Tree};

/// How often the removal of a directory that the kernel still holds is tried.
const REMOVAL_TRIES: usize = 3;

/// One report directory of `configfs-tsm`, with a name of its own; removed when dropped, also after
/// an error. A directory left behind would hold kernel memory until the next boot.
pub(crate) struct Entry<'a, T: Tree> {
    tree: &'a T,
    path: PathBuf,
}

impl<'a, T: Tree> Entry<'a, T> {
    /// Makes it under a random name, so that no other process's directory is ever used.
    pub(crate) fn create(tree: &'a T, ambient: &impl Ambient, reports: &Path) -> io::Result<Self> {
        let path = reports.join(format!("holobiont-{}", hex::encode(ambient.random()?)));
        tree.make_directory(&path)?;
        Ok(Self { tree, path })
    }

    pub(crate) fn read(&self, attribute: &str, limit_bytes: usize) -> io::Result<Vec<u8>> {
        self.tree.read(&self.path.join(attribute), limit_bytes)
    }

    pub(crate) fn write(&self, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        self.tree.write(&self.path.join(attribute), bytes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl<T: Tree> Drop for Entry<'_, T> {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the next entry has another name.
        let _ = (0..REMOVAL_TRIES).find(|_| self.tree.remove_directory(&self.path).is_ok());
    }
}
