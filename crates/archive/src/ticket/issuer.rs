use std::fmt;
use std::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
};

use super::jwt::Algorithm;
use super::{Claims, TicketError, jwt};

/// A key whose tickets are good, as `organism.toml` lists it.
///
/// ```
/// use holobiont_archive::ticket::Issuer;
///
/// let text = format!("ed25519:{}", "07".repeat(32));
/// assert_eq!(text.parse::<Issuer>()?.to_string(), text);
/// assert!("rsa:00".parse::<Issuer>().is_err());
/// # Ok::<(), holobiont_archive::ticket::TicketError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Issuer {
    /// Ed25519.
    Ed25519([u8; 32]),
    /// ECDSA over P-256 with SHA-256: the uncompressed point.
    Es256([u8; 65]),
}

impl Issuer {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Es256(_) => Algorithm::Es256,
        }
    }

    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), TicketError> {
        let verified = match self {
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, &key[..]).verify(signed, signature)
            }
            Self::Es256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key[..]).verify(signed, signature)
            }
        };
        verified.map_err(|_| TicketError::BadSignature)
    }
}

impl FromStr for Issuer {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let bad = || TicketError::BadIssuer {
            got: text.chars().filter(|it| !it.is_control()).take(24).collect(),
        };
        let (kind, digits) = text.split_once(':').ok_or_else(bad)?;
        match kind {
            "ed25519" => {
                let mut key = [0; 32];
                hex::decode_to_slice(digits, &mut key).map_err(|_| bad())?;
                Ok(Self::Ed25519(key))
            }
            "es256" => {
                let mut key = [0; 65];
                hex::decode_to_slice(digits, &mut key).map_err(|_| bad())?;
                match key.first() {
                    Some(4) => Ok(Self::Es256(key)),
                    _ => Err(bad()),
                }
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(key) => write!(f, "ed25519:{}", hex::encode(key)),
            Self::Es256(key) => write!(f, "es256:{}", hex::encode(key)),
        }
    }
}

/// The private half: what an operator issues tickets with.
pub struct IssuerKey(Private);

enum Private {
    Ed25519(Box<Ed25519KeyPair>),
    Es256(Box<EcdsaKeyPair>),
}

impl IssuerKey {
    /// The Ed25519 key of this seed.
    ///
    /// # Errors
    ///
    /// [`TicketError::Key`].
    pub fn ed25519(seed: &[u8; 32]) -> Result<Self, TicketError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| TicketError::Key)?;
        Ok(Self(Private::Ed25519(Box::new(pair))))
    }

    /// A P-256 key, PKCS#8 in DER.
    ///
    /// # Errors
    ///
    /// [`TicketError::Key`].
    pub fn es256(pkcs8: &[u8]) -> Result<Self, TicketError> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new());
        Ok(Self(Private::Es256(Box::new(pair.map_err(|_| TicketError::Key)?))))
    }

    /// The public half, for `organism.toml`.
    pub fn issuer(&self) -> Issuer {
        match &self.0 {
            Private::Ed25519(pair) => Issuer::Ed25519(fixed(pair.public_key().as_ref())),
            Private::Es256(pair) => Issuer::Es256(fixed(pair.public_key().as_ref())),
        }
    }

    /// A ticket or an enrolment with these claims.
    ///
    /// # Errors
    ///
    /// [`TicketError::Validity`] and [`TicketError::Malformed`] for claims that no check would
    /// take, [`TicketError::Key`] where the system gives no randomness.
    pub fn issue(&self, claims: &Claims) -> Result<String, TicketError> {
        jwt::issue(claims, &self.issuer(), |bytes| match &self.0 {
            Private::Ed25519(pair) => Ok(pair.sign(bytes).as_ref().to_vec()),
            Private::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), bytes);
                Ok(signature.map_err(|_| TicketError::Key)?.as_ref().to_vec())
            }
        })
    }
}

/// `ring`'s keys have the length of their kind.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssuerKey").field(&self.issuer()).finish()
    }
}
