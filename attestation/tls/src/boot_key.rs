use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::crypto::ring::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::TlsError;

/// The key of this boot: Ed25519, made in memory, never stored and never shown.
///
/// A quote binds its public half; whoever restarts has another one.
///
/// ```
/// use holobiont_attestation_tls::BootKey;
///
/// let (first, second) = (BootKey::generate()?, BootKey::generate()?);
/// assert_ne!(first.public_key(), second.public_key());
/// # Ok::<(), holobiont_attestation_tls::TlsError>(())
/// ```
#[derive(Clone)]
pub struct BootKey {
    certified: Arc<CertifiedKey>,
    pair: Arc<Ed25519KeyPair>,
    public: Vec<u8>,
    ed25519: [u8; 32],
}

/// What stands before an Ed25519 seed in PKCS#8, version 1 (RFC 8410, 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// What stands before an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410, 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// The 32 bytes of the Ed25519 key that a SubjectPublicKeyInfo in DER holds, such as
/// [`Peer::key`](crate::Peer::key); `None` for a key of another kind.
///
/// ```
/// use holobiont_attestation_tls::{BootKey, ed25519_of};
///
/// let key = BootKey::generate()?;
/// assert_eq!(ed25519_of(key.public_key()), Some(key.ed25519()));
/// assert_eq!(ed25519_of(b"of another kind"), None);
/// # Ok::<(), holobiont_attestation_tls::TlsError>(())
/// ```
pub fn ed25519_of(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}

impl BootKey {
    /// A fresh key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Internal`] where the system gives no randomness.
    pub fn generate() -> Result<Self, TlsError> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| TlsError::Internal { what: "the system gives no randomness for a key" })?;
        Self::from_seed(&seed)
    }

    /// The key of this seed: for development, and for whoever keeps a seed sealed. Who knows the
    /// seed is this node.
    ///
    /// # Errors
    ///
    /// [`TlsError::Internal`] and [`TlsError::Setup`] where the libraries take no such key.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, TlsError> {
        let internal = |what| TlsError::Internal { what };
        let document = [&PKCS8_PREFIX[..], seed].concat();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| internal("an Ed25519 key cannot be made of its seed"))?;
        let private = PrivatePkcs8KeyDer::from(document.as_slice());
        let key = any_eddsa_type(&private).map_err(|source| TlsError::Setup { source })?;
        let public =
            key.public_key().ok_or_else(|| internal("a key without its public half"))?.to_vec();
        let ed25519 = ed25519_of(&public)
            .filter(|bytes| bytes == pair.public_key().as_ref())
            .ok_or_else(|| internal("the two libraries disagree on a public key"))?;
        let spki = CertificateDer::from(public.clone());
        let certified = Arc::new(CertifiedKey::new(vec![spki], key));
        Ok(Self { certified, pair: Arc::new(pair), public, ed25519 })
    }

    /// The public key, SubjectPublicKeyInfo in DER: what bindings and peers see.
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// The public key as 32 bytes, as the committee's commands name it.
    pub const fn ed25519(&self) -> [u8; 32] {
        self.ed25519
    }

    /// An Ed25519 signature. Whoever calls it puts a domain in front of what is signed, so that it
    /// is no message of TLS.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        let made = self.pair.sign(bytes);
        signature.iter_mut().zip(made.as_ref()).for_each(|(to, byte)| *to = *byte);
        signature
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl std::fmt::Debug for BootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BootKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_seed_gives_one_key_that_signs_what_its_public_half_verifies() {
        // RFC 8032, 7.1, test 2.
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let seed: [u8; 32] = (0..32)
            .map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let key = BootKey::from_seed(&seed).unwrap();
        let hex: String = key.ed25519().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, public);
        let signature = key.sign(&[0x72]);
        assert_eq!(signature[..4], [0x92, 0xa0, 0x09, 0xa9]);
        let verifying = UnparsedPublicKey::new(&ED25519, key.ed25519());
        assert!(verifying.verify(&[0x72], &signature).is_ok());
        assert!(verifying.verify(&[0x73], &signature).is_err());
    }
}
