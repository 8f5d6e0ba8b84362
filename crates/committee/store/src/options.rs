use crate::Defect;

/// The most bytes that one entry can have.
pub const MAX_ENTRY_BYTES: usize = 4 << 20;

/// The most bytes of entries that one read gives, if there is more than one.
pub const MAX_READ_BYTES: usize = 4 << 20;

/// So many bytes of entries may wait for the flushing thread; then whoever appends flushes.
pub const MAX_WAITING_BYTES: usize = 32 << 20;

/// The most files of cut-off bytes that are kept. What is cut off after that is only reported.
pub const MAX_TORN_FILES: usize = 64;

/// The largest that a segment can be made, in bytes.
pub const MAX_SEGMENT_BYTES: u64 = 1 << 30;

/// When entries are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Before `append` returns: simulations.
    Inline,
    /// By a thread of its own, many appends at a time.
    Thread,
}

/// How a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// When entries are made durable.
    pub flush: Flush,
    /// A new file is started once one has that many bytes; at most [`MAX_SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// So many bytes of the newest entries are kept in memory.
    pub cache_bytes: usize,
}

impl LogOptions {
    /// Files of 16 MiB, 8 MiB in memory.
    #[must_use]
    pub const fn new(flush: Flush) -> Self {
        Self { flush, segment_bytes: 16 << 20, cache_bytes: 8 << 20 }
    }
}

/// What opening a log found, and what it did about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRecovery {
    /// Entries in the log.
    pub entries: u64,
    /// Size of its files, in bytes.
    pub size_bytes: u64,
    /// What was cut off: the remains of a write that was never acknowledged.
    pub torn: Option<TornTail>,
    /// Files that an interrupted step left behind, and that were removed.
    pub removed: Vec<String>,
}

/// Bytes after the last whole entry, which were cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file they were in.
    pub file: String,
    /// Where in it they began, in bytes.
    pub offset: u64,
    /// How many there were.
    pub size_bytes: u64,
    /// What was wrong with the first of them.
    pub why: Defect,
    /// The file that they are in now, unless there are [`MAX_TORN_FILES`] already.
    pub kept_as: Option<String>,
}

/// How far a log has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreMarks {
    /// Term of the saved vote; 0 where there is none.
    pub vote_term: u64,
    /// Term and index of the last entry, or of the last purged one.
    pub last_log: Option<(u64, u64)>,
    /// Term and index of the last entry that is known to be committed.
    pub committed: Option<(u64, u64)>,
    /// Term and index of the last entry that was dropped.
    pub purged: Option<(u64, u64)>,
}
