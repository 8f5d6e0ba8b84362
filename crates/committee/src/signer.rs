use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::KeyError;

/// What signs a node's commands and cuts: its key of this boot.
pub trait Signer: Send + Sync {
    /// The Ed25519 public key.
    fn public(&self) -> [u8; 32];

    /// The Ed25519 signature of these bytes.
    fn sign(&self, bytes: &[u8]) -> [u8; 64];
}

/// An Ed25519 key from a seed: for operators, simulations, and the `key_file` of development. A
/// node's boot key is made in its guest and has no seed outside.
///
/// ```
/// use holobiont_committee::{SeedKey, Signer};
///
/// let (one, two) = (SeedKey::from_seed(&[1; 32])?, SeedKey::from_seed(&[2; 32])?);
/// assert_ne!(one.public(), two.public());
/// # Ok::<(), holobiont_committee::KeyError>(())
/// ```
#[derive(Debug)]
pub struct SeedKey(Ed25519KeyPair);

impl SeedKey {
    /// The key that this seed has.
    ///
    /// # Errors
    ///
    /// [`KeyError`] where it has none.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| KeyError)
    }
}

impl Signer for SeedKey {
    fn public(&self) -> [u8; 32] {
        fixed(self.0.public_key().as_ref())
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        fixed(self.0.sign(bytes).as_ref())
    }
}

/// Whether the signature of `bytes` is by this key.
pub(crate) fn verifies(key: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(bytes, signature).is_ok()
}

/// Of a length that Ed25519 fixes; another one would verify nowhere.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}
