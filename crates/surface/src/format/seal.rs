use super::envelope;
use crate::Damage;

const MAGIC: &[u8; 4] = b"HBSE";
const VERSION: u32 = 1;

/// A node's word, beside a sealed segment, that it has verified every window of it: see
/// [`SealKey`](crate::SealKey).
///
/// Format: `"HBSE"`, `u32` version, the tag (32), blake3 of all that.
///
/// ```
/// use holobiont_surface::format::Seal;
///
/// let seal = Seal { tag: [7; 32].into() };
/// assert_eq!(Seal::decode(&seal.encode())?, seal);
/// # Ok::<(), holobiont_surface::Damage>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The keyed hash over genesis, first sequence number and footer. It compares in constant time.
    pub tag: blake3::Hash,
}

impl Seal {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = envelope::begin(MAGIC, VERSION);
        framed.fixed(self.tag.as_bytes());
        envelope::end(framed)
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    ///
    /// [`Damage`]: nothing but what [`encode`](Self::encode) gives is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = envelope::body(bytes, MAGIC, VERSION)?;
        let tag = blake3::Hash::from_bytes(reader.fixed()?);
        reader.finish()?;
        Ok(Self { tag })
    }
}
