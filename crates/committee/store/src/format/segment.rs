use super::{Envelope, Fields, Position};
use crate::Defect;

const ENVELOPE: Envelope = Envelope { magic: *b"HBLS", version: 1 };
const BODY_BYTES: usize = 40;

/// How many bytes of a segment come before its records.
pub(crate) const SEGMENT_HEADER_BYTES: usize = BODY_BYTES + Envelope::BYTES;

/// How a segment begins: where it stands in the log, and what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The index of its first record.
    pub(crate) first: u64,
    /// The entry before that.
    pub(crate) previous: Option<Position>,
    /// The checksum of the record before that; 0 where the log starts.
    pub(crate) crc_before: u32,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let previous = self.previous.unwrap_or(Position { term: 0, index: 0 });
        let body = [
            &self.first.to_le_bytes()[..],
            &u64::from(self.previous.is_some()).to_le_bytes(),
            &previous.term.to_le_bytes(),
            &previous.index.to_le_bytes(),
            &self.crc_before.to_le_bytes(),
            &[0; 4],
        ];
        ENVELOPE.close(&body.concat())
    }

    /// Reads a header, and what its records are salted with.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u32), Defect> {
        let Some(bytes) = bytes.get(..SEGMENT_HEADER_BYTES) else {
            // Another magic or version says more than the length does.
            return Err(ENVELOPE.begins(bytes).err().unwrap_or(Defect::Short));
        };
        let mut fields = Fields(ENVELOPE.open(bytes)?);
        let (first, has_previous) = (fields.u64(), fields.u64());
        let previous = Position { term: fields.u64(), index: fields.u64() };
        let header = Self {
            first,
            previous: (has_previous == 1).then_some(previous),
            crc_before: fields.u32(),
        };
        let follows = header.previous.is_none_or(|it| it.index.checked_add(1) == Some(first));
        if header.encode() != bytes || !follows {
            return Err(Defect::Value("its header contradicts itself"));
        }
        Ok((header, header.salt()))
    }

    /// Binds records to their segment: those of another one do not pass.
    pub(crate) fn salt(&self) -> u32 {
        crc32c::crc32c(&self.encode())
    }
}
