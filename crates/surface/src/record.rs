use crate::{Damage, SurfaceError};

/// Size of a record's header, in bytes.
pub const RECORD_HEADER_BYTES: usize = 32;
/// The latest time that a record can carry, in milliseconds since 1970 (48 bits).
pub const MAX_TIME_MS: u64 = (1 << 48) - 1;
/// The bit of a stored kind that says that the record closes its clock event.
pub const CLOSES_CLOCK_BIT: u16 = 0x8000;

const ALIGNMENT: u64 = 8;

/// The fixed part of a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// Length of the payload, in bytes.
    pub payload_length: u32,
    /// CRC-32C of everything else: the length, the rest of the header, payload and padding.
    pub crc: u32,
    /// Sequence number.
    pub seq: u64,
    /// Clock event.
    pub clock: u64,
    /// The producer's time, in milliseconds since 1970; advisory.
    pub time_ms: u64,
    /// The kind as stored, with [`CLOSES_CLOCK_BIT`].
    pub kind: u16,
}

impl RecordHeader {
    /// Reads a header; any bytes are one.
    #[inline]
    pub fn decode(bytes: &[u8; RECORD_HEADER_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
        let [s0, s1, s2, s3, s4, s5, s6, s7, rest @ ..] = rest;
        let [c0, c1, c2, c3, c4, c5, c6, c7, t0, t1, t2, t3, t4, t5, k0, k1] = rest;
        Self {
            payload_length: u32::from_le_bytes([a, b, c, d]),
            crc: u32::from_le_bytes([e, f, g, h]),
            seq: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            clock: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            time_ms: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, 0, 0]),
            kind: u16::from_le_bytes([k0, k1]),
        }
    }

    /// Whether no later record has the same clock event.
    pub const fn closes_clock(&self) -> bool {
        self.kind & CLOSES_CLOCK_BIT != 0
    }

    /// The last clock event that is complete once this record is there. None at clock 0 unless the
    /// record closes it.
    pub const fn closed_clock(&self) -> Option<u64> {
        if self.closes_clock() { Some(self.clock) } else { self.clock.checked_sub(1) }
    }

    /// Size of the record as stored, in bytes: header, payload, padding.
    #[inline]
    pub fn stored_size_bytes(&self) -> u64 {
        stored_size_bytes(u64::from(self.payload_length))
    }
}

/// One record, borrowed from the buffer that it was verified in.
///
/// ```
/// use holobiont_surface::{NewRecord, Record};
///
/// let new = NewRecord { clock: 7, closes_clock: true, time_ms: 9, kind: 1, payload: b"abc" };
/// let mut stored = Vec::new();
/// new.encode_into(41, &mut stored)?;
/// let record = Record::decode(&stored)?;
/// assert_eq!((record.seq(), record.clock(), record.payload()), (41, 7, &b"abc"[..]));
/// assert!(record.crc_holds());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    header: RecordHeader,
    payload: &'a [u8],
    stored: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that `bytes` start with. Its CRC is not looked at: see
    /// [`crc_holds`](Self::crc_holds).
    ///
    /// # Errors
    ///
    /// [`Damage::Truncated`] where the bytes end inside it, [`Damage::NonZeroPadding`].
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Damage> {
        let record = Self::split(bytes).ok_or_else(|| {
            let header = bytes.first_chunk().map(RecordHeader::decode);
            let size = header.map(|header| header.stored_size_bytes());
            Damage::Truncated { needed_bytes: size.unwrap_or(as_u64(RECORD_HEADER_BYTES)) }
        })?;
        match record.is_padded_with_zeros() {
            true => Ok(record),
            false => Err(Damage::NonZeroPadding { seq: record.header.seq }),
        }
    }

    /// The record that `bytes` start with, its padding not looked at.
    #[inline]
    pub(crate) fn split(bytes: &'a [u8]) -> Option<Self> {
        let header = RecordHeader::decode(bytes.first_chunk()?);
        let stored = bytes.get(..as_usize(header.stored_size_bytes()))?;
        let body = stored.get(RECORD_HEADER_BYTES..)?;
        let payload = body.get(..as_usize(header.payload_length.into()))?;
        Some(Self { header, payload, stored })
    }

    /// Of exactly the bytes that it is stored in, which were found to be one before.
    #[inline]
    pub(crate) fn of_stored(stored: &'a [u8]) -> Option<Self> {
        let (fixed, body) = stored.split_first_chunk()?;
        let header = RecordHeader::decode(fixed);
        let payload = body.get(..as_usize(header.payload_length.into()))?;
        Some(Self { header, payload, stored })
    }

    /// Whether what follows the payload is zero.
    #[inline]
    pub(crate) fn is_padded_with_zeros(&self) -> bool {
        match self.header.payload_length & 7 {
            0 => true,
            used => self.stored.last_chunk().is_some_and(|last| {
                u64::from_le_bytes(*last).checked_shr(used.saturating_mul(8)) == Some(0)
            }),
        }
    }

    /// The header as stored.
    pub const fn header(&self) -> &RecordHeader {
        &self.header
    }

    /// Sequence number.
    pub const fn seq(&self) -> u64 {
        self.header.seq
    }

    /// Clock event.
    pub const fn clock(&self) -> u64 {
        self.header.clock
    }

    /// The producer's time, in milliseconds since 1970; advisory.
    pub const fn time_ms(&self) -> u64 {
        self.header.time_ms
    }

    /// The kind, without the bit that closes the clock.
    pub const fn kind(&self) -> u16 {
        self.header.kind & !CLOSES_CLOCK_BIT
    }

    /// Whether no later record has the same clock event.
    pub const fn closes_clock(&self) -> bool {
        self.header.closes_clock()
    }

    /// The last clock event that is complete once this record is there.
    pub const fn closed_clock(&self) -> Option<u64> {
        self.header.closed_clock()
    }

    /// The payload.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The record as stored: header, payload, padding.
    pub const fn stored(&self) -> &'a [u8] {
        self.stored
    }

    /// Whether the record matches its CRC.
    pub fn crc_holds(&self) -> bool {
        crc_of(self.stored) == self.header.crc
    }
}

/// A record to append; the surface gives it its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// Clock event: not below the one of the record before.
    pub clock: u64,
    /// Whether this is the last record of its clock event.
    pub closes_clock: bool,
    /// Time in milliseconds since 1970, at most [`MAX_TIME_MS`]; advisory.
    pub time_ms: u64,
    /// What the payload is, 0 to 0x7fff; the producer's to define.
    pub kind: u16,
    /// The payload. With header and padding it must fit a window.
    pub payload: &'a [u8],
}

impl NewRecord<'_> {
    /// Appends the stored form to `out`.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::TimeOutOfRange`], [`SurfaceError::KindOutOfRange`], and
    /// [`SurfaceError::RecordTooLarge`] where the length does not fit 32 bits. `out` is unchanged.
    pub fn encode_into(&self, seq: u64, out: &mut Vec<u8>) -> Result<RecordHeader, SurfaceError> {
        if self.time_ms > MAX_TIME_MS {
            return Err(SurfaceError::TimeOutOfRange { time_ms: self.time_ms });
        }
        if self.kind & CLOSES_CLOCK_BIT != 0 {
            return Err(SurfaceError::KindOutOfRange { kind: self.kind });
        }
        let size_bytes = stored_size_bytes(as_u64(self.payload.len()));
        let Ok(payload_length) = u32::try_from(self.payload.len()) else {
            let limit_bytes = u64::from(crate::MAX_WINDOW_BYTES_LIMIT);
            return Err(SurfaceError::RecordTooLarge { size_bytes, limit_bytes });
        };
        let kind = if self.closes_clock { self.kind | CLOSES_CLOCK_BIT } else { self.kind };
        let [t0, t1, t2, t3, t4, t5, ..] = self.time_ms.to_le_bytes();

        let mut rest = [0; 24];
        let fields = seq.to_le_bytes().into_iter().chain(self.clock.to_le_bytes());
        let fields = fields.chain([t0, t1, t2, t3, t4, t5]).chain(kind.to_le_bytes());
        rest.iter_mut().zip(fields).for_each(|(to, byte)| *to = byte);
        let padding = padding(self.payload.len());

        let mut crc = crc32c::crc32c(&payload_length.to_le_bytes());
        for part in [&rest, self.payload, padding] {
            crc = crc32c::crc32c_append(crc, part);
        }
        out.extend_from_slice(&payload_length.to_le_bytes());
        out.extend_from_slice(&crc.to_le_bytes());
        for part in [&rest, self.payload, padding] {
            out.extend_from_slice(part);
        }
        let (clock, time_ms) = (self.clock, self.time_ms);
        Ok(RecordHeader { payload_length, crc, seq, clock, time_ms, kind })
    }
}

fn crc_of(stored: &[u8]) -> u32 {
    let (length, rest) = stored.split_at_checked(4).unwrap_or_default();
    let rest = rest.get(4..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c(length), rest)
}

fn padding(payload_length: usize) -> &'static [u8] {
    const ZEROS: &[u8] = &[0; 7];
    let aligned = payload_length.checked_next_multiple_of(8).unwrap_or(payload_length);
    ZEROS.get(..aligned.saturating_sub(payload_length)).unwrap_or_default()
}

#[inline]
const fn stored_size_bytes(payload_length: u64) -> u64 {
    let aligned = payload_length.saturating_add(ALIGNMENT - 1) & !(ALIGNMENT - 1);
    aligned.saturating_add(RECORD_HEADER_BYTES as u64)
}

/// A length in memory as the formats count it.
pub(crate) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A length of the formats as memory counts it; one that does not fit is larger than any buffer.
pub(crate) fn as_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
