//! Signature checks that are remembered.
//!
//! An ECDSA check is a pure function of (key, signature, message), so a success holds for ever;
//! failures are never kept. Dates, revocation and policy are judged every time by the callers.
//! `dcap-qvl` takes its cryptography as associated functions, so the memo of a [`Verifier`] is put
//! into a thread-local for the length of one call.
//!
//! [`Verifier`]: crate::Verifier

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use dcap_qvl::{
    config::{Config, CryptoProvider},
    crypto::RingCrypto,
    signature::DerSigEncoder,
};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use sha2::{Digest as _, Sha256};

use crate::codec::ExtensionWalk;

/// How many successful signature checks a verifier remembers at most. One costs about 50 bytes; a
/// platform needs eight.
pub const MAX_REMEMBERED_SIGNATURES: usize = 16_384;

/// What a generation holds before it becomes the older one.
const GENERATION: usize = MAX_REMEMBERED_SIGNATURES / 2;

/// How many signatures a verdict checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignatureChecks {
    /// ECDSA P-256 verifications done.
    pub fresh: u32,
    /// Verifications that the memo knew to succeed.
    pub remembered: u32,
}

/// A bounded set of checks that succeeded. What is used stays: a hit in the older of two
/// generations moves to the newer, and the older one is dropped whole.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    newer: BTreeSet<[u8; 32]>,
    older: BTreeSet<[u8; 32]>,
}

impl Memo {
    fn knows(&mut self, check: [u8; 32]) -> bool {
        if self.newer.contains(&check) {
            return true;
        }
        let known = self.older.contains(&check);
        if known {
            self.learn(check);
        }
        known
    }

    fn learn(&mut self, check: [u8; 32]) {
        if self.newer.len() >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(check);
    }
}

/// A memo that verifications on several threads share.
pub(crate) type SharedMemo = Arc<Mutex<Memo>>;

#[derive(Debug)]
struct Scope {
    memo: SharedMemo,
    checks: SignatureChecks,
}

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Runs one verification with this memo, and counts its signature checks.
pub(crate) fn counted<T>(memo: &SharedMemo, run: impl FnOnce() -> T) -> (T, SignatureChecks) {
    /// Ends the scope even where `run` panics.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            SCOPE.with_borrow_mut(|scope| *scope = None);
        }
    }

    let scope = Scope { memo: Arc::clone(memo), checks: SignatureChecks::default() };
    SCOPE.with_borrow_mut(|current| *current = Some(scope));
    let _end = End;
    let value = run();
    let checks =
        SCOPE.with_borrow(|scope| scope.as_ref().map(|scope| scope.checks).unwrap_or_default());
    (value, checks)
}

/// Whether this DER signature (ECDSA P-256, SHA-256) by this point holds, by memo or by ring.
pub(crate) fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    Remembering.verify_signature(key, message, signature).is_ok()
}

/// `dcap-qvl`'s audited parts, with signature checks that are remembered and extensions found faster.
#[derive(Debug)]
pub(crate) struct RememberingConfig;

impl Config for RememberingConfig {
    type X509 = ExtensionWalk;
    type SigEncoder = DerSigEncoder;
    type Crypto = RememberingCrypto;
}

#[derive(Debug)]
pub(crate) struct RememberingCrypto;

impl CryptoProvider for RememberingCrypto {
    fn sig_algo() -> &'static dyn SignatureVerificationAlgorithm {
        &Remembering
    }

    fn sha256(data: &[u8]) -> [u8; 32] {
        RingCrypto::sha256(data)
    }

    fn sha384(data: &[u8]) -> [u8; 48] {
        RingCrypto::sha384(data)
    }
}

#[derive(Debug)]
struct Remembering;

impl SignatureVerificationAlgorithm for Remembering {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let check = fingerprint([public_key, signature, message]);
        let known = in_scope(|memo, checks| {
            let known = memo.knows(check);
            let count = if known { &mut checks.remembered } else { &mut checks.fresh };
            *count = count.saturating_add(1);
            known
        });
        if known == Some(true) {
            return Ok(());
        }
        RingCrypto::sig_algo().verify_signature(public_key, message, signature)?;
        in_scope(|memo, _| memo.learn(check));
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        RingCrypto::sig_algo().public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        RingCrypto::sig_algo().signature_alg_id()
    }
}

fn in_scope<T>(run: impl FnOnce(&mut Memo, &mut SignatureChecks) -> T) -> Option<T> {
    SCOPE.with_borrow_mut(|scope| {
        let scope = scope.as_mut()?;
        let mut memo = scope.memo.lock().unwrap_or_else(PoisonError::into_inner);
        Some(run(&mut memo, &mut scope.checks))
    })
}

/// SHA-256 over the length-prefixed parts: TDX machines have instructions for it, with which it is
/// faster than blake3 on messages of a few kilobytes.
fn fingerprint<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n: usize) -> [u8; 32] {
        fingerprint([&n.to_le_bytes()[..]])
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(fingerprint([b"ab", b"c"]), fingerprint([b"a", b"bc"]));
    }

    #[test]
    fn the_memo_is_bounded_and_keeps_what_is_used() {
        let mut memo = Memo::default();
        memo.learn(check(0));
        for n in 1..5 * MAX_REMEMBERED_SIGNATURES {
            memo.learn(check(n));
            if n % 1000 == 0 {
                assert!(memo.knows(check(0)), "forgotten after {n}");
            }
            assert!(memo.newer.len() + memo.older.len() <= MAX_REMEMBERED_SIGNATURES);
        }
        assert!(!memo.knows(check(1)));
    }

    #[test]
    fn failures_are_never_remembered() {
        let memo = SharedMemo::default();
        for _ in 0..2 {
            let (held, checks) = counted(&memo, || verify(&[4; 65], b"message", b"signature"));
            assert!(!held);
            assert_eq!(checks, SignatureChecks { fresh: 1, remembered: 0 });
        }
    }

    #[test]
    fn a_scope_ends_with_a_panic() {
        let memo = SharedMemo::default();
        let run = std::panic::AssertUnwindSafe(|| counted(&memo, || panic!("on purpose")));
        assert!(std::panic::catch_unwind(run).is_err());
        assert!(SCOPE.with_borrow(Option::is_none));
    }
}
