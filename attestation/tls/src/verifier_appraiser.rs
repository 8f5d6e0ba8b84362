use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_attestation::{
    Ask, Binding, Collateral, Evidence, Marks, Quote, TrustRoot, Verdict, Verifier,
};
use holobiont_identity::pins::SurfacePins;

use crate::exchange::Refusal;
use crate::{Admission, Appraiser};

/// Finds the collateral for a quote's platform among what this node already holds. It must fetch
/// nothing: a peer is waiting, and its quote is not believed yet.
pub type CollateralLookup = dyn Fn(&Quote) -> Option<Arc<Collateral>> + Send + Sync;

/// This node's high-water marks, shared by everything that verifies.
#[derive(Debug, Clone, Default)]
pub struct SharedMarks(Arc<Mutex<Marks>>);

impl SharedMarks {
    /// Marks as they were kept on disk or in the committee's log.
    pub fn new(marks: Marks) -> Self {
        Self(Arc::new(Mutex::new(marks)))
    }

    /// The marks now: what is to be kept, and whose floor the clock must not be below.
    pub fn now(&self) -> Marks {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Raises the marks by what a verification, here or at another node, has seen.
    pub fn raise(&self, seen: &Marks) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).raise(seen);
    }
}

/// Judges peers by the full verifier, against one surface's pins.
pub struct VerifierAppraiser<R: TrustRoot> {
    verifier: Arc<Verifier<R>>,
    pins: SurfacePins,
    collateral: Box<CollateralLookup>,
    marks: SharedMarks,
}

impl<R: TrustRoot> VerifierAppraiser<R> {
    /// An appraiser for peers of this surface. Appraisers share a verifier, for what it remembers,
    /// and the marks.
    pub fn new(
        verifier: Arc<Verifier<R>>,
        pins: SurfacePins,
        collateral: Box<CollateralLookup>,
        marks: SharedMarks,
    ) -> Self {
        Self { verifier, pins, collateral, marks }
    }

    fn verdict(&self, evidence: &Evidence, binding: &Binding, now_s: u64) -> Verdict {
        let quote = Quote::parse(&evidence.quote).ok();
        let collateral = quote.as_ref().and_then(|quote| (self.collateral)(quote));
        let marks = self.marks.now();
        self.verifier.verify(
            evidence,
            &Ask {
                now_s,
                pins: Some(&self.pins),
                binding: Some(binding),
                collateral: collateral.as_deref(),
                marks: &marks,
                // The binding holds a nonce that this node made for this round: that is its age.
                quote_made_s: None,
            },
        )
    }
}

impl<R: TrustRoot> Appraiser for VerifierAppraiser<R> {
    fn simulated(&self) -> bool {
        self.verifier.simulated()
    }

    fn appraise(
        &self,
        evidence: &Evidence,
        binding: &Binding,
        now_s: u64,
    ) -> Result<Admission, Refusal> {
        let Binding::Tls(tls) = binding else {
            return Err(Refusal::new("report-data", "the evidence is not for a connection"));
        };
        if tls.policy != self.pins.policy_hash() {
            let text = "this node judges by another policy than it demands: restart it with one";
            return Err(Refusal::new("policy-mismatch", text));
        }
        let verdict = self.verdict(evidence, binding, now_s);
        // What is signed is true of the time and of Intel's numbers, whoever showed it.
        self.marks.raise(&verdict.observed);
        if !verdict.admits() {
            return Err(match verdict.reason() {
                Some(reason) => Refusal::new(reason.code(), &reason.to_string()),
                None => Refusal::new("not-checked", "a check of your evidence could not be run"),
            });
        }
        let (Some(expires), Some(pin)) = (&verdict.expires, &verdict.pin) else {
            return Err(Refusal::new("not-checked", "the verdict on you has no end or no pin"));
        };
        Ok(Admission {
            expires_s: expires.at_s,
            pin: pin.clone(),
            platform: verdict.platform.clone(),
            verdict,
        })
    }
}

impl<R: TrustRoot> fmt::Debug for VerifierAppraiser<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierAppraiser").field("pins", &self.pins).finish_non_exhaustive()
    }
}
