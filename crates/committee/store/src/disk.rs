use std::io;

/// The suffix of a file that is being written and has not got its name yet.
pub(crate) const TEMPORARY: &str = ".tmp";

/// A flat directory of named files, and all that the store asks of one.
///
/// What is written is durable after [`sync`](Self::sync) of its file, a name (of a new, renamed or
/// removed file) after [`sync_dir`](Self::sync_dir), and nothing before. Names are plain: no path
/// separators.
pub trait Disk: Send + Sync + 'static {
    /// The names of all files, in order.
    ///
    /// # Errors
    ///
    /// The system's.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A file's size, in bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`], or the system's.
    fn size_bytes(&self, name: &str) -> io::Result<u64>;

    /// Reads into `buffer` from `offset`; fewer bytes than asked for only where the file ends.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`], or the system's.
    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `offset`, into a new file where there is none.
    ///
    /// # Errors
    ///
    /// The system's; any part of the bytes may have been written then.
    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file this long, cutting it or adding zeros; a new one where there is none.
    ///
    /// # Errors
    ///
    /// The system's.
    fn set_size(&self, name: &str, size_bytes: u64) -> io::Result<()>;

    /// Waits until the file's content and size are on disk.
    ///
    /// # Errors
    ///
    /// The system's; what is on disk is unknown then.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    ///
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    ///
    /// The system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Waits until the names of all files are on disk.
    ///
    /// # Errors
    ///
    /// The system's.
    fn sync_dir(&self) -> io::Result<()>;

    /// Puts `bytes` into the file in one durable step: whoever reads it sees the old content or the
    /// new, also after a crash.
    ///
    /// # Errors
    ///
    /// The system's; the file has its old content or the new then.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{name}{TEMPORARY}");
        self.remove(&temporary)?;
        self.write_at(&temporary, 0, bytes)?;
        self.sync(&temporary)?;
        self.rename(&temporary, name)?;
        self.sync_dir()
    }

    /// All bytes of a file, of which there may be `limit_bytes`; nothing where there is no file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::FileTooLarge`], or the system's.
    fn read_all(&self, name: &str, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        let size_bytes = match self.size_bytes(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if size_bytes > limit_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = usize::try_from(size_bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        let read = self.read_at(name, 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(Some(bytes))
    }
}
