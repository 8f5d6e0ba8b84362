use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
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
    public: Vec<u8>,
}

impl BootKey {
    /// A fresh key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Internal`] where the system gives no randomness.
    pub fn generate() -> Result<Self, TlsError> {
        let failed = |_| TlsError::Internal { what: "the system gives no randomness for a key" };
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
        let private = PrivatePkcs8KeyDer::from(document.as_ref());
        let key = any_eddsa_type(&private).map_err(|source| TlsError::Setup { source })?;
        let public = key
            .public_key()
            .ok_or(TlsError::Internal { what: "a key without its public half" })?
            .to_vec();
        let spki = CertificateDer::from(public.clone());
        Ok(Self { certified: Arc::new(CertifiedKey::new(vec![spki], key)), public })
    }

    /// The public key, SubjectPublicKeyInfo in DER: what bindings and peers see.
    pub fn public_key(&self) -> &[u8] {
        &self.public
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
