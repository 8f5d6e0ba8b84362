use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use holobiont_identity::Digest;

use super::{ExportReader, ExportStart, ExportWriter};
use crate::ExportError;

/// An export that is being written to a file, which appears under its name only when
/// [`finish`](Self::finish) has made it durable.
#[derive(Debug)]
pub struct ExportFile {
    file: PathBuf,
    partial: PathBuf,
    writer: ExportWriter<BufWriter<File>>,
}

impl ExportFile {
    /// Begins an export that will be `file`.
    ///
    /// # Errors
    ///
    /// [`ExportError::File`] when the file system refuses.
    pub fn create(file: &Path, start: &ExportStart) -> Result<Self, ExportError> {
        let partial = file.with_extension("partial");
        let out = File::create(&partial).map_err(refused(&partial, "create"))?;
        let writer = ExportWriter::new(BufWriter::new(out), start)?;
        Ok(Self { file: file.to_owned(), partial, writer })
    }

    /// See [`ExportWriter::config`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn config(&mut self, content_hash: &Digest, text: &str) -> Result<(), ExportError> {
        self.writer.config(content_hash, text)
    }

    /// See [`ExportWriter::entry`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn entry(&mut self, index: u64, payload: &[u8]) -> Result<(), ExportError> {
        self.writer.entry(index, payload)
    }

    /// Ends the export, makes it durable, and gives it its name.
    ///
    /// # Errors
    ///
    /// [`ExportError`] when the file system refuses.
    pub fn finish(self) -> Result<(), ExportError> {
        let out = self.writer.finish()?;
        out.get_ref().sync_all().map_err(refused(&self.partial, "sync"))?;
        std::fs::rename(&self.partial, &self.file).map_err(refused(&self.file, "name"))?;
        let dir = self.file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or_else(|| Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(refused(dir, "sync"))
    }
}

impl ExportReader<BufReader<File>> {
    /// Opens an export that is a file.
    ///
    /// # Errors
    ///
    /// [`ExportError::File`], and as [`new`](Self::new).
    pub fn open(file: &Path) -> Result<Self, ExportError> {
        let input = File::open(file).map_err(refused(file, "open"))?;
        Self::new(BufReader::new(input))
    }
}

fn refused<'a>(
    file: &'a Path,
    doing: &'static str,
) -> impl FnOnce(std::io::Error) -> ExportError + 'a {
    move |source| ExportError::File { file: file.to_owned(), doing, source }
}
