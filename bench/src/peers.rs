//! Stores that other people would use for the same records.

use std::path::Path;

use thiserror::Error;

use crate::{Sum, Workload};

#[cfg(feature = "peers")]
mod stores;

/// A store that other people would use for the same records.
pub trait Peer {
    /// Its name and version, such as `redb 4.6`.
    fn name(&self) -> &'static str;

    /// What it checks while reading, in a few words.
    fn checks(&self) -> &'static str;

    /// Writes the records into `dir`, which is there and empty, in order, and makes them durable.
    ///
    /// # Errors
    ///
    /// [`PeerError`], whatever the store refuses.
    fn write(&self, dir: &Path, workload: &Workload) -> Result<(), PeerError>;

    /// Opens what [`write`](Self::write) left anew and reads all records in order, with the store's
    /// own checks on.
    ///
    /// # Errors
    ///
    /// [`PeerError`], whatever the store refuses.
    fn replay(&self, dir: &Path, sum: &mut Sum) -> Result<(), PeerError>;
}

/// Why a peer could not be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// The store, or the file system under it, refused.
    #[error("{doing}: {source}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// What the store says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What it read is not what was written.
    #[error("what was read back is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl PeerError {
    /// For `map_err`: names what was being done.
    pub fn store<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Store { doing, source: source.into() }
    }
}

/// Every peer of this build, in the order of the report; none without the feature `peers`.
#[must_use]
pub fn all() -> Vec<Box<dyn Peer>> {
    #[cfg(feature = "peers")]
    return stores::all();
    #[cfg(not(feature = "peers"))]
    Vec::new()
}
