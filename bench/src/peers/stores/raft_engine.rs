//! TiKV's `raft-engine`: the log store of Raft groups, blocks of protobuf entries with a CRC-32.

use std::path::Path;

use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

/// The one Raft group.
const GROUP: u64 = 1;
/// Entries of one batch: one block of the file, read and checked at once.
const BATCH: usize = 512;
/// Entries fetched at once.
const FETCH: u64 = 1024;

/// Entries as Raft has them: an index and bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RaftEngine;

/// The engine asks every entry for its index: the first eight bytes.
struct Entry;

impl MessageExt for Entry {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        // Not there: an index that no record has, so that the engine refuses it.
        entry.value.first_chunk().map_or(u64::MAX, |index| u64::from_le_bytes(*index))
    }
}

impl Peer for RaftEngine {
    fn name(&self) -> &'static str {
        "raft-engine 0.4"
    }

    fn checks(&self) -> &'static str {
        "CRC-32 of every block; its index is read and checked on open"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let engine = Engine::open(config(dir)?).map_err(PeerError::store("opening the engine"))?;
        let mut records = workload.records();
        let (mut index, mut entries, mut batch) = (1_u64, Vec::new(), LogBatch::default());
        while records.next_clock().is_some() {
            entries.clear();
            while let Some(record) = records.next() {
                let mut entry = BytesValue::new();
                entry.value.extend_from_slice(&index.to_le_bytes());
                value::encode(&record, &mut entry.value);
                entries.push(entry);
                index = index.saturating_add(1);
                if entries.len() == BATCH {
                    break;
                }
            }
            batch
                .add_entries::<Entry>(GROUP, &entries)
                .map_err(PeerError::store("encoding entries"))?;
            engine.write(&mut batch, false).map_err(PeerError::store("appending"))?;
        }
        engine.sync().map_err(PeerError::store("syncing"))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let engine = Engine::open(config(dir)?).map_err(PeerError::store("opening the engine"))?;
        let end = engine.last_index(GROUP).unwrap_or(0).saturating_add(1);
        let (mut next, mut entries) = (1, Vec::new());
        while next < end {
            let until = next.saturating_add(FETCH).min(end);
            entries.clear();
            engine
                .fetch_entries_to::<Entry>(GROUP, next, until, None, &mut entries)
                .map_err(PeerError::store("reading"))?;
            for entry in &entries {
                let (index, value) = entry
                    .value
                    .split_first_chunk()
                    .ok_or(PeerError::Damaged { what: "an entry without an index" })?;
                let (clock, payload) = value::decode(value)?;
                sum.push(u64::from_le_bytes(*index).wrapping_sub(1), clock, payload);
            }
            next = until;
        }
        Ok(())
    }
}

/// Its defaults, but that nothing is compressed: payloads here do not get smaller.
fn config(dir: &Path) -> Result<Config, PeerError> {
    let dir = dir.to_str().ok_or_else(|| {
        PeerError::store("naming the folder")("raft-engine takes only a UTF-8 path")
    })?;
    Ok(Config {
        dir: dir.to_owned(),
        batch_compression_threshold: ReadableSize(0),
        ..Config::default()
    })
}
