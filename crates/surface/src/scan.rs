use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use holobiont_identity::Digest;

use crate::block::READ_BLOCK_BYTES;
use crate::format::{
    SEGMENT_HEADER_BYTES, SegmentFooter, SegmentHeader, WindowEntry, chain_over, footer_length,
};
use crate::open_window::OpenWindow;
use crate::record::{RECORD_HEADER_BYTES, as_u64, as_usize};
use crate::segment::{length_of, read_at};
use crate::walk::Walk;
use crate::{Damage, Genesis, Record, RecordHeader, SurfaceError};

/// What reading an unsealed segment, record by record, found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) path: PathBuf,
    pub(crate) header: SegmentHeader,
    /// The windows that have ended.
    pub(crate) ended: Vec<WindowEntry>,
    /// The window that has not.
    pub(crate) window: OpenWindow,
    /// The rules, after the last good record.
    pub(crate) walk: Walk,
    /// Offset after the last good record, in bytes.
    pub(crate) end_offset: u64,
    /// Length of the file, in bytes.
    pub(crate) length_bytes: u64,
    pub(crate) stop: Stop,
}

/// Why the records end where they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The file ends.
    End,
    /// The footer of exactly these records follows: sealing was interrupted.
    Footer,
    /// Something else follows.
    Torn(Damage),
}

impl Scan {
    /// Reads an unsealed segment that must follow `walk` and `chain_before`, one record at a time.
    ///
    /// The header must be right, and where the window before has ended for its bytes, the record
    /// that shows it must be there: both were durable before the segment before was sealed. Whether
    /// other records may be missing, the durable mark decides.
    pub(crate) fn read(
        path: &Path,
        genesis: &Genesis,
        walk: Walk,
        chain_before: Digest,
    ) -> Result<Self, SurfaceError> {
        let file = File::open(path).map_err(SurfaceError::io(path, "opening"))?;
        let length_bytes = length_of(&file, path)?;
        let mut header = Vec::new();
        let read = (&file).take(as_u64(SEGMENT_HEADER_BYTES)).read_to_end(&mut header);
        read.map_err(SurfaceError::io(path, "reading"))?;
        let header = SegmentHeader::decode(&header)
            .and_then(|header| {
                header.check(genesis, walk.next_seq(), chain_before).map(|()| header)
            })
            .map_err(|what| SurfaceError::damage(path, 0, what))?;

        let mut scan = Self {
            path: path.to_owned(),
            header,
            ended: Vec::new(),
            window: OpenWindow::new(header.first_seq, chain_before, walk.previous()),
            walk,
            end_offset: as_u64(SEGMENT_HEADER_BYTES),
            length_bytes,
            stop: Stop::End,
        };
        let left = length_bytes.saturating_sub(scan.end_offset);
        let mut records = BufReader::with_capacity(as_usize(READ_BLOCK_BYTES), (&file).take(left));
        let mut stored = Vec::new();
        scan.stop = loop {
            match scan.take_record(&mut records, &mut stored) {
                Ok(true) => {}
                Ok(false) => break Stop::End,
                Err(Stopped::Damage(what)) => break Stop::Torn(what),
                Err(Stopped::Io(error)) => return Err(SurfaceError::io(path, "reading")(error)),
            }
        };
        scan.require_first_record(&walk)?;
        if scan.stop != Stop::End && scan.has_footer(&file)? {
            scan.stop = Stop::Footer;
        }
        Ok(scan)
    }

    fn require_first_record(&self, before: &Walk) -> Result<(), SurfaceError> {
        if !before.window_is_undecided() || self.walk.next_seq() > self.header.first_seq {
            return Ok(());
        }
        let what = match &self.stop {
            Stop::Torn(what) => what.clone(),
            _ => Damage::Truncated { needed_bytes: as_u64(RECORD_HEADER_BYTES) },
        };
        let (first_seq, offset) = (self.header.first_seq, self.end_offset);
        Err(SurfaceError::in_window(&self.path, first_seq, offset, what))
    }

    /// All windows, the one that has not ended included.
    pub(crate) fn windows(&self) -> Vec<WindowEntry> {
        let mut windows = self.ended.clone();
        windows.extend(self.window.entry(self.window_offset()));
        windows
    }

    /// The chain value after all windows, were the last one to end here.
    pub(crate) fn chain_after(&self) -> Digest {
        chain_over(self.header.chain_before, &self.windows())
    }

    /// Where the window that has not ended begins, in bytes.
    fn window_offset(&self) -> u64 {
        self.end_offset.saturating_sub(self.window.length_bytes())
    }

    /// Takes the next record; false at the end of the file.
    fn take_record(
        &mut self,
        records: &mut impl Read,
        stored: &mut Vec<u8>,
    ) -> Result<bool, Stopped> {
        stored.clear();
        records.by_ref().take(as_u64(RECORD_HEADER_BYTES)).read_to_end(stored)?;
        if stored.is_empty() {
            return Ok(false);
        }
        let Some(fixed) = stored.first_chunk() else {
            let needed_bytes = as_u64(RECORD_HEADER_BYTES);
            return Err(Damage::Truncated { needed_bytes }.into());
        };
        let header = RecordHeader::decode(fixed);
        let mut walk = self.walk;
        // Before the length is believed: admission bounds it by the size of a window.
        let starts = walk.admit(&header)?;
        let size = header.stored_size_bytes();
        let rest = size.saturating_sub(as_u64(RECORD_HEADER_BYTES));
        records.by_ref().take(rest).read_to_end(stored)?;
        if !Record::decode(stored)?.crc_holds() {
            return Err(Damage::RecordCrc { seq: header.seq }.into());
        }
        if !starts && self.end_offset == as_u64(SEGMENT_HEADER_BYTES) {
            return Err(Damage::WindowBoundary.into());
        }
        if starts {
            self.end_window();
        }
        self.window.push(&header, stored);
        self.walk = walk;
        self.end_offset = self.end_offset.saturating_add(size);
        if self.walk.window_is_full() {
            self.end_window();
        }
        Ok(true)
    }

    fn end_window(&mut self) {
        if let Some(entry) = self.window.entry(self.window_offset()) {
            self.window.turn(&entry, self.walk.previous());
            self.ended.push(entry);
        }
    }

    /// Whether exactly the footer of the records read follows them.
    fn has_footer(&self, file: &File) -> Result<bool, SurfaceError> {
        let windows = self.windows();
        let left = self.length_bytes.saturating_sub(self.end_offset);
        if left != footer_length(as_u64(windows.len())) {
            return Ok(false);
        }
        let found = read_at(file, &self.path, self.end_offset, left)?;
        let footer = SegmentFooter::new(self.header.chain_before, windows);
        Ok(footer.is_some_and(|footer| footer.encode() == found))
    }
}

enum Stopped {
    Damage(Damage),
    Io(io::Error),
}

impl From<Damage> for Stopped {
    fn from(what: Damage) -> Self {
        Self::Damage(what)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
