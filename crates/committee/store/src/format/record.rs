use std::io;

use openraft::Membership;
use openraft::impls::EmptyNode;

use super::mark::whole;
use super::{Fields, LogEntry, LogPayload, Position};
use crate::index::check_size;
use crate::{Defect, MAX_ENTRY_BYTES, Payload, StoreError};

/// How many bytes of a record come before its content.
pub(crate) const RECORD_HEADER_BYTES: usize = 48;
const ALIGNMENT: usize = 8;

const BLANK: u32 = 0;
const COMMAND: u32 = 1;
const MEMBERSHIP: u32 = 2;

/// What a record says of itself and of the log at the time when it was written.
///
/// ```text
/// u32 content length · u32 crc of all else, after the record before · u32 crc of the header, salted
/// u32 kind · u64 index · u64 term · u64 durable · u64 committed · content · zeros to a multiple of 8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) content_bytes: usize,
    /// Over the record before and this one.
    pub(crate) crc: u32,
    pub(crate) kind: u32,
    pub(crate) at: Position,
    /// Entries before this index were on disk when the record was written: what is missing of them
    /// is damage, never a torn tail.
    pub(crate) durable: u64,
    /// Entries before this index were known to be committed.
    pub(crate) committed: u64,
}

impl RecordHeader {
    /// Reads a header that belongs to a segment with this salt.
    pub(crate) fn decode(salt: u32, bytes: &[u8]) -> Result<Self, Defect> {
        let header: &[u8; RECORD_HEADER_BYTES] = bytes.first_chunk().ok_or(Defect::Short)?;
        let mut fields = Fields(header);
        let (content_bytes, crc, head_crc) = (fields.u32(), fields.u32(), fields.u32());
        if head_crc != self::head_crc(salt, header) {
            return Err(Defect::Checksum);
        }
        let kind = fields.u32();
        let (index, term) = (fields.u64(), fields.u64());
        let content_bytes = usize::try_from(content_bytes).unwrap_or(usize::MAX);
        if content_bytes > MAX_ENTRY_BYTES {
            return Err(Defect::Value("an entry is longer than any can be"));
        }
        let at = Position { term, index };
        let (durable, committed) = (fields.u64(), fields.u64());
        if durable > index || committed > durable {
            return Err(Defect::Value("a record knows of entries that come after it"));
        }
        Ok(Self { content_bytes, crc, kind, at, durable, committed })
    }

    /// How many bytes the whole record has.
    pub(crate) const fn size_bytes(&self) -> usize {
        record_bytes(self.content_bytes)
    }
}

/// How many bytes a record with such a content has.
const fn record_bytes(content_bytes: usize) -> usize {
    RECORD_HEADER_BYTES.saturating_add(content_bytes.next_multiple_of(ALIGNMENT))
}

fn head_crc(salt: u32, header: &[u8; RECORD_HEADER_BYTES]) -> u32 {
    let [length, _, _, rest @ ..] = header.as_chunks::<4>().0 else {
        return !salt;
    };
    crc32c::crc32c_append(crc32c::crc32c_append(salt, length), rest.as_flattened())
}

/// The checksum of a whole record after the one before.
fn chain_crc(before: u32, record: &[u8]) -> Option<u32> {
    let (length, rest) = record.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    Some(crc32c::crc32c_append(crc32c::crc32c_append(before, length), rest))
}

/// Adds an entry's record, and gives its checksum.
pub(crate) fn encode_record(
    out: &mut Vec<u8>,
    salt: u32,
    crc_before: u32,
    entry: &LogEntry,
    (durable, committed): (u64, u64),
) -> Result<u32, StoreError> {
    let unwritable = |_| StoreError::io("the log", "encoding")(io::ErrorKind::InvalidInput.into());
    let membership;
    let (kind, content) = match &entry.payload {
        LogPayload::Blank => (BLANK, &[][..]),
        LogPayload::Normal(Payload(bytes)) => (COMMAND, bytes.as_slice()),
        LogPayload::Membership(value) => {
            membership = postcard::to_stdvec(value).map_err(unwritable)?;
            (MEMBERSHIP, membership.as_slice())
        }
    };
    check_size(content.len())?;
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);

    let at = Position::from(&entry.log_id);
    let durable = durable.min(at.index);
    let start = out.len();
    let fields: [&[u8]; 8] = [
        &length.to_le_bytes(),
        &[0; 8],
        &kind.to_le_bytes(),
        &at.index.to_le_bytes(),
        &at.term.to_le_bytes(),
        &durable.to_le_bytes(),
        &committed.min(durable).to_le_bytes(),
        content,
    ];
    fields.iter().for_each(|field| out.extend_from_slice(field));
    out.resize(start.saturating_add(record_bytes(content.len())), 0);
    let record = out.get_mut(start..).unwrap_or_default();
    if let Some(header) = record.first_chunk_mut() {
        let head_crc = head_crc(salt, header);
        put(header, 8, head_crc);
    }
    let crc = chain_crc(crc_before, record).unwrap_or_default();
    put(record, 4, crc);
    Ok(crc)
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes.iter_mut().skip(at).zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
}

/// What a whole record says, once its checksum after the record before is right.
pub(crate) fn decode_payload(
    header: &RecordHeader,
    crc_before: u32,
    record: &[u8],
) -> Result<LogPayload, Defect> {
    if chain_crc(crc_before, record) != Some(header.crc) {
        return Err(Defect::Checksum);
    }
    let content = record.get(RECORD_HEADER_BYTES..).unwrap_or_default();
    let (content, padding) = content.split_at_checked(header.content_bytes).ok_or(Defect::Short)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Defect::Value("its padding is not zero"));
    }
    match (header.kind, content) {
        (BLANK, []) => Ok(LogPayload::Blank),
        (COMMAND, content) => Ok(LogPayload::Normal(Payload(content.to_vec()))),
        (MEMBERSHIP, content) => {
            whole::<Membership<u64, EmptyNode>>(content).map(LogPayload::Membership)
        }
        _ => Err(Defect::Value("an entry of an unknown kind")),
    }
}

#[cfg(test)]
mod tests {
    use openraft::entry::Entry;
    use proptest::prelude::*;

    use super::*;

    fn payload() -> impl Strategy<Value = LogPayload> {
        let voters = proptest::collection::btree_set(any::<u64>(), 1..6);
        prop_oneof![
            Just(LogPayload::Blank),
            proptest::collection::vec(any::<u8>(), 0..300)
                .prop_map(|bytes| LogPayload::Normal(Payload(bytes))),
            voters.prop_map(|voters| {
                LogPayload::Membership(Membership::new_with_defaults(vec![voters], []))
            }),
        ]
    }

    fn read(salt: u32, crc_before: u32, bytes: &[u8]) -> Result<LogPayload, Defect> {
        let header = RecordHeader::decode(salt, bytes)?;
        let record = bytes.get(..header.size_bytes()).ok_or(Defect::Short)?;
        decode_payload(&header, crc_before, record)
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written_and_only_in_its_place(
            payload in payload(),
            (salt, crc_before, term) in any::<(u32, u32, u64)>(),
            index in 0..u64::MAX,
            knows in any::<(u64, u64)>(),
            (other, at, change) in (1_u32.., any::<prop::sample::Index>(), 1_u8..),
        ) {
            let log_id = Position { term, index }.log_id();
            let entry = Entry { log_id, payload: payload.clone() };
            let mut bytes = vec![9; 3];
            let crc = encode_record(&mut bytes, salt, crc_before, &entry, knows).unwrap();
            let bytes = bytes.split_off(3);
            let header = RecordHeader::decode(salt, &bytes).unwrap();
            prop_assert_eq!((header.size_bytes(), header.crc), (bytes.len(), crc));
            prop_assert_eq!(header.at, Position { term, index });
            prop_assert!(header.durable <= knows.0 && header.committed <= knows.1);
            prop_assert_eq!(read(salt, crc_before, &bytes), Ok(payload));

            prop_assert!(read(salt ^ other, crc_before, &bytes).is_err());
            prop_assert!(read(salt, crc_before ^ other, &bytes).is_err());
            for length in 0..bytes.len() {
                prop_assert!(read(salt, crc_before, &bytes[..length]).is_err());
            }
            let mut changed = bytes;
            let at = at.index(changed.len());
            changed[at] ^= change;
            prop_assert!(read(salt, crc_before, &changed).is_err());
        }

        #[test]
        fn any_bytes_are_refused_or_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(0, 0, &bytes).is_err());
        }
    }
}
