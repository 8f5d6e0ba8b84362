//! How a record lies in the stores that take one string of bytes.

use holobiont_surface::NewRecord;

use crate::peers::PeerError;

/// Set in the stored kind of a record that closes its clock event, as in our own log.
const CLOSES_CLOCK: u16 = 0x8000;

/// Clock, time and kind, little endian, before the payload.
const CLOCK: usize = 8;
const AFTER_CLOCK: usize = 10;

/// The kind as stored, with the bit that says whether the record closes its clock event.
pub(super) fn kind(record: &NewRecord<'_>) -> u16 {
    if record.closes_clock { record.kind | CLOSES_CLOCK } else { record.kind }
}

/// Appends clock, time, kind and payload to `out`.
pub(super) fn encode(record: &NewRecord<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&record.clock.to_le_bytes());
    out.extend_from_slice(&record.time_ms.to_le_bytes());
    out.extend_from_slice(&kind(record).to_le_bytes());
    out.extend_from_slice(record.payload);
}

/// Clock and payload of what [`encode`] made, borrowed.
#[inline]
pub(super) fn decode(value: &[u8]) -> Result<(u64, &[u8]), PeerError> {
    value
        .split_first_chunk::<CLOCK>()
        .and_then(|(clock, rest)| {
            let (_, payload) = rest.split_first_chunk::<AFTER_CLOCK>()?;
            Some((u64::from_le_bytes(*clock), payload))
        })
        .ok_or(PeerError::Damaged { what: "a value that is shorter than its header" })
}
