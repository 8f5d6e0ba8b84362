//! The small files and the frame of a segment, byte for byte.
//!
//! `genesis`, `start`, `mark` and seals share one envelope: four bytes of magic, `u32` version, a body, and
//! the blake3 of all that. A segment has a [`SegmentHeader`] and, once sealed, a [`SegmentFooter`].

mod envelope;
mod footer;
mod header;
mod mark;
mod seal;
mod start;

pub(crate) use envelope::{decode_genesis, encode_genesis};
pub use footer::{MAX_SEGMENT_WINDOWS, SegmentFooter, WindowEntry};
pub(crate) use footer::{TRAILER_BYTES, chain_over, footer_length};
pub use header::{SEGMENT_HEADER_BYTES, SegmentHeader};
pub use mark::Mark;
pub use seal::Seal;
pub use start::Start;
