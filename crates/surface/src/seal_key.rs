use std::fmt;
use std::path::Path;

use holobiont_identity::Digest;

use crate::format::Seal;
use crate::{SurfaceError, files};

/// A node's own key, with which it marks the segments that it has verified.
///
/// ```
/// use holobiont_surface::SealKey;
///
/// let key = SealKey::from_bytes([7; 32]);
/// assert_eq!(format!("{key:?}"), "SealKey(..)");
/// ```
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// The key with these bytes, which nobody but the node may know.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// `keyed blake3("holobiont-seal|" ‖ 0x01 ‖ genesis digest ‖ u64 first seq ‖ blake3(footer))`.
    pub(crate) fn seal(&self, genesis: Digest, first_seq: u64, footer: Digest) -> Seal {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(b"holobiont-seal|\x01");
        hasher.update(genesis.as_bytes()).update(&first_seq.to_le_bytes());
        hasher.update(footer.as_bytes());
        Seal { tag: hasher.finalize() }
    }

    /// Whether the file beside a segment is this key's seal of it. A seal that is missing, of
    /// another key, or damaged is none: the segment is then verified in full.
    pub(crate) fn has_sealed(&self, segment: &Path, expected: &Seal) -> Result<bool, SurfaceError> {
        let bytes = match files::read_small(&segment.with_extension(files::SEAL)) {
            Ok(bytes) => bytes,
            Err(error) if error.is_damage() => return Ok(false),
            Err(error) => return Err(error),
        };
        // The comparison of two blake3 hashes takes the same time whatever they are.
        Ok(Seal::decode(&bytes).is_ok_and(|found| found.tag == expected.tag))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}
