use holobiont_attestation::{Binding, Evidence, Platform, Verdict};

use crate::exchange::Refusal;

/// Judges a peer's evidence.
pub trait Appraiser: Send + Sync {
    /// Whether it trusts a simulator's root instead of Intel's.
    fn simulated(&self) -> bool;

    /// Whether this evidence, made for exactly this binding, is good at `now_s`. Runs on a
    /// blocking thread; it fetches nothing.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] that both sides will show.
    fn appraise(
        &self,
        evidence: &Evidence,
        binding: &Binding,
        now_s: u64,
    ) -> Result<Admission, Refusal>;
}

/// A peer that passed.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The second since 1970 at which the connection ends, if the peer has not attested again: the
    /// end of the verdict.
    pub expires_s: u64,
    /// Label of the pin that the peer met.
    pub pin: String,
    /// The machine that the peer runs on, as its certificate names it.
    pub platform: Option<Platform>,
    /// The whole verdict, for logs, metrics and pages.
    pub verdict: Verdict,
}
