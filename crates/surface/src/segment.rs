use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::files::{Listing, OPEN, SEALED};
use crate::format::{
    SEGMENT_HEADER_BYTES, Seal, SegmentFooter, SegmentHeader, Start, TRAILER_BYTES, WindowEntry,
    footer_length,
};
use crate::record::{as_u64, as_usize};
use crate::source::{Access, Opened};
use crate::surface::TornTail;
use crate::{Damage, Genesis, Head, SealKey, SurfaceError};

/// One segment file of a surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The file.
    pub file: PathBuf,
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// Sequence number of its last record; none while it has no record.
    pub last_seq: Option<u64>,
    /// Clock events of its first and last record.
    pub clocks: Option<(u64, u64)>,
    /// Size of the file up to its last whole record, the footer of a sealed one included, in bytes.
    pub size_bytes: u64,
    /// How many windows it has, an unfinished one included.
    pub windows: u32,
    /// Whether it is sealed, that is complete and immutable.
    pub sealed: bool,
}

/// A segment whose header, and footer where it has one, were found right.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) info: SegmentInfo,
    pub(crate) chain_before: Digest,
    /// Its largest window, in bytes.
    largest_window_bytes: u32,
    index: Index,
}

/// What the segment's windows must hash to.
#[derive(Debug, Clone)]
enum Index {
    /// In its footer, which is read again when needed and must then be the same.
    Footer { offset: u64, digest: Digest, chain_after: Digest },
    /// As found when the records were checked one by one.
    Scanned(Vec<WindowEntry>),
}

/// A surface's directory as it was found: what readers share.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) dir: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) start: Start,
    pub(crate) mark: Option<Head>,
    /// Shared from view to view: a sealed one stays as it is.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) next_seq: u64,
    pub(crate) torn: Option<TornTail>,
}

impl Segment {
    /// Reads header and footer of a sealed segment and holds them against the place where it must
    /// follow.
    pub(crate) fn open_sealed(
        path: &Path,
        genesis: &Genesis,
        first_seq: u64,
        chain_before: Digest,
    ) -> Result<Self, SurfaceError> {
        let file = File::open(path).map_err(SurfaceError::io(path, "opening"))?;
        let length = length_of(&file, path)?;
        let header_bytes = length.min(as_u64(SEGMENT_HEADER_BYTES));
        let header = read_at(&file, path, 0, header_bytes)?;
        SegmentHeader::decode(&header)
            .and_then(|header| header.check(genesis, first_seq, chain_before))
            .map_err(|what| SurfaceError::damage(path, 0, what))?;

        let no_footer = || SurfaceError::damage(path, length, Damage::FooterHash);
        let least = as_u64(SEGMENT_HEADER_BYTES).saturating_add(footer_length(0));
        let trailer_at = length.checked_sub(TRAILER_BYTES).filter(|_| length >= least);
        let trailer_at = trailer_at.ok_or_else(no_footer)?;
        let trailer = read_at(&file, path, trailer_at, TRAILER_BYTES)?;
        let footer_bytes = SegmentFooter::length_from_trailer(&trailer)
            .map_err(|what| SurfaceError::damage(path, trailer_at, what))?;
        let offset = length.checked_sub(footer_bytes).ok_or_else(no_footer)?;
        let bytes = read_at(&file, path, offset, footer_bytes)?;
        let footer = SegmentFooter::decode(&bytes)
            .and_then(|footer| footer.check(genesis, first_seq, offset).map(|()| footer))
            .map_err(|what| SurfaceError::damage(path, offset, what))?;
        Ok(Self::sealed(path, chain_before, first_seq, &footer, &bytes))
    }

    /// The segment that this footer, in its encoded form `bytes`, ends.
    pub(crate) fn sealed(
        path: &Path,
        chain_before: Digest,
        first_seq: u64,
        footer: &SegmentFooter,
        bytes: &[u8],
    ) -> Self {
        let offset = as_u64(SEGMENT_HEADER_BYTES).saturating_add(footer.record_bytes);
        let info = SegmentInfo {
            file: path.to_owned(),
            first_seq,
            last_seq: Some(footer.last_seq),
            clocks: Some((footer.first_clock, footer.last_clock)),
            size_bytes: offset.saturating_add(as_u64(bytes.len())),
            windows: u32::try_from(footer.windows.len()).unwrap_or(u32::MAX),
            sealed: true,
        };
        let digest = Digest::of(bytes);
        let index = Index::Footer { offset, digest, chain_after: footer.chain_after };
        let largest_window_bytes = largest(&footer.windows);
        Self { info, chain_before, largest_window_bytes, index }
    }

    /// The segment without footer whose records were found to be these windows.
    pub(crate) fn unsealed(
        path: &Path,
        first_seq: u64,
        chain_before: Digest,
        windows: Vec<WindowEntry>,
    ) -> Self {
        let last = windows.last();
        let info = SegmentInfo {
            file: path.to_owned(),
            first_seq,
            last_seq: last.and_then(|window| window.end_seq().checked_sub(1)),
            clocks: windows.first().zip(last).map(|(a, b)| (a.first_clock, b.last_clock)),
            size_bytes: last.map_or(as_u64(SEGMENT_HEADER_BYTES), WindowEntry::end_offset),
            windows: u32::try_from(windows.len()).unwrap_or(u32::MAX),
            sealed: false,
        };
        let largest_window_bytes = largest(&windows);
        Self { info, chain_before, largest_window_bytes, index: Index::Scanned(windows) }
    }

    /// The chain value after the whole segment; none for an unsealed one, which still grows.
    pub(crate) const fn chain_after(&self) -> Option<Digest> {
        match &self.index {
            Index::Footer { chain_after, .. } => Some(*chain_after),
            Index::Scanned(_) => None,
        }
    }

    /// Sequence number after its last record.
    pub(crate) fn end_seq(&self) -> u64 {
        self.info.last_seq.map_or(self.info.first_seq, |last| last.saturating_add(1))
    }

    /// Opens the file for reading and gives what its windows must be.
    pub(crate) fn open(
        &self,
        view: &View,
        access: &Access,
    ) -> Result<(Opened, Vec<WindowEntry>), SurfaceError> {
        let path = &self.info.file;
        let file = self.open_file(view, access)?;
        let (offset, digest) = match &self.index {
            Index::Scanned(windows) => return Ok((file, windows.clone())),
            Index::Footer { offset, digest, .. } => (*offset, digest),
        };
        let mut bytes = vec![0; as_usize(self.info.size_bytes.saturating_sub(offset))];
        file.fill_at(path, offset, &mut bytes)?;
        let changed = |what| SurfaceError::damage(path, offset, what);
        if Digest::of(&bytes) != *digest {
            return Err(changed(Damage::FooterHash));
        }
        let footer = SegmentFooter::decode_hashed(&bytes).map_err(changed)?;
        footer.check_chain(self.chain_before).map_err(changed)?;
        Ok((file, footer.windows))
    }

    /// What its windows must be.
    pub(crate) fn windows(&self, view: &View) -> Result<Vec<WindowEntry>, SurfaceError> {
        self.open(view, &Access::Read).map(|(_, windows)| windows)
    }

    /// The seal that this key gives it; none for an unsealed segment.
    pub(crate) fn seal(&self, view: &View, key: &SealKey) -> Option<Seal> {
        match &self.index {
            Index::Footer { digest, .. } => {
                Some(key.seal(view.genesis.digest(), self.info.first_seq, *digest))
            }
            Index::Scanned(_) => None,
        }
    }

    pub(crate) fn is_sealed_by(&self, view: &View, key: &SealKey) -> Result<bool, SurfaceError> {
        match self.seal(view, key) {
            Some(expected) => key.has_sealed(&self.info.file, &expected),
            None => Ok(false),
        }
    }

    /// A live writer may have sealed the segment, or dropped it, since the view was taken.
    fn open_file(&self, view: &View, access: &Access) -> Result<Opened, SurfaceError> {
        let path = &self.info.file;
        let opened = access.open(path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => access
                .open(&path.with_extension(OPEN))
                .or_else(|_| access.open(&path.with_extension(SEALED))),
            _ => Err(error),
        });
        let error = match opened {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        if error.kind() != io::ErrorKind::NotFound {
            return Err(SurfaceError::io(path, "opening")(error));
        }
        let wanted = self.info.first_seq;
        let listing = Listing::of(&view.dir)?;
        let earliest = listing.sealed.keys().chain(listing.open.keys()).min().copied();
        match earliest {
            Some(earliest) if earliest > wanted => Err(SurfaceError::Gap { wanted, earliest }),
            _ => {
                let what = Damage::MissingSegment { first_seq: wanted };
                Err(SurfaceError::damage(path, 0, what))
            }
        }
    }
}

impl View {
    /// The largest window that there is, in bytes: what a reader must hold at once.
    pub(crate) fn largest_window_bytes(&self) -> u32 {
        self.segments.iter().map(|segment| segment.largest_window_bytes).max().unwrap_or(0)
    }
}

fn largest(windows: &[WindowEntry]) -> u32 {
    windows.iter().map(|window| window.length_bytes).max().unwrap_or(0)
}

/// Length of an open file, in bytes.
pub(crate) fn length_of(file: &File, path: &Path) -> Result<u64, SurfaceError> {
    Ok(file.metadata().map_err(SurfaceError::io(path, "measuring"))?.len())
}

/// Exactly these bytes of a file; `length` was held against the file's size before.
pub(crate) fn read_at(
    file: &File,
    path: &Path,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, SurfaceError> {
    let mut bytes = vec![0; as_usize(length)];
    fill_at(file, path, offset, &mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes` from a file; one that has become shorter is damage.
pub(crate) fn fill_at(
    file: &File,
    path: &Path,
    offset: u64,
    bytes: &mut [u8],
) -> Result<(), SurfaceError> {
    file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            let needed_bytes = as_u64(bytes.len());
            SurfaceError::damage(path, offset, Damage::Truncated { needed_bytes })
        }
        _ => SurfaceError::io(path, "reading")(error),
    })
}
