use crate::format::{
    Position, RECORD_HEADER_BYTES, RecordHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::index::{Place, Segment};
use crate::read::decode_record;
use crate::{Defect, Disk, MAX_ENTRY_BYTES, MAX_SEGMENT_BYTES, StoreError};

/// The most bytes that a segment's file can have: it is closed after the record that fills it.
const MAX_FILE_BYTES: u64 = MAX_SEGMENT_BYTES + MAX_ENTRY_BYTES as u64 + 4096;

/// Records start at multiples of this.
const ALIGNMENT: usize = 8;

/// What comes before a segment.
pub(crate) enum Before {
    /// Nothing that is kept.
    Unknown {
        /// The last entry that was dropped.
        purged: Option<Position>,
    },
    /// Another segment.
    Known {
        /// Its last entry.
        last: Option<Position>,
        /// Where it ends.
        next: u64,
        /// The checksum of its last record.
        crc: u32,
    },
}

impl Before {
    fn check(&self, header: &SegmentHeader) -> Result<(), Defect> {
        match self {
            Self::Unknown { purged: None } if header.previous.is_none() => Ok(()),
            Self::Unknown { purged: Some(purged) } if header.first <= purged.index => Ok(()),
            Self::Unknown { purged } if purged.is_some() && header.previous == *purged => Ok(()),
            Self::Unknown { .. } => Err(Defect::Value("entries before it are missing")),
            Self::Known { last, next, crc } => {
                let follows = header.previous == *last && header.crc_before == *crc;
                match header.first == *next {
                    true if follows => Ok(()),
                    true => Err(Defect::Value("it does not follow the file before it")),
                    false => Err(Defect::Sequence { wanted: *next, got: header.first }),
                }
            }
        }
    }
}

/// A segment's file read from end to end, up to the first thing that is wrong.
pub(crate) struct Scan {
    /// Up to the last whole record.
    pub(crate) segment: Segment,
    /// The last entry, of this segment or before it.
    pub(crate) last: Option<Position>,
    /// Where a term begins.
    pub(crate) terms: Vec<(u64, u64)>,
    /// Entries before this index were committed, as the records have it.
    pub(crate) committed: u64,
    /// Where something is wrong, and what.
    pub(crate) stop: Option<(u64, Defect)>,
    /// A later record says that what is wrong was on disk once: it is no torn tail.
    pub(crate) is_acknowledged: bool,
}

impl Scan {
    pub(crate) fn read<D: Disk>(
        disk: &D,
        name: &str,
        first: u64,
        before: &Before,
    ) -> Result<Self, StoreError> {
        let bytes = disk.read_all(name, MAX_FILE_BYTES);
        let bytes = bytes.map_err(StoreError::io(name, "reading"))?.unwrap_or_default();
        let header = SegmentHeader::decode(&bytes).and_then(|(header, salt)| {
            if header.first != first {
                return Err(Defect::Sequence { wanted: first, got: header.first });
            }
            before.check(&header)?;
            Ok((header, salt))
        });
        let (header, salt) = header.map_err(|what| StoreError::damage(name, 0, what))?;
        let segment = Segment {
            name: name.to_owned(),
            first,
            salt,
            crc_before: header.crc_before,
            size_bytes: SEGMENT_HEADER_BYTES as u64,
            places: Vec::new(),
        };
        let mut scan = Self {
            segment,
            last: header.previous,
            terms: Vec::new(),
            committed: 0,
            stop: None,
            is_acknowledged: false,
        };
        scan.records(&bytes);
        Ok(scan)
    }

    fn records(&mut self, bytes: &[u8]) {
        let mut rest = bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
        while !rest.is_empty() {
            match self.record(rest) {
                Ok(size) => rest = rest.get(size..).unwrap_or_default(),
                Err(what) => {
                    self.stop = Some((self.segment.size_bytes, what));
                    self.is_acknowledged = self.is_known_after(rest);
                    return;
                }
            }
        }
    }

    fn record(&mut self, rest: &[u8]) -> Result<usize, Defect> {
        let segment = &mut self.segment;
        let (header, _) = decode_record(segment.salt, segment.crc_after(), rest)?;
        let wanted = segment.end();
        if header.at.index != wanted || wanted == u64::MAX {
            return Err(Defect::Sequence { wanted, got: header.at.index });
        }
        let last_term = self.last.map(|last| last.term);
        if last_term > Some(header.at.term) {
            return Err(Defect::Value("a term that is lower than the one before"));
        }
        let offset = u32::try_from(segment.size_bytes).map_err(|_| Defect::LeftOver)?;
        segment.places.push(Place { offset, crc: header.crc });
        let size = u64::try_from(header.size_bytes()).unwrap_or(u64::MAX);
        segment.size_bytes = segment.size_bytes.saturating_add(size);
        if self.terms.last().is_none_or(|(_, term)| *term != header.at.term) {
            self.terms.push((header.at.index, header.at.term));
        }
        self.committed = self.committed.max(header.committed);
        self.last = Some(header.at);
        Ok(header.size_bytes())
    }

    /// Whether any record after the one that is wrong was written when that one was on disk.
    fn is_known_after(&self, rest: &[u8]) -> bool {
        let wanted = self.segment.end();
        let most = u64::try_from(rest.len() / RECORD_HEADER_BYTES).unwrap_or(u64::MAX);
        let range = wanted..=wanted.saturating_add(most);
        let starts = (0..rest.len()).step_by(ALIGNMENT).filter_map(|start| rest.get(start..));
        let mut headers = starts.filter_map(|at| RecordHeader::decode(self.segment.salt, at).ok());
        headers.any(|header| range.contains(&header.at.index) && header.durable > wanted)
    }
}
