use std::sync::Arc;

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};

use crate::SimulatedError;

/// A P-256 key made at run time. Certificates want DER signatures and quotes `r ‖ s`, and `ring`
/// ties a key to one of the two: so it is held twice.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    der: Arc<EcdsaKeyPair>,
    fixed: Arc<EcdsaKeyPair>,
    pkcs8: Arc<[u8]>,
}

impl Key {
    pub(crate) fn generate() -> Result<Self, SimulatedError> {
        let rng = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng)
            .map_err(|_| SimulatedError::Key { what: "make a key" })?;
        Self::from_pkcs8(document.as_ref())
    }

    /// The key that [`pkcs8`](Self::pkcs8) gave, in another process.
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SimulatedError> {
        let load = |algorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new())
                .map(Arc::new)
                .map_err(|_| SimulatedError::Key { what: "read a key" })
        };
        Ok(Self {
            der: load(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            fixed: load(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            pkcs8: pkcs8.into(),
        })
    }

    /// The private key. Only of a simulation does one ever leave a process.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public point, `x ‖ y`, as quotes carry it.
    pub(crate) fn point(&self) -> Result<[u8; 64], SimulatedError> {
        self.fixed
            .public_key()
            .as_ref()
            .get(1..)
            .and_then(|point| point.try_into().ok())
            .ok_or(SimulatedError::Key { what: "read a public key" })
    }

    /// `r ‖ s` over `message`, as quotes and Intel's documents carry it.
    pub(crate) fn sign_fixed(&self, message: &[u8]) -> Result<[u8; 64], SimulatedError> {
        let failed = SimulatedError::Key { what: "sign" };
        let signature = self.fixed.sign(&SystemRandom::new(), message);
        signature.ok().and_then(|signature| signature.as_ref().try_into().ok()).ok_or(failed)
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.der.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.der.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|_| rcgen::Error::RingUnspecified)?.as_ref().to_vec())
    }
}
