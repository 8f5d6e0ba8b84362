use std::io;
use std::path::{Path, PathBuf};

use holobiont_identity::ConfigError;
use holobiont_programs::LoadError;
use holobiont_replay::{LogError, ReplayError};
use holobiont_surface::{Damage, SurfaceError};
use thiserror::Error;

use crate::peers::PeerError;

/// Why a run could not be made, or a row not be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The file system refused.
    #[error("{doing} {} failed", file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The folder to work in holds something that no run has made.
    #[error("{} holds something else", dir.display())]
    NotOurs {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder to use again holds nothing that a run kept.
    #[error("{} holds no records of an earlier run", dir.display())]
    NothingKept {
        /// The folder.
        dir: PathBuf,
    },
    /// There is less room than the records take.
    #[error("{} has {free_bytes} bytes free, and the records take {needed_bytes}", dir.display())]
    NoRoom {
        /// The folder.
        dir: PathBuf,
        /// What is free.
        free_bytes: u64,
        /// What is needed.
        needed_bytes: u64,
    },
    /// The file of rates cannot be read as one.
    #[error("line {line} of the rates: {what}")]
    Rates {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A setting that nothing can be measured with.
    #[error("{what}")]
    Setting {
        /// What is wrong with it.
        what: String,
    },
    /// A segment that the run has made is damaged.
    #[error("{}: {what}", file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// What is wrong with it.
        what: Damage,
    },
    /// What was read is not what was written.
    #[error("{what}")]
    Differs {
        /// How it differs.
        what: String,
    },
    /// A row that cannot be measured here, through nobody's fault.
    #[error("{why}")]
    Unmeasurable {
        /// Why.
        why: String,
    },
    /// What should be valid JSON of this build's shape is not.
    #[error("{} cannot be read as what this build writes", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A surface.
    #[error(transparent)]
    Surface(#[from] SurfaceError),
    /// The fold.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The log of cuts.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An organism's config.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its program.
    #[error(transparent)]
    Program(#[from] LoadError),
    /// Another store.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

impl BenchError {
    /// For `map_err`: names the file and what was being done.
    pub fn io<'a>(file: &'a Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { file: file.to_owned(), doing, source }
    }
}
