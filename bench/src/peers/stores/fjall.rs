//! `fjall`: a log-structured merge tree.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

/// One keyspace, its key the sequence number in big endian, loaded by sorted ingestion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fjall;

impl Peer for Fjall {
    fn name(&self) -> &'static str {
        "fjall 3.1"
    }

    fn checks(&self) -> &'static str {
        "XXH3 of every block, against accidents"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let (database, keyspace) = open(dir)?;
        let mut ingestion =
            keyspace.start_ingestion().map_err(PeerError::store("starting to load"))?;
        let (mut seq, mut value) = (0_u64, Vec::new());
        workload.for_each(&mut |record| {
            value.clear();
            value::encode(&record, &mut value);
            ingestion
                .write(seq.to_be_bytes(), value.as_slice())
                .map_err(PeerError::store("loading a record"))?;
            seq = seq.saturating_add(1);
            Ok(())
        })?;
        ingestion.finish().map_err(PeerError::store("finishing the load"))?;
        database.persist(PersistMode::SyncAll).map_err(PeerError::store("syncing"))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let (_database, keyspace) = open(dir)?;
        for entry in keyspace.iter() {
            let (key, value) = entry.into_inner().map_err(PeerError::store("reading"))?;
            let seq = key
                .first_chunk()
                .ok_or(PeerError::Damaged { what: "a key shorter than a number" })?;
            let (clock, payload) = value::decode(&value)?;
            sum.push(u64::from_be_bytes(*seq), clock, payload);
        }
        Ok(())
    }
}

fn open(dir: &Path) -> Result<(Database, Keyspace), PeerError> {
    let database =
        Database::builder(dir).open().map_err(PeerError::store("opening the database"))?;
    let keyspace = database
        .keyspace("records", KeyspaceCreateOptions::default)
        .map_err(PeerError::store("opening the keyspace"))?;
    Ok((database, keyspace))
}
