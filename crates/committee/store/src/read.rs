use crate::format::{LogEntry, RecordHeader, decode_payload};
use crate::plan::Run;
use crate::{Defect, Disk, StoreError};

/// Reads records that were written before, once, and checks that they are the ones that were.
pub(crate) fn read_run<D: Disk>(
    disk: &D,
    run: &Run,
    entries: &mut Vec<LogEntry>,
) -> Result<(), StoreError> {
    let start = run.places.first().map_or(0, |place| u64::from(place.offset));
    let length = usize::try_from(run.end_offset.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let read = disk.read_at(&run.name, start, &mut bytes);
    bytes.truncate(read.map_err(StoreError::io(&run.name, "reading"))?);

    let mut crc_before = run.crc_before;
    for (index, place) in (run.first..=u64::MAX).zip(&run.places) {
        let offset = u64::from(place.offset);
        let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        let rest = bytes.get(skip..).unwrap_or_default();
        let damaged = |what| StoreError::damage(&run.name, offset, what);
        let (header, entry) = decode_record(run.salt, crc_before, rest).map_err(damaged)?;
        if header.at.index != index {
            let what = Defect::Sequence { wanted: index, got: header.at.index };
            return Err(damaged(what));
        }
        if header.crc != place.crc {
            return Err(damaged(Defect::Checksum));
        }
        crc_before = place.crc;
        entries.push(entry);
    }
    Ok(())
}

/// The record that these bytes begin with, if it is whole and follows the one with that checksum.
pub(crate) fn decode_record(
    salt: u32,
    crc_before: u32,
    bytes: &[u8],
) -> Result<(RecordHeader, LogEntry), Defect> {
    let header = RecordHeader::decode(salt, bytes)?;
    let record = bytes.get(..header.size_bytes()).ok_or(Defect::Short)?;
    let payload = decode_payload(&header, crc_before, record)?;
    Ok((header, LogEntry { log_id: header.at.log_id(), payload }))
}
