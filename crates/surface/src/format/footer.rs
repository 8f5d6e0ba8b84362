use holobiont_identity::Digest;
use holobiont_identity::framing::{Framed, FramedReader};

use super::SEGMENT_HEADER_BYTES;
use super::envelope::check_version;
use crate::head::chain;
use crate::record::{RECORD_HEADER_BYTES, as_u64, as_usize};
use crate::{Damage, Genesis};

const MAGIC: &[u8; 4] = b"HBFT";
const END_MAGIC: &[u8; 4] = b"HBSL";
const VERSION: u32 = 1;
const FIXED_BYTES: u64 = 76;
const ENTRY_BYTES: u64 = 72;
const HASH_BYTES: u64 = 32;

/// Length of what ends a sealed segment: `u32` footer length and `"HBSL"`.
pub(crate) const TRAILER_BYTES: u64 = 8;
/// The most windows that a segment holds; a writer seals it there, whatever its size.
pub const MAX_SEGMENT_WINDOWS: u32 = 1 << 20;

/// Where a window is in its segment, and what it must hash to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowEntry {
    /// Offset in the file, in bytes.
    pub offset: u64,
    /// Length, in bytes.
    pub length_bytes: u32,
    /// How many records it has.
    pub records: u32,
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// Clock event of its first record.
    pub first_clock: u64,
    /// Clock event of its last record.
    pub last_clock: u64,
    /// blake3 of its bytes.
    pub digest: Digest,
}

impl WindowEntry {
    /// Sequence number after its last record.
    pub(crate) const fn end_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.records as u64)
    }

    /// Offset after its last byte.
    pub(crate) const fn end_offset(&self) -> u64 {
        self.offset.saturating_add(self.length_bytes as u64)
    }
}

/// The end of a sealed segment.
///
/// Format: `"HBFT"`, `u32` version, `u64` last seq, chain value after it (32), `u64` record bytes,
/// `u64` first clock, `u64` last clock, `u32` count and the windows (`u64` offset, `u32` length,
/// `u32` records, `u64` first seq, `u64` first clock, `u64` last clock, digest), blake3 of all that,
/// `u32` length of the whole footer, `"HBSL"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFooter {
    /// Sequence number of the segment's last record.
    pub last_seq: u64,
    /// The chain value after its last window.
    pub chain_after: Digest,
    /// Length of all its records, in bytes.
    pub record_bytes: u64,
    /// Clock event of its first record.
    pub first_clock: u64,
    /// Clock event of its last record.
    pub last_clock: u64,
    /// Its windows, in order; never empty.
    pub windows: Vec<WindowEntry>,
}

impl SegmentFooter {
    /// The footer of a segment with these windows; none where there is no window.
    pub fn new(chain_before: Digest, windows: Vec<WindowEntry>) -> Option<Self> {
        let (first, last) = (windows.first()?, windows.last()?);
        Some(Self {
            last_seq: last.end_seq().checked_sub(1)?,
            chain_after: chain_over(chain_before, &windows),
            record_bytes: windows.iter().map(|w| u64::from(w.length_bytes)).sum(),
            first_clock: first.first_clock,
            last_clock: last.last_clock,
            windows,
        })
    }

    /// The file's last bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = Framed::new();
        framed.fixed(MAGIC).u32(VERSION).u64(self.last_seq).fixed(self.chain_after);
        framed.u64(self.record_bytes).u64(self.first_clock).u64(self.last_clock);
        framed.count(self.windows.len());
        for window in &self.windows {
            framed.u64(window.offset).u32(window.length_bytes).u32(window.records);
            framed.u64(window.first_seq).u64(window.first_clock).u64(window.last_clock);
            framed.fixed(window.digest);
        }
        let digest = framed.digest();
        let length = u32::try_from(footer_length(as_u64(self.windows.len()))).unwrap_or(u32::MAX);
        framed.fixed(digest).u32(length).fixed(END_MAGIC);
        framed.into_bytes()
    }

    /// The length of the footer that a file with these last [`TRAILER_BYTES`] has.
    pub(crate) fn length_from_trailer(trailer: &[u8]) -> Result<u64, Damage> {
        let mut reader = FramedReader::new(trailer);
        let length = reader.u32()?;
        match reader.fixed::<4>()? == *END_MAGIC {
            true => Ok(u64::from(length)),
            false => Err(Damage::FooterHash),
        }
    }

    /// Reads a footer, from its magic to the end of its file.
    ///
    /// # Errors
    ///
    /// [`Damage`]: nothing but what [`encode`](Self::encode) gives is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        check_version(bytes, MAGIC, VERSION)?;
        let Some((hashed, trailer)) = bytes.split_last_chunk::<8>() else {
            return Err(Damage::FooterHash);
        };
        if Self::length_from_trailer(trailer)? != as_u64(bytes.len()) {
            return Err(Damage::FooterHash);
        }
        let Some((content, hash)) = hashed.split_last_chunk::<32>() else {
            return Err(Damage::FooterHash);
        };
        if Digest::of(content).as_bytes() != hash {
            return Err(Damage::FooterHash);
        }
        Self::decode_content(content)
    }

    /// Reads a footer whose every byte is known to be right.
    pub(crate) fn decode_hashed(bytes: &[u8]) -> Result<Self, Damage> {
        let around = HASH_BYTES.saturating_add(TRAILER_BYTES);
        let length = as_u64(bytes.len()).saturating_sub(around);
        Self::decode_content(bytes.get(..as_usize(length)).unwrap_or_default())
    }

    fn decode_content(content: &[u8]) -> Result<Self, Damage> {
        let mut reader = FramedReader::new(content);
        reader.fixed::<8>()?;
        let mut footer = Self {
            last_seq: reader.u64()?,
            chain_after: Digest::from_bytes(reader.fixed()?),
            record_bytes: reader.u64()?,
            first_clock: reader.u64()?,
            last_clock: reader.u64()?,
            windows: Vec::new(),
        };
        let count = reader.count(MAX_SEGMENT_WINDOWS)?;
        // No more than there can be, whatever the count says.
        let room = as_u64(content.len()).checked_div(ENTRY_BYTES).unwrap_or(0);
        footer.windows.reserve_exact(as_usize(u64::from(count).min(room)));
        for _ in 0..count {
            footer.windows.push(WindowEntry {
                offset: reader.u64()?,
                length_bytes: reader.u32()?,
                records: reader.u32()?,
                first_seq: reader.u64()?,
                first_clock: reader.u64()?,
                last_clock: reader.u64()?,
                digest: Digest::from_bytes(reader.fixed()?),
            });
        }
        reader.finish()?;
        Ok(footer)
    }

    /// Holds the footer against its segment's first record, against the place where it was found, and
    /// against the genesis.
    pub(crate) fn check(
        &self,
        genesis: &Genesis,
        first_seq: u64,
        footer_offset: u64,
    ) -> Result<(), Damage> {
        let (mut seq, mut offset, mut clock) = (first_seq, as_u64(SEGMENT_HEADER_BYTES), 0);
        for window in &self.windows {
            let records = u64::from(window.records);
            let least = records.saturating_mul(as_u64(RECORD_HEADER_BYTES));
            let fits = window.records > 0
                && window.records <= genesis.window_records
                && window.length_bytes <= genesis.max_window_bytes
                && u64::from(window.length_bytes) >= least
                && seq.checked_add(records).is_some();
            let follows = (window.first_seq, window.offset) == (seq, offset)
                && window.first_clock >= clock
                && window.last_clock >= window.first_clock;
            if !fits || !follows {
                return Err(Damage::Contradiction("window index"));
            }
            (seq, offset, clock) = (window.end_seq(), window.end_offset(), window.last_clock);
        }
        if offset != footer_offset {
            return Err(Damage::Contradiction("length"));
        }
        let records_end = offset.saturating_sub(as_u64(SEGMENT_HEADER_BYTES));
        let summary = (self.record_bytes, self.last_seq.checked_add(1), self.last_clock);
        let first_clock = self.windows.first().map(|window| window.first_clock);
        match summary == (records_end, Some(seq), clock) && first_clock == Some(self.first_clock) {
            true => Ok(()),
            false => Err(Damage::Contradiction("summary of its windows")),
        }
    }

    /// Holds the chain value after the segment against the one before it and its windows' digests.
    /// Done when its records are read, not for each of a thousand segments when a surface is opened.
    pub(crate) fn check_chain(&self, chain_before: Digest) -> Result<(), Damage> {
        match chain_over(chain_before, &self.windows) == self.chain_after {
            true => Ok(()),
            false => Err(Damage::ChainBroken),
        }
    }
}

/// The chain value after these windows.
pub(crate) fn chain_over(before: Digest, windows: &[WindowEntry]) -> Digest {
    windows.iter().fold(before, |value, window| chain(value, window.digest))
}

/// Length of the footer of a segment with this many windows, in bytes.
pub(crate) const fn footer_length(windows: u64) -> u64 {
    let fixed = FIXED_BYTES.saturating_add(HASH_BYTES).saturating_add(TRAILER_BYTES);
    fixed.saturating_add(ENTRY_BYTES.saturating_mul(windows))
}
