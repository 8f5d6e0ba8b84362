use crate::bytes::fixed_bytes;

/// A blake3 digest or chain value that names nothing: a head, a content hash, a window's digest.
///
/// ```
/// use holobiont_identity::Digest;
///
/// let digest = Digest::of("abc");
/// assert_eq!(Digest::from_hex(&digest.to_string()).as_ref(), Ok(&digest));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

fixed_bytes!(Digest, 32);

impl Digest {
    /// The blake3 digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        blake3::hash(bytes.as_ref()).into()
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Self(hash.into())
    }
}
