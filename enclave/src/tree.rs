use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// The few file operations that the kernel's interfaces need, so that a test can answer in the
/// kernel's place: in `configfs` a write to one file makes another, which no directory does.
pub trait Tree: Send + Sync {
    /// Whether something is there to be looked at.
    ///
    /// # Errors
    ///
    /// What the system says: not found, permission denied.
    fn probe(&self, path: &Path) -> io::Result<()>;

    /// Makes one directory; its parent is there.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// Removes one directory, whatever the kernel put into it.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// The whole content of a file of at most `limit_bytes`. An interrupted read is an error, not
    /// tried again: the caller has a deadline.
    ///
    /// # Errors
    ///
    /// What the system says; [`io::ErrorKind::FileTooLarge`] past the limit.
    fn read(&self, path: &Path, limit_bytes: usize) -> io::Result<Vec<u8>>;

    /// Writes all of `bytes` in one call to a file that is there.
    ///
    /// # Errors
    ///
    /// What the system says; [`io::ErrorKind::WriteZero`] when it took only a part.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// The machine's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileTree;

impl Tree for FileTree {
    fn probe(&self, path: &Path) -> io::Result<()> {
        fs::metadata(path).map(|_| ())
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn read(&self, path: &Path, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        // Not `read_to_end`: it goes on for ever while a read is interrupted.
        loop {
            let read = file.read(&mut chunk)?;
            if read == 0 {
                return Ok(bytes);
            }
            bytes.extend(chunk.iter().take(read));
            if bytes.len() > limit_bytes {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        // The kernel takes a register or a report's input whole or not at all.
        let written = file.write(bytes)?;
        if written == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}
