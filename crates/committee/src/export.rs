//! A committee's log as a file: version 2 of the log of cuts.

mod configs;
mod file;
mod reader;
mod writer;

use holobiont_identity::Digest;
use holobiont_policy::Roster;

use crate::Certificate;

pub use configs::{ExportConfigs, MAX_EXPORT_CONFIGS};
pub use file::ExportFile;
pub use reader::ExportReader;
pub use writer::ExportWriter;

const MAGIC: [u8; 4] = *b"HBCL";
const VERSION: u32 = 2;
/// The version that a replay writes: one config, no signatures.
const UNSIGNED_VERSION: u32 = 1;
const ROSTER_VERSION: u8 = 1;
const MAX_ROSTER_BYTES: usize = 4096;

const START_FIRST: u8 = 0;
const START_SNAPSHOT: u8 = 1;
const ITEM_END: u8 = 0;
const ITEM_ENTRY: u8 = 1;
const ITEM_CONFIG: u8 = 2;

/// Where an export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportStart {
    /// At the log's first entry.
    First {
        /// Content hash of the organism's first config.
        content_hash: Digest,
        /// The first roster.
        roster: Roster,
    },
    /// After a cut that is certified.
    Snapshot {
        /// Index of the last entry before the export's.
        log_index: u64,
        /// [`Machine::snapshot`](crate::Machine::snapshot) after that entry.
        machine: Vec<u8>,
        /// The cut's certificate.
        certificate: Box<Certificate>,
    },
}

impl ExportStart {
    /// The index after which entries follow.
    #[must_use]
    pub const fn log_index(&self) -> u64 {
        match self {
            Self::First { .. } => 0,
            Self::Snapshot { log_index, .. } => *log_index,
        }
    }
}

fn checksum(kind: u8, length: u32, body: [&[u8]; 2]) -> u32 {
    let [head, tail] = body;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &length.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, head), tail)
}
