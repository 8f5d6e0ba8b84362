use std::io;
use std::path::{Path, PathBuf};

use holobiont_identity::Digest;

use crate::{BundleError, Freshness};

/// Why the directory gave or took no collateral.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The system refused.
    #[error("{doing} {path}: {error}; check the directory's owner and its free space")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system says. Told in the text, so no source of it.
        error: io::Error,
    },
    /// A file is not what was put there.
    #[error("{path} is damaged: {why}; remove it, then fetch or import collateral again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The marks are not what was put there. They are never begun anew: without them, collateral
    /// that was replaced would pass again.
    #[error(
        "{path} is damaged: {why}; restore it from a copy, or remove it when this node's marks are \
         also in its committee's log"
    )]
    MarksDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// As many platforms as the directory takes.
    #[error("{path} holds collateral of {limit} kinds of platform, the most it takes: remove one")]
    Full {
        /// The directory.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// No set for that platform.
    #[error("no collateral for {platform} in {path}: fetch or import it")]
    Missing {
        /// FMSPC and CA.
        platform: String,
        /// The directory.
        path: PathBuf,
    },
    /// Sets for that platform, none of them valid at the time.
    #[error("no collateral for {platform} is valid now, the newest: {newest}; fetch it again")]
    NoneValid {
        /// FMSPC and CA.
        platform: String,
        /// How the newest one stands.
        newest: Freshness,
    },
    /// No set of that name.
    #[error("no collateral {id} in {path}: `list` says what there is")]
    Unknown {
        /// What was asked for.
        id: Digest,
        /// The directory.
        path: PathBuf,
    },
    /// A file to import is none.
    #[error("{path} cannot be imported: {why}")]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Told in the text, so no source of it.
        why: BundleError,
    },
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { doing, path, error }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), why: why.into() }
    }
}
