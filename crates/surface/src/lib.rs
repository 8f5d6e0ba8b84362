//! Surface logs: one totally ordered, append-only sequence of records, and its authenticated files.
//!
//! **Owns**: the record, window and segment formats; [`SurfaceWriter`] with recovery and retention;
//! [`Surface`] and [`Cursor`], which hand out verified records; [`EvidenceItem`].
//!
//! **Does not own**: where records come from, what they mean, whose word for a head is taken
//! (signatures, certificates), clocks and threads.
//!
//! **Talks to**: `identity` for ids and digests, and the files of one directory.
//!
//! # A surface's directory
//!
//! | file | content |
//! | --- | --- |
//! | `genesis` | `"HBGN"`, version, the framed [`Genesis`], blake3 of all that. Written last at creation |
//! | `start` | [`format::Start`]: first sequence number kept, chain value and clock before it |
//! | `<first seq>.segment` | a sealed, immutable segment (20 digits): header, whole windows, footer |
//! | `<first seq>.open` | the one segment without a footer, always the last |
//! | `<first seq>.next` | the successor of a segment that is being sealed; becomes the `.open` |
//! | `<first seq>.seal` | [`format::Seal`]: this node's word that it has verified that segment |
//! | `mark` | [`format::Mark`]: the head up to which everything is on disk |
//! | `*.torn` | what a recovery cut off; never read |
//! | `*.forked` | what [`SurfaceWriter::cut_back`] gave up; never read |
//! | `*.tmp` | a small file that is being replaced |
//!
//! A successor is durable before its predecessor is sealed, so that a surface always has one or the
//! other: segments missing at the front, in the middle or at the end are all damage. `start` moves
//! before retention deletes, so that what retention took and what was lost differ. A sealed segment
//! with an `.open` one of the same number beside it is being cut back: the open one has its place, and
//! what follows is given up.
//!
//! # A round trip
//!
//! ```
//! use holobiont_identity::UniqueId;
//! use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let genesis = Genesis::new(UniqueId::from_name("prices"));
//! let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default())?;
//! for clock in 0..3 {
//!     let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
//!     writer.append(record)?;
//! }
//! let head = writer.sync()?;
//!
//! let surface = Surface::open(dir.path())?;
//! let mut cursor = surface.cursor(surface.earliest())?;
//! while cursor.peek()?.is_some() {
//!     if let Some(record) = cursor.current() {
//!         assert_eq!(record.payload(), b"1.07");
//!     }
//!     cursor.advance();
//! }
//! assert_eq!(cursor.head(), head);
//! # Ok(())
//! # }
//! ```

#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod ahead;
mod block;
mod cursor;
mod damage;
mod directory;
mod error;
mod evidence;
mod feed;
mod files;
pub mod format;
mod genesis;
mod handover;
mod head;
mod ledger;
mod mapped;
mod open_window;
mod pool;
mod progress;
mod record;
mod scan;
mod seal_key;
mod segment;
mod source;
mod surface;
mod sync;
mod verify;
mod walk;
mod writer;

pub use ahead::{Ahead, Found};
pub use block::READ_BLOCK_BYTES;
pub use cursor::Cursor;
pub use damage::Damage;
pub use directory::read_genesis;
pub use error::SurfaceError;
pub use evidence::{EvidenceError, EvidenceItem};
pub use genesis::{Genesis, GenesisError, MAX_WINDOW_BYTES_LIMIT, MAX_WINDOW_RECORDS_LIMIT};
pub use head::Head;
pub use pool::{DEFAULT_POOL_BYTES, MAX_POOL_THREADS, ReadOptions, ReadPool, Trust, WindowsRead};
pub use progress::Records;
pub use record::{
    CLOSES_CLOCK_BIT, MAX_TIME_MS, NewRecord, RECORD_HEADER_BYTES, Record, RecordHeader,
};
pub use seal_key::SealKey;
pub use segment::SegmentInfo;
pub use source::{Access, Source, Storage};
pub use surface::{Surface, TornTail};
pub use verify::Verified;
pub use writer::{
    CutBack, DEFAULT_SEGMENT_BYTES, Recovery, Retained, Sealed, StartAt, SurfaceWriter,
    WriterOptions,
};
