use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{SurfaceWriter, Tail};
use crate::format::{SegmentFooter, SegmentHeader};
use crate::record::as_u64;
use crate::segment::Segment;
use crate::{SurfaceError, files};

/// What [`SurfaceWriter::seal`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// This segment is now sealed.
    Yes {
        /// The sealed file.
        file: PathBuf,
        /// Sequence number of its last record.
        last_seq: u64,
    },
    /// Nothing: no window has ended since the last seal, or one is open and cannot be split.
    No,
}

impl SurfaceWriter {
    /// Seals the segment now, if it ends where a window is known to end.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Io`], which poisons the writer; [`SurfaceError::Poisoned`].
    pub fn seal(&mut self) -> Result<Sealed, SurfaceError> {
        self.check_usable()?;
        if !self.window.is_empty() || self.tail.windows.is_empty() {
            return Ok(Sealed::No);
        }
        let rolled = self.roll(None);
        self.poison_on_io(rolled)?;
        let sealed = self.sealed.last().map(|segment| &segment.info);
        Ok(sealed.map_or(Sealed::No, |info| Sealed::Yes {
            file: info.file.clone(),
            last_seq: info.last_seq.unwrap_or(info.first_seq),
        }))
    }

    /// Seals the segment and opens its successor, with its first record where that is known. All
    /// windows of the segment have ended.
    ///
    /// The successor is durable before the seal is: whoever finds a seal finds what shows that the
    /// last window had ended.
    pub(super) fn roll(&mut self, first_record: Option<&[u8]>) -> Result<(), SurfaceError> {
        let (first_seq, chain_before) = (self.window.first_seq(), self.window.chain_before());
        let windows = std::mem::take(&mut self.tail.windows);
        let Some(footer) = SegmentFooter::new(self.tail.chain_before, windows) else {
            return Ok(());
        };
        let mut bytes = SegmentHeader::new(&self.genesis, first_seq, chain_before).encode();
        let header_bytes = as_u64(bytes.len());
        bytes.extend_from_slice(first_record.unwrap_or_default());
        let next = files::segment_path(&self.dir, first_seq, files::NEXT);
        let file = files::write_new(&next, &bytes)?;

        let Tail { path, first_seq: sealed_from, .. } = &self.tail;
        let footer_bytes = footer.encode();
        let written = self.tail.file.write_all_at(&footer_bytes, self.tail.end_offset);
        written.map_err(SurfaceError::io(path, "sealing"))?;
        self.tail.file.sync_all().map_err(SurfaceError::io(path, "syncing"))?;
        let sealed = path.with_extension(files::SEALED);
        files::rename(path, &sealed)?;
        let open = next.with_extension(files::OPEN);
        files::rename(&next, &open)?;

        let (before, from) = (self.tail.chain_before, *sealed_from);
        let segment = Segment::sealed(&sealed, before, from, &footer, &footer_bytes);
        self.sealed.push(Arc::new(segment));
        self.tail = Tail {
            path: open,
            file,
            first_seq,
            chain_before,
            windows: Vec::new(),
            end_offset: header_bytes,
        };
        Ok(())
    }
}
