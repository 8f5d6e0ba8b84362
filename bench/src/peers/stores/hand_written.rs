//! What people write by hand when they want a log that nobody can alter.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

const LOG: &str = "records.log";
const CHAIN: &str = "chain";
/// As large as the blocks of our own reader.
const BUFFER_BYTES: usize = 256 << 10;
/// A longer record is damage, not a reason to allocate.
const MAX_FRAME_BYTES: usize = 16 << 20;

/// An append-only file of length-prefixed `postcard` values, chained record by record with
/// SHA-256, and the chain's end in a file beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandWritten;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    seq: u64,
    clock: u64,
    time_ms: u64,
    kind: u16,
    payload: Vec<u8>,
}

impl Peer for HandWritten {
    fn name(&self) -> &'static str {
        "hand-written (postcard 1.1, sha2 0.11)"
    }

    fn checks(&self) -> &'static str {
        "SHA-256 chain over every record, against its stored end"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let file = File::create(dir.join(LOG)).map_err(PeerError::store("creating the log"))?;
        let mut log = BufWriter::with_capacity(BUFFER_BYTES, file);
        let (mut seq, mut chain, mut entry) = (0, [0; 32], Entry::default());
        workload.for_each(&mut |record| {
            entry.seq = seq;
            (entry.clock, entry.time_ms, entry.kind) =
                (record.clock, record.time_ms, value::kind(&record));
            entry.payload.clear();
            entry.payload.extend_from_slice(record.payload);
            let frame =
                postcard::to_stdvec(&entry).map_err(PeerError::store("encoding a record"))?;
            let length =
                u32::try_from(frame.len()).map_err(PeerError::store("encoding a record"))?;
            log.write_all(&length.to_le_bytes()).map_err(PeerError::store("appending"))?;
            log.write_all(&frame).map_err(PeerError::store("appending"))?;
            chain = next(&chain, &frame);
            seq = seq.saturating_add(1);
            Ok(())
        })?;
        let log =
            log.into_inner().map_err(|error| PeerError::store("appending")(error.into_error()))?;
        log.sync_all().map_err(PeerError::store("syncing the log"))?;
        let mut end =
            File::create(dir.join(CHAIN)).map_err(PeerError::store("creating the chain"))?;
        end.write_all(&chain).map_err(PeerError::store("writing the chain"))?;
        end.sync_all().map_err(PeerError::store("syncing the chain"))?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(PeerError::store("syncing the folder"))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let file = File::open(dir.join(LOG)).map_err(PeerError::store("opening the log"))?;
        let mut log = BufReader::with_capacity(BUFFER_BYTES, file);
        let (mut chain, mut frame) = ([0; 32], Vec::new());
        while !log.fill_buf().map_err(PeerError::store("reading the log"))?.is_empty() {
            let mut length = [0; 4];
            log.read_exact(&mut length).map_err(PeerError::store("reading a length"))?;
            let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            if length > MAX_FRAME_BYTES {
                return Err(PeerError::Damaged { what: "a length past the limit" });
            }
            frame.resize(length, 0);
            log.read_exact(&mut frame).map_err(PeerError::store("reading a record"))?;
            chain = next(&chain, &frame);
            let entry: Entry =
                postcard::from_bytes(&frame).map_err(PeerError::store("decoding a record"))?;
            sum.push(entry.seq, entry.clock, &entry.payload);
        }
        if fs::read(dir.join(CHAIN)).map_err(PeerError::store("reading the chain"))? != chain {
            return Err(PeerError::Damaged { what: "the chain ends elsewhere" });
        }
        Ok(())
    }
}

fn next(chain: &[u8; 32], frame: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(chain).chain_update(frame).finalize().into()
}
