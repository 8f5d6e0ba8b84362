use holobiont_attestation::{Collateral, MAX_COLLATERAL_BYTES};
use serde_json::value::RawValue;

/// The most sets in one file.
pub const MAX_BUNDLE_SETS: usize = 64;

/// The most bytes of one file that are read.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1024 * 1024;

/// A file that is no collateral.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Too long to be read at all.
    #[error("it has {size_bytes} bytes, at most {MAX_BUNDLE_BYTES} are read: export fewer sets")]
    TooLong {
        /// Its length.
        size_bytes: usize,
    },
    /// Neither one set nor a list of them.
    #[error("it is neither a set of collateral nor a list of sets: {why}; export it again")]
    Malformed {
        /// What the JSON reader says.
        why: String,
    },
    /// None, or more than [`MAX_BUNDLE_SETS`].
    #[error("it holds {found} sets, 1 to {MAX_BUNDLE_SETS} are read: export it again")]
    Count {
        /// How many.
        found: usize,
    },
    /// One of the sets is none.
    #[error("its set {number} is no collateral: {why}; whoever exported it is at fault")]
    Set {
        /// Which, the first being 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// One file for another node: a JSON list of sets, each in the form of [`Collateral::to_json`].
/// What is in it proves itself, so it may travel any way.
pub fn bundle<'a>(sets: impl IntoIterator<Item = &'a Collateral>) -> String {
    let sets: Vec<String> = sets.into_iter().map(Collateral::to_json).collect();
    format!("[{}]\n", sets.join(",\n"))
}

/// Reads what [`bundle`] wrote, and one set alone as other programs write it. Checks shapes only.
///
/// # Errors
///
/// [`BundleError`]; one bad set refuses all.
pub fn unbundle(bytes: &[u8]) -> Result<Vec<Collateral>, BundleError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLong { size_bytes: bytes.len() });
    }
    let malformed = |error: serde_json::Error| BundleError::Malformed { why: error.to_string() };
    let sets: Vec<&RawValue> = if bytes.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(bytes).map_err(malformed)?
    } else {
        vec![serde_json::from_slice(bytes).map_err(malformed)?]
    };
    if sets.is_empty() || sets.len() > MAX_BUNDLE_SETS {
        return Err(BundleError::Count { found: sets.len() });
    }
    let read = |(at, raw): (usize, &&RawValue)| {
        Collateral::from_json(raw.get()).map_err(|error| BundleError::Set {
            number: at.saturating_add(1),
            why: error.to_string(),
        })
    };
    sets.iter().enumerate().map(read).collect()
}

const _: () = assert!(MAX_BUNDLE_BYTES >= MAX_COLLATERAL_BYTES);
