//! Quotes without TDX: a fresh P-256 key as attestation key, and a guest of our choice.

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use sha2::{Digest as _, Sha256};

/// SEPT_VE_DISABLE and nothing else.
pub const TD_ATTRIBUTES: [u8; 8] = [0, 0, 0, 0x10, 0, 0, 0, 0];
/// Which processor state the guest may use: what guests of today have.
pub const XFAM: [u8; 8] = [0xe7, 2, 6, 0, 0, 0, 0, 0];

/// What the quote says that runs.
pub struct Guest {
    pub mrtd: [u8; 48],
    pub rtmr: [[u8; 48]; 4],
}

/// What is where the chain from the attestation key to Intel should be.
#[derive(Clone, Copy, Debug)]
pub enum Certification {
    /// Certification data of kind 5 (a PCK chain), and none in it.
    EmptyChain,
    /// The report of a quoting enclave that we made up, vouched for by our own key and no chain.
    OwnEnclave,
}

pub struct Forger {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Forger {
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { key, random }
    }

    /// A v4 quote with Intel's vendor id, about `guest`, with `data` as its report data.
    pub fn quote(&self, guest: &Guest, data: &[u8; 64], certification: Certification) -> Vec<u8> {
        let mut quote = [4_u16.to_le_bytes(), 2_u16.to_le_bytes()].concat();
        quote.extend(0x81_u32.to_le_bytes());
        quote.extend([0; 4]);
        quote.extend([
            0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f,
            0x06, 0x07,
        ]);
        quote.extend([0; 20]);
        let mut body = [0; 584];
        body[120..128].copy_from_slice(&TD_ATTRIBUTES);
        body[128..136].copy_from_slice(&XFAM);
        body[136..184].copy_from_slice(&guest.mrtd);
        body[328..520].copy_from_slice(guest.rtmr.as_flattened());
        body[520..].copy_from_slice(data);
        quote.extend(body);

        let key = &self.key.public_key().as_ref()[1..];
        let mut section = self.sign(&quote);
        section.extend(key);
        section.extend(match certification {
            Certification::EmptyChain => block(5, &[]),
            Certification::OwnEnclave => block(6, &self.enclave(key)),
        });
        quote.extend(length(&section));
        quote.extend(section);
        quote
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(&self.random, message).unwrap().as_ref().to_vec()
    }

    /// QE report, its signature, authentication data, and an empty chain.
    fn enclave(&self, key: &[u8]) -> Vec<u8> {
        let authentication = [7; 32];
        let mut report = [0; 384];
        report[320..352].copy_from_slice(&Sha256::digest([key, &authentication].concat()));
        let mut out = report.to_vec();
        out.extend(self.sign(&report));
        out.extend(32_u16.to_le_bytes());
        out.extend(authentication);
        out.extend(block(5, &[]));
        out
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_le_bytes()
}

fn block(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &length(bytes), bytes].concat()
}
