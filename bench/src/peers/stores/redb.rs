//! `redb`: a copy-on-write B-tree in one file.

use std::path::Path;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

const FILE: &str = "records.redb";
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// Records of one transaction.
const BATCH: usize = 100_000;

/// One table, its key the sequence number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Redb;

impl Peer for Redb {
    fn name(&self) -> &'static str {
        "redb 4.6"
    }

    fn checks(&self) -> &'static str {
        "nothing on read (its checksums are for repair)"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let database =
            Database::create(dir.join(FILE)).map_err(PeerError::store("creating the database"))?;
        let mut records = workload.records();
        let (mut seq, mut value) = (0_u64, Vec::new());
        while records.next_clock().is_some() {
            let transaction = database.begin_write().map_err(PeerError::store("beginning"))?;
            {
                let mut table = transaction
                    .open_table(RECORDS)
                    .map_err(PeerError::store("opening the table"))?;
                for _ in 0..BATCH {
                    let Some(record) = records.next() else { break };
                    value.clear();
                    value::encode(&record, &mut value);
                    table.insert(seq, value.as_slice()).map_err(PeerError::store("inserting"))?;
                    seq = seq.saturating_add(1);
                }
            }
            transaction.commit().map_err(PeerError::store("committing"))?;
        }
        Ok(())
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let database =
            Database::open(dir.join(FILE)).map_err(PeerError::store("opening the database"))?;
        let transaction = database.begin_read().map_err(PeerError::store("beginning"))?;
        let table =
            transaction.open_table(RECORDS).map_err(PeerError::store("opening the table"))?;
        for entry in table.iter().map_err(PeerError::store("reading"))? {
            let (seq, value) = entry.map_err(PeerError::store("reading"))?;
            let (clock, payload) = value::decode(value.value())?;
            sum.push(seq.value(), clock, payload);
        }
        Ok(())
    }
}
