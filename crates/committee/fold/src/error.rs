use std::io;
use std::path::{Path, PathBuf};

use holobiont_committee::MachineError;
use holobiont_identity::{Digest, UniqueId};
use holobiont_programs::LoadError;
use holobiont_replay::{Difference, ReplayError};
use holobiont_surface::SurfaceError;
use thiserror::Error;

/// Why a copy cannot be kept, or the fold cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The config has no such member; the caller is at fault.
    #[error("the config has no member {place}")]
    NoMember {
        /// The place that was named.
        place: u16,
    },
    /// This node's copy of a member's surface cannot be used.
    #[error("member {member}: this node's copy of its surface cannot be used")]
    Copy {
        /// The member's name.
        member: String,
        /// What is wrong.
        source: SurfaceError,
    },
    /// The folder of a copy holds another surface.
    #[error(
        "{} holds surface {got}, member {member} publishes {expected}: move it away, or correct the \
         member in organism.toml", dir.display()
    )]
    OtherSurface {
        /// The member's name.
        member: String,
        /// The folder.
        dir: PathBuf,
        /// The surface that the config names.
        expected: UniqueId,
        /// The one that is there.
        got: UniqueId,
    },
    /// The source has another genesis than the copy, which has records already.
    #[error(
        "member {member}: its source serves a surface of genesis {got}, this node's copy has \
         {expected}: ask the member's operator which is right; with the source's, move {} away",
        dir.display()
    )]
    OtherGenesis {
        /// The member's name.
        member: String,
        /// The copy's folder.
        dir: PathBuf,
        /// Digest of the copy's genesis.
        expected: Digest,
        /// Digest of the source's.
        got: Digest,
    },
    /// Records were given for another place than the copy's end: it was cut back, recovered, or fed by
    /// somebody else meanwhile.
    #[error(
        "member {member}: its copy goes on with record {next_seq}, not with {first_seq}; feed it from \
         there"
    )]
    OtherPlace {
        /// The member's name.
        member: String,
        /// The first record given.
        first_seq: u64,
        /// The record that comes next.
        next_seq: u64,
    },
    /// A copy can be started anew only past what it has.
    #[error(
        "member {member}: a copy that has the records before {next_seq} cannot start anew at \
         {first_seq}; append to it"
    )]
    StartsBehind {
        /// The member's name.
        member: String,
        /// The record where it was to start.
        first_seq: u64,
        /// The record that comes next in it.
        next_seq: u64,
    },
    /// The operating system refused; the disk or its settings are at fault.
    #[error("{doing} {} failed; check the disk, its space and its permissions", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done with it.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The log's rules cannot be applied here yet, or not with these arguments.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The fold itself cannot go on.
    #[error(transparent)]
    Replay(ReplayError),
    /// What is folded again differs from what this node has published before.
    #[error(
        "cut {cut}: {difference}, but this node published it before: it has diverged from itself; keep \
         its state, and start it anew with an empty output folder"
    )]
    OutputDiffers {
        /// The first cut that differs.
        cut: u64,
        /// How.
        difference: Difference,
    },
    /// This node's own surface has another history than the snapshot.
    #[error(
        "the organism's surface in {} has another history before record {next_seq} than the snapshot: \
         keep it, and start the node anew with an empty output folder", dir.display()
    )]
    OutputForked {
        /// The output's folder.
        dir: PathBuf,
        /// The record that comes after the snapshot.
        next_seq: u64,
    },
    /// The program that the config names cannot be made.
    #[error(transparent)]
    Program(#[from] LoadError),
    /// Another program cannot go on from the state of the one before.
    #[error(
        "the config names another program than {name} version {version}, whose state it would have to \
         go on from: make it another organism"
    )]
    OtherProgram {
        /// The program so far.
        name: &'static str,
        /// Its version.
        version: u32,
    },
    /// An entry was pushed while the one before waits; the caller is at fault.
    #[error("log entry {index} waits for members' records: poll until it is taken")]
    Waits {
        /// The entry that waits.
        index: u64,
    },
    /// Nothing waits; the caller is at fault.
    #[error("no log entry waits: push the next one")]
    NothingWaits,
    /// The log's rules and the replay came apart, which must not be; the build is at fault.
    #[error(
        "log entry {index}: the committee's state and the replay differ; do not sign with this build"
    )]
    ComeApart {
        /// The entry.
        index: u64,
    },
    /// An earlier step failed.
    #[error("an earlier step of the fold failed: open it again, from its newest snapshot")]
    Poisoned,
}

impl FoldError {
    pub(crate) fn io<'a>(
        path: &'a Path,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { path: path.to_owned(), doing, source }
    }

    /// Whether a disk or a quota is full.
    #[must_use]
    pub fn is_out_of_space(&self) -> bool {
        match self {
            Self::Copy { source, .. } | Self::Replay(ReplayError::Output(source)) => {
                source.is_out_of_space()
            }
            Self::Io { source, .. } => {
                use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
                matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
            }
            _ => false,
        }
    }
}

impl From<ReplayError> for FoldError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Differs { cut, difference } => Self::OutputDiffers { cut, difference },
            other => Self::Replay(other),
        }
    }
}
