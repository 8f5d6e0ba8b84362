//! The `commitlog` crate: segments of messages, each with a CRC-32C, and an index of offsets.

use std::path::Path;

use commitlog::message::{MessageBuf, MessageSet as _};
use commitlog::{CommitLog, LogOptions, ReadLimit};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

/// Written at once; the log takes at most 1 MB.
const BATCH_BYTES: usize = 256 << 10;
/// Read at once. Its default of 8 KiB reads no record of 16 KiB, and is slower.
const READ_BYTES: usize = 256 << 10;

/// Read through the reader that comes with it, which checks every message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Commitlog;

impl Peer for Commitlog {
    fn name(&self) -> &'static str {
        "commitlog 0.2"
    }

    fn checks(&self) -> &'static str {
        "CRC-32C of every message, against accidents"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let mut log =
            CommitLog::new(LogOptions::new(dir)).map_err(PeerError::store("opening the log"))?;
        let (mut batch, mut value) = (MessageBuf::default(), Vec::new());
        workload.for_each(&mut |record| {
            value.clear();
            value::encode(&record, &mut value);
            batch
                .push(&value)
                .map_err(|error| PeerError::store("encoding a message")(format!("{error:?}")))?;
            if batch.bytes().len() >= BATCH_BYTES {
                log.append(&mut batch).map_err(PeerError::store("appending"))?;
                batch.clear();
            }
            Ok(())
        })?;
        log.append(&mut batch).map_err(PeerError::store("appending"))?;
        log.flush().map_err(PeerError::store("flushing"))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let log =
            CommitLog::new(LogOptions::new(dir)).map_err(PeerError::store("opening the log"))?;
        let mut next = 0;
        loop {
            let limit = ReadLimit::max_bytes(READ_BYTES);
            let messages = log.read(next, limit).map_err(PeerError::store("reading"))?;
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages.iter() {
                let (clock, payload) = value::decode(message.payload())?;
                sum.push(message.offset(), clock, payload);
                next = message.offset().saturating_add(1);
            }
        }
    }
}
