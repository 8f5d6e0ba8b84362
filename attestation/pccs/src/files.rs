use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::StoreError;

/// All of a file of at most `limit` bytes; `None` when it is not there.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(StoreError::io("opening", path))?,
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(StoreError::io("reading", path))?;
    if bytes.len() > limit {
        return Err(StoreError::damaged(path, format!("it has more than {limit} bytes")));
    }
    Ok(Some(bytes))
}

/// Puts `bytes` at `path` in one step: whoever opens it sees the old content or the new, also after
/// a crash.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial).map_err(StoreError::io("creating", &partial))?;
    file.write_all(bytes).map_err(StoreError::io("writing", &partial))?;
    file.sync_all().map_err(StoreError::io("syncing", &partial))?;
    fs::rename(&partial, path).map_err(StoreError::io("naming", path))?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_directory(parent),
        None => sync_directory(Path::new(".")),
    }
}

/// Waits for, then holds, the directory against other threads and processes that write to it.
pub(crate) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("lock");
    let options = || File::options().create(true).truncate(false).write(true).open(&path);
    let file = options().map_err(StoreError::io("opening", &path))?;
    file.lock().map_err(StoreError::io("locking", &path))?;
    Ok(file)
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(StoreError::io("syncing", path))
}
