use std::io;
use std::path::{Path, PathBuf};

use crate::{Damage, GenesisError};

/// Why a surface could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurfaceError {
    /// The files are not what was written. Fetch them again from a peer or an archive.
    #[error(
        "{} is damaged at byte {offset}{}: {what}; fetch this surface again from a peer or archive",
        file.display(), window_suffix(*window_first_seq)
    )]
    Damage {
        /// The damaged file.
        file: PathBuf,
        /// The first sequence number of the window concerned, where the damage is in one.
        window_first_seq: Option<u64>,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong.
        what: Damage,
    },
    /// The operating system refused; the disk or its settings are at fault.
    #[error("{doing} {} failed: {source}; check the disk, its space and its permissions", file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What was being done with it.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Retention has dropped the record. Resume at `earliest`, or fetch older segments elsewhere.
    #[error(
        "record {wanted} is no longer kept, the earliest is {earliest}: resume there or fetch it elsewhere"
    )]
    Gap {
        /// The record asked for.
        wanted: u64,
        /// The first record kept.
        earliest: u64,
    },
    /// The surface has not got that far. Ask again once it has grown.
    #[error("record {wanted} is not here yet, the next one is {next_seq}: ask again later")]
    NotYet {
        /// The record asked for.
        wanted: u64,
        /// The sequence number that comes next.
        next_seq: u64,
    },
    /// The directory holds no surface. The caller named the wrong one, or it was never created.
    #[error("{} is not a surface ({why}): check the path", dir.display())]
    NotASurface {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        why: &'static str,
    },
    /// The directory already holds a surface, or files of one. Open it, or name another one.
    #[error("{} already has {found}: open that surface or choose another directory", dir.display())]
    AlreadyExists {
        /// The directory.
        dir: PathBuf,
        /// The file that is in the way.
        found: String,
    },
    /// Another writer has this surface open. Stop that one first.
    #[error("{} is being written by another writer: stop that one first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The genesis that the caller gave is out of range.
    #[error("{0}")]
    BadGenesis(#[from] GenesisError),
    /// The place to start at, which the caller gave, contradicts itself or the genesis.
    #[error("this surface cannot start at record {first_seq}: {why}; take the snapshot again")]
    BadStart {
        /// First sequence number of the open window.
        first_seq: u64,
        /// What is wrong with it.
        why: Damage,
    },
    /// The record's clock event is below the one before it. The producer is at fault.
    #[error(
        "a record of clock {got} cannot follow clock {previous}: the producer's clock went back"
    )]
    ClockWentBack {
        /// Clock event of the last record.
        previous: u64,
        /// Clock event of the refused record.
        got: u64,
    },
    /// The record's clock event was closed. The producer is at fault.
    #[error(
        "clock {clock} is closed, no record can be added to it: the producer closed it too early"
    )]
    ClockReopened {
        /// The clock event.
        clock: u64,
    },
    /// The genesis has every record close its clock event, and this one does not.
    #[error(
        "every record of this surface closes its clock, the one of clock {clock} does not: set closes_clock"
    )]
    ClockNotClosed {
        /// The clock event.
        clock: u64,
    },
    /// The record is larger than a window. The producer splits it, or the genesis allows more.
    #[error(
        "a record of {size_bytes} bytes does not fit a window of {limit_bytes}: split its payload"
    )]
    RecordTooLarge {
        /// Stored size of the record, in bytes.
        size_bytes: u64,
        /// The most that a window holds, in bytes.
        limit_bytes: u64,
    },
    /// Bytes that should be the next stored records are not. Whoever sent them is at fault.
    #[error(
        "record {seq} cannot be taken as it was stored elsewhere: {why}; do not rely on its source"
    )]
    BadRecord {
        /// The sequence number that comes next.
        seq: u64,
        /// What is wrong.
        why: Damage,
    },
    /// The time does not fit its 48 bits.
    #[error("time {time_ms} ms does not fit in 48 bits: give milliseconds since 1970")]
    TimeOutOfRange {
        /// The time that was given, in milliseconds.
        time_ms: u64,
    },
    /// The kind has its high bit set, which is the format's own.
    #[error("kind {kind:#06x} uses the high bit: it is set by closes_clock, kinds go up to 0x7fff")]
    KindOutOfRange {
        /// The kind that was given.
        kind: u16,
    },
    /// No sequence number is left for another record.
    #[error("this surface is full: no sequence number is left")]
    Full,
    /// The head asked for lies before the record that it should prove.
    #[error("a head at {head_seq} cannot prove record {seq}: choose one at the record or later")]
    HeadBeforeRecord {
        /// The record.
        seq: u64,
        /// The head's sequence number.
        head_seq: u64,
    },
    /// The blocks of all cursors do not fit the pool's memory. Give it more.
    #[error(
        "reading needs {needed_bytes} bytes of memory, two windows of every surface, and may have \
         {budget_bytes}: raise the budget"
    )]
    MemoryBudget {
        /// What is needed, in bytes.
        needed_bytes: u64,
        /// The pool's budget, in bytes.
        budget_bytes: u64,
    },
    /// The system gives no thread to read with; its limits are at fault.
    #[error("cannot start a thread to read with: {source}; raise the limit, or use fewer threads")]
    Threads {
        /// The system's answer.
        source: io::Error,
    },
    /// An earlier write failed, so that what is on disk is unknown.
    #[error("an earlier write to {} failed: open the surface again to recover", dir.display())]
    Poisoned {
        /// The directory.
        dir: PathBuf,
    },
}

fn window_suffix(first_seq: Option<u64>) -> String {
    first_seq.map_or_else(String::new, |seq| format!(", in the window of record {seq}"))
}

impl SurfaceError {
    /// Whether the files differ from what was written.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damage { .. })
    }

    /// Whether the operating system refused.
    pub const fn is_io(&self) -> bool {
        matches!(self, Self::Io { .. })
    }

    /// Whether the disk, a quota or a file size limit was reached.
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let Self::Io { source, .. } = self else {
            return false;
        };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }

    pub(crate) fn io(file: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { file: file.to_owned(), doing, source }
    }

    pub(crate) fn damage(file: &Path, offset: u64, what: Damage) -> Self {
        Self::Damage { file: file.to_owned(), window_first_seq: None, offset, what }
    }

    pub(crate) fn in_window(file: &Path, first_seq: u64, offset: u64, what: Damage) -> Self {
        let window_first_seq = Some(first_seq);
        Self::Damage { file: file.to_owned(), window_first_seq, offset, what }
    }

    /// What `append` says of a record that does not go with those before it.
    pub(crate) fn refused(what: Damage, first_seq: u64) -> Self {
        match what {
            Damage::ClockWentBack { previous, got } => Self::ClockWentBack { previous, got },
            Damage::ClockReopened { clock } => Self::ClockReopened { clock },
            Damage::ClockNotClosed { clock } => Self::ClockNotClosed { clock },
            Damage::PayloadTooLong { size_bytes, limit_bytes } => {
                Self::RecordTooLarge { size_bytes, limit_bytes }
            }
            Damage::SequenceEnd => Self::Full,
            why => Self::BadStart { first_seq, why },
        }
    }
}
