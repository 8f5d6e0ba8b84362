use std::io;

use crate::Defect;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file is not what was written. The disk or the host is at fault.
    #[error(
        "{file} is damaged at byte {offset}: {what}; this node's disk lost or changed what it had \
         acknowledged: move the node's state away and let it rejoin from its peers"
    )]
    Damage {
        /// The damaged file.
        file: String,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong.
        what: Defect,
    },
    /// A file's format is newer or older than this program.
    #[error(
        "{file} has version {version}, this program reads {known}: run the program that wrote it"
    )]
    UnknownVersion {
        /// The file.
        file: String,
        /// The version that it names.
        version: u32,
        /// The version that this program knows.
        known: u32,
    },
    /// The operating system refused; the disk or its settings are at fault.
    #[error("{doing} {file} failed: {source}; check the disk, its space and its permissions")]
    Io {
        /// The file, or `.` for the directory.
        file: String,
        /// What was being done with it.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process has this directory open. Stop that one first.
    #[error("{directory} is in use by another process: stop that one first")]
    Locked {
        /// The directory.
        directory: String,
    },
    /// An earlier write failed, so that what is on disk is unknown.
    #[error("an earlier write failed ({why}): restart the node, so that it recovers its log")]
    Poisoned {
        /// What failed.
        why: String,
    },
    /// An entry that cannot follow the log's last one. The engine is at fault.
    #[error(
        "entry {index} of term {term} cannot follow the log's end at {last:?} (term, index): \
         restart the node and report this"
    )]
    NotNext {
        /// The entry's index.
        index: u64,
        /// The entry's term.
        term: u64,
        /// Term and index of the last entry, or of the last purged one.
        last: Option<(u64, u64)>,
    },
    /// An entry above [`MAX_ENTRY_BYTES`](crate::MAX_ENTRY_BYTES). Whoever proposed it is at fault.
    #[error(
        "an entry of {size_bytes} bytes is over the limit of {limit_bytes}: propose less at once"
    )]
    EntryTooLarge {
        /// Its size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// A vote that takes back the one that was saved. The engine is at fault.
    #[error(
        "a vote in term {given} cannot replace the saved one in term {saved}: restart the node and \
         report this"
    )]
    VoteBack {
        /// Term of the saved vote.
        saved: u64,
        /// Term of the refused one.
        given: u64,
    },
    /// What is committed was to be cut off. The engine, or a peer that it follows, is at fault.
    #[error(
        "entries after {to:?} were to be cut off, but {committed} is committed: stop the node and \
         compare its log with its peers'"
    )]
    TruncatesCommitted {
        /// The last index that was to be kept.
        to: Option<u64>,
        /// The last committed index.
        committed: u64,
    },
    /// The entries are behind a snapshot and no longer kept. Start from the snapshot.
    #[error("entry {wanted} is no longer kept, the earliest is {earliest}: start from a snapshot")]
    Purged {
        /// The entry asked for.
        wanted: u64,
        /// The first entry kept.
        earliest: u64,
    },
    /// A snapshot above [`MAX_SNAPSHOT_BYTES`](crate::MAX_SNAPSHOT_BYTES).
    #[error(
        "a snapshot of {size_bytes} bytes is over the limit of {limit_bytes}: the program's state \
         must be smaller"
    )]
    SnapshotTooLarge {
        /// Its size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// This node has signed something else for that cut. It must not sign again.
    #[error(
        "cut {cut} was signed with another statement: keep this node's state and find out why its \
         fold differs"
    )]
    SignedOther {
        /// The cut's number.
        cut: u64,
    },
    /// What was signed for so old a cut is no longer known, so that nothing is signed for it.
    #[error("cut {cut} is before {from}, where this node's journal starts: it is not signed again")]
    CutForgotten {
        /// The cut's number.
        cut: u64,
        /// The first cut that the journal still answers for.
        from: u64,
    },
}

impl StoreError {
    /// Whether files differ from what was written.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damage { .. })
    }

    /// Whether the disk, a quota or a file size limit was reached.
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let Self::Io { source, .. } = self else {
            return false;
        };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }

    pub(crate) fn io(file: &str, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { file: file.to_owned(), doing, source }
    }

    pub(crate) fn damage(file: &str, offset: u64, what: Defect) -> Self {
        match what {
            Defect::Version { version, known } => {
                Self::UnknownVersion { file: file.to_owned(), version, known }
            }
            what => Self::Damage { file: file.to_owned(), offset, what },
        }
    }
}

/// As the engine takes it: the kind of the system's own error, and our words.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Io { source, .. } => source.kind(),
            StoreError::Damage { .. } | StoreError::UnknownVersion { .. } => {
                io::ErrorKind::InvalidData
            }
            StoreError::Purged { .. } => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
