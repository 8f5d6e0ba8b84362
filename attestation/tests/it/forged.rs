//! Quotes made without any TDX: what a verifier that stops at the attestation key takes for real.

use holobiont_attestation::{Ask, Fault, Marks, Quote, Verifier};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use sha2::{Digest as _, Sha256};

use crate::support::{NEAR, NEAR_NOW_S, Real, bare, pins_of};

struct Forger {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Forger {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { key, random }
    }

    /// A v4 quote about a guest of our choice, signed with our own key. `certify` gives kind and
    /// bytes of what should lead from the key to Intel.
    fn quote(&self, certify: impl FnOnce(&Self, &[u8]) -> (u16, Vec<u8>)) -> Vec<u8> {
        let mut quote = [4_u16.to_le_bytes(), 2_u16.to_le_bytes()].concat();
        quote.extend(0x81_u32.to_le_bytes());
        quote.extend([0; 4]);
        quote.extend([
            0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f,
            0x06, 0x07,
        ]);
        quote.extend([0; 20]);
        let mut body = [0; 584];
        body[120..128].copy_from_slice(&[0, 0, 0, 0x10, 0, 0, 0, 0]);
        body[128..136].copy_from_slice(&[0xe7, 2, 6, 0, 0, 0, 0, 0]);
        body[136..184].fill(0xaa);
        body[328..].fill(0xbb);
        quote.extend(body);
        let key = &self.key.public_key().as_ref()[1..];
        let (kind, certification) = certify(self, key);
        let mut section = self.sign(&quote);
        section.extend(key);
        section.extend(block(kind, &certification));
        quote.extend(length(&section));
        quote.extend(section);
        quote
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(&self.random, message).unwrap().as_ref().to_vec()
    }

    /// A report of a quoting enclave of our own, and `chain` to vouch for it.
    fn qe_report(&self, key: &[u8], kind: u16, chain: &[u8]) -> Vec<u8> {
        let authentication = [7; 32];
        let mut report = vec![0; 384];
        let bound = Sha256::digest([key, &authentication].concat());
        report[320..352].copy_from_slice(&bound);
        let mut out = report.clone();
        out.extend(self.sign(&report));
        out.extend(32_u16.to_le_bytes());
        out.extend(authentication);
        out.extend(block(kind, chain));
        out
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_le_bytes()
}

fn block(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &length(bytes), bytes].concat()
}

#[test]
fn a_quote_that_no_platform_made_does_not_lead_to_intel() {
    let forger = Forger::new();
    let marks = Marks::default();
    for (how, quote) in [
        ("no QE report", forger.quote(|_, _| (5, Vec::new()))),
        ("no chain", forger.quote(|me, key| (6, me.qe_report(key, 5, b"")))),
        ("other certification", forger.quote(|me, key| (6, me.qe_report(key, 1, &[0; 36])))),
        (
            "garbage",
            forger.quote(|me, key| (6, me.qe_report(key, 5, b"-----BEGIN CERTIFICATE-----"))),
        ),
    ] {
        // What makes it a forgery worth the name: it is well signed by its own key.
        assert!(tdx_quote::Quote::from_bytes(&quote).is_ok(), "{how}");
        let pair = Real::near();
        let pins = Quote::parse(&quote).map(|quote| pins_of(quote.measurements()));
        for collateral in [None, pair.as_ref().map(|pair| &pair.collateral)] {
            let ask = Ask {
                now_s: NEAR_NOW_S,
                pins: pins.as_ref().ok(),
                binding: None,
                collateral,
                marks: &marks,
                quote_made_s: None,
            };
            let verdict = Verifier::new().verify(&bare(quote.clone()), &ask);
            assert!(!verdict.trusted());
            let reason = verdict.reason().unwrap();
            assert_eq!(reason.code(), "pck-chain-not-intel", "{how}: {verdict}");
            assert_eq!(reason.fault(), Fault::Untrusted);
            assert!(reason.to_string().starts_with("PCK chain does not lead to Intel"), "{reason}");
            // It is refused for what it is, not for what it says.
            assert_eq!(verdict.reasons().filter(|r| r.code().contains("mismatch")).count(), 0);
        }
    }
}

/// Every platform's chain can be read off its quotes, so a forger has real ones.
#[test]
fn a_stolen_chain_does_not_vouch_for_a_forged_enclave() {
    let Some(pair) = Real::near() else { return };
    let real = Quote::parse(&crate::quotes::real(NEAR).unwrap()).unwrap();
    let chain = real.pck_chain_pem().unwrap().to_vec();
    let quote = Forger::new().quote(|me, key| (6, me.qe_report(key, 5, &chain)));
    assert!(tdx_quote::Quote::from_bytes(&quote).is_ok());
    let verdict = Verifier::new().verify(&bare(quote), &pair.ask(NEAR_NOW_S, &Marks::default()));
    assert_eq!(verdict.reason().unwrap().code(), "qe-report-signature", "{verdict}");
}
