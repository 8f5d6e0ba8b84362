use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::FoldError;

/// What was given up because it had another history than the committee's, and kept: a file or a folder
/// that nothing reads. It may be the only evidence of what a source or a host has shown this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Where it is.
    pub path: PathBuf,
    /// All of it, in bytes.
    pub size_bytes: u64,
    /// When it was put there, in nanoseconds since 1970.
    put_ns: i128,
}

impl Aside {
    /// Removes it for good.
    ///
    /// # Errors
    ///
    /// [`FoldError::Io`].
    pub fn remove(&self) -> Result<(), FoldError> {
        let removed = match self.path.is_dir() {
            true => fs::remove_dir_all(&self.path),
            false => fs::remove_file(&self.path),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(FoldError::io(&self.path, "removing")),
        }
    }
}

/// What was put aside of the organism's own surface, which is in this folder: the oldest first.
///
/// # Errors
///
/// [`FoldError::Io`].
pub fn aside_of_output(dir: &Path) -> Result<Vec<Aside>, FoldError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{name}.aside-");
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut found = Vec::new();
    list(parent.unwrap_or_else(|| Path::new(".")), |it| it.starts_with(&prefix), &mut found)?;
    Ok(in_order(found))
}

/// Adds what a folder has under names that are those of something put aside.
pub(super) fn list(
    dir: &Path,
    is_aside: impl Fn(&str) -> bool,
    found: &mut Vec<Aside>,
) -> Result<(), FoldError> {
    let entries = match fs::read_dir(dir) {
        // It was replaced a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(FoldError::io(dir, "listing"))?,
    };
    for entry in entries {
        let entry = entry.map_err(FoldError::io(dir, "listing"))?;
        if entry.file_name().to_str().is_some_and(&is_aside) {
            let path = entry.path();
            let looked = fs::symlink_metadata(&path).and_then(|it| Ok((size_bytes(&path)?, it)));
            let (size_bytes, it) = looked.map_err(FoldError::io(&path, "looking at"))?;
            // A name that is given changes this time, and nothing else does later.
            let put_ns = i128::from(it.ctime())
                .saturating_mul(1_000_000_000)
                .saturating_add(i128::from(it.ctime_nsec()));
            found.push(Aside { path, size_bytes, put_ns });
        }
    }
    Ok(())
}

/// The oldest first.
pub(super) fn in_order(mut found: Vec<Aside>) -> Vec<Aside> {
    found.sort_by(|a, b| (a.put_ns, &a.path).cmp(&(b.put_ns, &b.path)));
    found
}

/// Of a file, or of the files in a folder: what is put aside is never nested deeper.
fn size_bytes(path: &Path) -> io::Result<u64> {
    let mut sum = fs::symlink_metadata(path)?.len();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sum = sum.saturating_add(entry?.metadata()?.len());
        }
    }
    Ok(sum)
}
