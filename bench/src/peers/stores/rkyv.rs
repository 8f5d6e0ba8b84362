//! `rkyv`: archived values, used where they lie.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use rkyv::rancor::Error;
use rkyv::{Archive, Serialize};

use super::value;
use crate::mapped::Mapped;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

const LOG: &str = "records.rkyv";
const BUFFER_BYTES: usize = 256 << 10;
/// Of an archived [`Entry`], and so of everything in the file.
const ALIGNMENT: usize = 8;

/// A file of length-prefixed archives, each aligned, read through a map of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rkyv;

#[derive(Debug, Default, Archive, Serialize)]
struct Entry {
    seq: u64,
    clock: u64,
    time_ms: u64,
    kind: u16,
    payload: Vec<u8>,
}

impl Peer for Rkyv {
    fn name(&self) -> &'static str {
        "rkyv 0.8 (mapped file)"
    }

    fn checks(&self) -> &'static str {
        "structure only (bytecheck)"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let file = File::create(dir.join(LOG)).map_err(PeerError::store("creating the log"))?;
        let mut log = BufWriter::with_capacity(BUFFER_BYTES, file);
        let (mut seq, mut entry) = (0, Entry::default());
        workload.for_each(&mut |record| {
            entry.seq = seq;
            (entry.clock, entry.time_ms, entry.kind) =
                (record.clock, record.time_ms, value::kind(&record));
            entry.payload.clear();
            entry.payload.extend_from_slice(record.payload);
            let archive =
                rkyv::to_bytes::<Error>(&entry).map_err(PeerError::store("archiving a record"))?;
            let length =
                u64::try_from(archive.len()).map_err(PeerError::store("archiving a record"))?;
            log.write_all(&length.to_le_bytes()).map_err(PeerError::store("appending"))?;
            log.write_all(&archive).map_err(PeerError::store("appending"))?;
            let padding = archive.len().next_multiple_of(ALIGNMENT).saturating_sub(archive.len());
            let padding = [0; ALIGNMENT].get(..padding).unwrap_or_default();
            log.write_all(padding).map_err(PeerError::store("appending"))?;
            seq = seq.saturating_add(1);
            Ok(())
        })?;
        let log =
            log.into_inner().map_err(|error| PeerError::store("appending")(error.into_error()))?;
        log.sync_all().map_err(PeerError::store("syncing the log"))?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(PeerError::store("syncing the folder"))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let map = Mapped::open(&dir.join(LOG)).map_err(PeerError::store("mapping the log"))?;
        let mut rest = map.bytes();
        while !rest.is_empty() {
            let (archive, after) = split(rest)
                .ok_or(PeerError::Damaged { what: "a length past the end of the file" })?;
            let entry = rkyv::access::<ArchivedEntry, Error>(archive)
                .map_err(PeerError::store("checking an archive"))?;
            sum.push(entry.seq.to_native(), entry.clock.to_native(), &entry.payload);
            rest = after;
        }
        Ok(())
    }
}

/// The next archive, and what comes after its padding.
#[inline]
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let archive = rest.get(..length)?;
    Some((archive, rest.get(length.checked_next_multiple_of(ALIGNMENT)?..)?))
}
