//! SQLite with a write-ahead log, through `rusqlite`.

use std::path::Path;

use rusqlite::{Connection, params};

use super::value;
use crate::peers::{Peer, PeerError};
use crate::{Sum, Workload};

const FILE: &str = "records.sqlite";
/// Records of one transaction.
const BATCH: usize = 100_000;

const CREATE: &str = "CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    clock INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT";
const INSERT: &str = "INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5)";
const READ: &str = "SELECT seq, clock, payload FROM records ORDER BY seq";

/// One table, its row id the sequence number, the fields in columns as SQL has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sqlite;

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite 3 (WAL; rusqlite 0.43)"
    }

    fn checks(&self) -> &'static str {
        "page structure only"
    }

    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError> {
        let mut database =
            Connection::open(dir.join(FILE)).map_err(PeerError::store("creating the database"))?;
        database
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(PeerError::store("setting the WAL"))?;
        database.execute(CREATE, ()).map_err(PeerError::store("creating the table"))?;
        let mut records = workload.records();
        let mut seq = 0_i64;
        while records.next_clock().is_some() {
            let transaction = database.transaction().map_err(PeerError::store("beginning"))?;
            {
                let mut insert =
                    transaction.prepare(INSERT).map_err(PeerError::store("preparing"))?;
                for _ in 0..BATCH {
                    let Some(record) = records.next() else { break };
                    let kind = value::kind(&record);
                    let (clock, time_ms) = (signed(record.clock)?, signed(record.time_ms)?);
                    insert
                        .execute(params![seq, clock, time_ms, kind, record.payload])
                        .map_err(PeerError::store("inserting"))?;
                    seq = seq.saturating_add(1);
                }
            }
            transaction.commit().map_err(PeerError::store("committing"))?;
        }
        // Moves what is in the log into the file, so that a reader finds it in one place.
        database.close().map_err(|(_, error)| PeerError::store("closing")(error))
    }

    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError> {
        let database =
            Connection::open(dir.join(FILE)).map_err(PeerError::store("opening the database"))?;
        let mut read = database.prepare(READ).map_err(PeerError::store("preparing"))?;
        let mut rows = read.query(()).map_err(PeerError::store("reading"))?;
        while let Some(row) = rows.next().map_err(PeerError::store("reading"))? {
            let seq: i64 = row.get(0).map_err(PeerError::store("reading seq"))?;
            let clock: i64 = row.get(1).map_err(PeerError::store("reading clock"))?;
            let payload = row.get_ref(2).map_err(PeerError::store("reading a payload"))?;
            let payload = payload.as_blob().map_err(PeerError::store("reading a payload"))?;
            sum.push(seq.cast_unsigned(), clock.cast_unsigned(), payload);
        }
        Ok(())
    }
}

fn signed(number: u64) -> Result<i64, PeerError> {
    i64::try_from(number).map_err(PeerError::store("fitting a number into SQL's"))
}
