use std::fs::File;
use std::io::IoSliceMut;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::BenchError;

/// Places of each file at which it is looked whether the page cache has them.
const PROBES: u64 = 16;
/// One place of so many may be cached: a page that another processor is still busy with.
const TOLERATED: u64 = 20;
const PAGE_BYTES: u64 = 4096;

/// Drops the pages of these files from the cache; says why they may not be cold after all.
pub(crate) fn make_cold(files: &[PathBuf]) -> Result<Option<String>, BenchError> {
    for path in files {
        drop_pages(path)?;
    }
    let (mut cached, mut probed) = (0_u64, 0_u64);
    for path in files {
        let file = File::open(path).map_err(BenchError::io(path, "opening"))?;
        let length = file.metadata().map_err(BenchError::io(path, "measuring"))?.len();
        let step = (length / PROBES).max(PAGE_BYTES);
        // From the end: what the kernel reads ahead for one is not taken for cached at the next.
        for place in (0..PROBES).rev().map(|number| number.saturating_mul(step)) {
            if place >= length {
                continue;
            }
            let mut byte = [0];
            let into = &mut [IoSliceMut::new(&mut byte)];
            match preadv2(&file, into, place, ReadWriteFlags::NOWAIT) {
                Ok(_) => cached = cached.saturating_add(1),
                Err(Errno::AGAIN) => {}
                Err(error) => return Ok(Some(format!("not known to be cold here: {error}"))),
            }
            probed = probed.saturating_add(1);
        }
    }
    // A probe that found nothing may have had the kernel read ahead.
    for path in files {
        drop_pages(path)?;
    }
    let is_cold = cached.saturating_mul(TOLERATED) <= probed;
    Ok((!is_cold).then(|| format!("not cold here: {cached} of {probed} places were cached")))
}

/// Has the page cache hold every file under this folder the way that reading brings it in, which is
/// faster to read again than what many small writes have left there.
pub(crate) fn settle(dir: &Path) -> Result<(), BenchError> {
    for entry in std::fs::read_dir(dir).map_err(BenchError::io(dir, "listing"))? {
        let path = entry.map_err(BenchError::io(dir, "listing"))?.path();
        if path.is_dir() {
            settle(&path)?;
        } else {
            drop_pages(&path)?;
            warm(std::slice::from_ref(&path))?;
        }
    }
    Ok(())
}

/// Has the page cache hold these files again, for whoever reads them next.
pub(crate) fn warm(files: &[PathBuf]) -> Result<(), BenchError> {
    for path in files {
        let mut file = File::open(path).map_err(BenchError::io(path, "opening"))?;
        let read = std::io::copy(&mut file, &mut std::io::sink());
        read.map_err(BenchError::io(path, "reading"))?;
    }
    Ok(())
}

fn drop_pages(path: &Path) -> Result<(), BenchError> {
    let file = File::open(path).map_err(BenchError::io(path, "opening"))?;
    // Pages that are not yet on disk are not dropped.
    file.sync_all().map_err(BenchError::io(path, "syncing"))?;
    let dropped = fadvise(&file, 0, None, Advice::DontNeed);
    dropped.map_err(|error| BenchError::io(path, "dropping the pages of")(error.into()))
}

#[cfg(test)]
mod tests {
    use super::{make_cold, settle, warm};

    #[test]
    fn a_file_made_cold_reads_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, vec![7; 300_000]).unwrap();
        // Whether it is cold is the file system's to say.
        make_cold(std::slice::from_ref(&file)).unwrap();
        warm(std::slice::from_ref(&file)).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), vec![7; 300_000]);
        settle(dir.path()).unwrap();
        assert!(make_cold(&[dir.path().join("none")]).is_err());
    }
}
