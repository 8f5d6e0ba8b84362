use holobiont_identity::framing::FramingError;

use crate::GenesisError;

/// What is wrong with the bytes of a surface.
///
/// Damage is never repaired in place: whoever holds the copy fetches it again, from a peer or an
/// archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The first bytes are not those of this kind of file.
    #[error("it does not start with the magic of its format")]
    BadMagic,
    /// A version that this build does not read.
    #[error("it has format version {0}, which this build does not know: use a newer one")]
    UnknownVersion(u32),
    /// The bytes end too early.
    #[error("it ends where {needed_bytes} more bytes have to be")]
    Truncated {
        /// How many bytes were needed from the offset on.
        needed_bytes: u64,
    },
    /// A `genesis`, `start` or `mark` file does not match the hash at its end.
    #[error("its content does not match the hash at its end")]
    FileHash,
    /// A file that every surface has is not there.
    #[error("the file is missing")]
    MissingFile,
    /// The fields of a `start` or `mark` file or of a footer are not framed as they must be.
    #[error("its fields cannot be read: {0}")]
    Framing(#[from] FramingError),
    /// The genesis inside is not one.
    #[error("{0}")]
    Genesis(#[from] GenesisError),
    /// The file's fields contradict each other or the genesis.
    #[error("its {0} contradicts the rest")]
    Contradiction(&'static str),
    /// The header does not match its hash.
    #[error("the segment header does not match its hash")]
    HeaderHash,
    /// The footer is not there, or does not match its hash.
    #[error("the segment footer is missing or does not match its hash")]
    FooterHash,
    /// The segment is of another surface, or of another genesis.
    #[error("the segment belongs to another surface")]
    ForeignSegment,
    /// A segment that should be there is not.
    #[error("the segment that starts at record {first_seq} is missing")]
    MissingSegment {
        /// The first sequence number of the missing segment.
        first_seq: u64,
    },
    /// A segment without footer that is not the last one.
    #[error("the segment is unsealed and not the last one")]
    UnsealedInside,
    /// The chain value does not follow from what is before it.
    #[error("the chain value does not follow from the windows before it")]
    ChainBroken,
    /// The bytes of a window do not match its digest.
    #[error("the window does not match its digest")]
    WindowDigest,
    /// A window ends before or after the place where the genesis has windows end.
    #[error("a window does not end where the genesis says")]
    WindowBoundary,
    /// The footer's description of a window differs from the window.
    #[error("the footer describes the window wrongly")]
    WindowIndex,
    /// A record does not match its CRC.
    #[error("record {seq} does not match its CRC")]
    RecordCrc {
        /// Sequence number that the record claims.
        seq: u64,
    },
    /// Sequence numbers do not follow each other.
    #[error("record {expected} should be here, not {got}")]
    SequenceBroken {
        /// The sequence number that had to come.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// The last sequence number is used up.
    #[error("no sequence number is left")]
    SequenceEnd,
    /// The clock event decreases.
    #[error("the clock goes back from {previous} to {got}")]
    ClockWentBack {
        /// Clock event of the record before.
        previous: u64,
        /// Clock event of this record.
        got: u64,
    },
    /// A record for a clock event that an earlier record has closed.
    #[error("clock {clock} was closed by the record before")]
    ClockReopened {
        /// The clock event.
        clock: u64,
    },
    /// A record that does not close its clock event, where the genesis has every record do so.
    #[error("record of clock {clock} does not close it, as the genesis has every record do")]
    ClockNotClosed {
        /// The clock event.
        clock: u64,
    },
    /// Padding after a payload that is not zero.
    #[error("the padding of record {seq} is not zero")]
    NonZeroPadding {
        /// Sequence number that the record claims.
        seq: u64,
    },
    /// A record is longer than a window may be.
    #[error("a record takes {size_bytes} bytes, a window holds {limit_bytes}")]
    PayloadTooLong {
        /// Stored size of the record, in bytes.
        size_bytes: u64,
        /// The most that a window holds, in bytes.
        limit_bytes: u64,
    },
    /// Records at or below the durable mark are missing.
    #[error("records were durable up to {mark_seq}, and only those before {next_seq} are here")]
    MarkAhead {
        /// Sequence number of the durable mark.
        mark_seq: u64,
        /// The first sequence number that is missing.
        next_seq: u64,
    },
    /// The durable mark lies before the first record kept.
    #[error("the durable mark is at {mark_seq}, before the first record kept, {earliest}")]
    MarkBehind {
        /// Sequence number of the durable mark.
        mark_seq: u64,
        /// The first record kept.
        earliest: u64,
    },
    /// The head at the durable mark is not the one that was durable.
    #[error("the head at record {seq} is not the one that the durable mark names")]
    MarkHead {
        /// Sequence number of the durable mark.
        seq: u64,
    },
}
