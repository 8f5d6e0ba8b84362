mod checks;
mod expiry;

use dcap_qvl::verify::QuoteVerifier;
use holobiont_identity::pins::{SurfacePins, TcbRules, TcbStatus};

use crate::{
    Binding, Collateral, Evidence, Intel, Marks, Quote, QuoteError, TcbReport, TrustRoot, Verdict,
    crypto::{self, RememberingConfig, SharedMemo, SignatureChecks},
    dcap::{self, Anchor, Dcap, KnownChains},
    policy::{self, Circumstances},
    reason::Reason,
    verdict::{Check, CheckResult, Outcome},
};

/// What a quote is checked against. What is not given is not asked: see [`Verdict`] for what that
/// means.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Unix seconds: the greatest of the local clock, the marks' floor and organism time.
    pub now_s: u64,
    /// The surface's pins and TCB rules. Without them the default rules apply: `UpToDate` only.
    pub pins: Option<&'a SurfacePins>,
    /// What the quote must be made for.
    pub binding: Option<&'a Binding>,
    /// Collateral for the platform. Without it nothing is trusted.
    pub collateral: Option<&'a Collateral>,
    /// What may not go back.
    pub marks: &'a Marks,
    /// When the quote was made, in unix seconds, where something that is trusted says so. Needed
    /// where no nonce of ours is bound.
    pub quote_made_s: Option<u64>,
}

/// Checks evidence, and remembers signatures that held.
///
/// `Verifier<Intel>` has Intel's root compiled in and takes no other. A `Verifier` of another root
/// runs the same code, and every verdict of it says `simulated`.
///
/// *Limits*: nothing is fetched, and one call takes under 5 ms for any input within the limits of
/// its parts.
///
/// ```
/// use holobiont_attestation::{Ask, Evidence, Marks, Verifier};
///
/// let verifier = Verifier::new();
/// let evidence = Evidence { quote: vec![4, 0, 2, 0], event_log: None, batch: None };
/// let ask = Ask {
///     now_s: 1_790_000_000,
///     pins: None,
///     binding: None,
///     collateral: None,
///     marks: &Marks::default(),
///     quote_made_s: None,
/// };
/// let verdict = verifier.verify(&evidence, &ask);
/// assert_eq!(verdict.reason().map(|reason| reason.code()), Some("quote-malformed"));
/// ```
pub struct Verifier<R: TrustRoot> {
    root: R,
    anchor: Anchor,
    dcap: QuoteVerifier<RememberingConfig>,
    memo: SharedMemo,
    known: KnownChains,
}

impl Verifier<Intel> {
    /// A verifier of real quotes.
    pub fn new() -> Self {
        Self::with_root(Intel)
    }
}

impl Default for Verifier<Intel> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: TrustRoot> Verifier<R> {
    /// A verifier whose chains end at this root.
    pub fn with_root(root: R) -> Self {
        let anchor = Anchor::new(root.certificate_der());
        let dcap = QuoteVerifier::new_with_config(anchor.der.clone());
        Self { root, anchor, dcap, memo: SharedMemo::default(), known: KnownChains::default() }
    }

    /// The root.
    pub const fn root(&self) -> &R {
        &self.root
    }

    /// Whether the root is any other than Intel's.
    pub const fn simulated(&self) -> bool {
        self.anchor.simulated
    }

    /// Runs every check that can be run.
    pub fn verify(&self, evidence: &Evidence, ask: &Ask<'_>) -> Verdict {
        let run = || match Quote::parse(&evidence.quote) {
            Ok(quote) => self.judge(&quote, evidence, ask),
            Err(error) => self.unreadable(&error),
        };
        let (mut verdict, checks) = crypto::counted(&self.memo, run);
        verdict.signature_checks = checks;
        verdict
    }

    fn judge(&self, quote: &Quote, evidence: &Evidence, ask: &Ask<'_>) -> Verdict {
        let measurements = quote.measurements();
        let mut dcap = dcap::check(quote, ask, &self.anchor, &self.dcap, &self.known);
        let (platform, tcb) = dcap.platform.take().unzip();
        let log = checks::read_log(measurements, evidence, ask.pins);
        let circumstances = Circumstances {
            now_s: ask.now_s,
            simulated: Some(self.simulated()),
            platform: platform.as_ref(),
            tcb: tcb.as_ref(),
            log: log.as_ref(),
        };
        let judged = ask.pins.map(|pins| policy::judge(measurements, pins, &circumstances));
        let pin = judged.as_ref().and_then(|judged| judged.pin);
        let rules = ask.pins.map_or_else(TcbRules::default, |pins| pins.tcb.clone());
        let grace = grace(tcb.as_ref(), &rules, ask.now_s, &mut dcap.reasons);
        let expires =
            tcb.as_ref().and_then(|_| expiry::first(&dcap.artefacts, pin, ask, &rules, grace));
        let observed = std::mem::take(&mut dcap.observed);
        let judged = judged.unwrap_or_default();
        dcap.reasons.extend(judged.dcap);
        let attributes = [policy::check_attributes(measurements), judged.attributes].concat();
        let measured = ask.pins.map(|_| Outcome::of(judged.measurements));
        let binding = checks::binding(measurements, evidence, ask.binding, self.simulated());
        let freshness = checks::freshness(ask, &binding, &rules);
        let outcomes = [
            Outcome::of(parsers(quote, tcb.is_some())),
            dcap_outcome(dcap),
            Outcome::of(attributes),
            measured.unwrap_or(Outcome::NotAsked),
            binding,
            freshness,
            checks::event_log(log, pin, ask.pins.is_some(), judged.event_log),
        ];
        Verdict {
            simulated: self.simulated(),
            checks: results(outcomes),
            pin: pin.map(|pin| pin.label.clone()),
            tcb,
            platform,
            expires,
            measurements: Some(measurements.clone()),
            comparison: judged.comparison,
            observed,
            signature_checks: SignatureChecks::default(),
        }
    }

    fn unreadable(&self, error: &QuoteError) -> Verdict {
        let reason = match error {
            // What a quote forged without a platform looks like.
            QuoteError::NoQeReport { .. } | QuoteError::CertificationKind { .. } => {
                Reason::PckChainNotIntel { root: self.anchor.name(), detail: error.to_string() }
            }
            _ => Reason::QuoteMalformed { detail: error.to_string() },
        };
        let mut outcomes = [(); 7].map(|()| Outcome::NotRun("the quote cannot be read".to_owned()));
        let [parse, ..] = &mut outcomes;
        *parse = Outcome::Failed(vec![reason]);
        Verdict {
            simulated: self.simulated(),
            checks: results(outcomes),
            pin: None,
            tcb: None,
            platform: None,
            expires: None,
            measurements: None,
            comparison: Vec::new(),
            observed: Marks::default(),
            signature_checks: SignatureChecks::default(),
        }
    }
}

impl<R: TrustRoot> std::fmt::Debug for Verifier<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("simulated", &self.simulated()).finish_non_exhaustive()
    }
}

/// Judges the platform's state, and says until when a grace accepts it.
fn grace(
    tcb: Option<&TcbReport>,
    rules: &TcbRules,
    now_s: u64,
    reasons: &mut Vec<Reason>,
) -> Option<(TcbStatus, u64)> {
    let tcb = tcb?;
    match policy::judge_tcb(tcb, rules, now_s) {
        Ok(ended_s) => Some((tcb.status, ended_s?)),
        Err(reason) => {
            reasons.push(reason);
            None
        }
    }
}

fn results(outcomes: [Outcome; 7]) -> Vec<CheckResult> {
    let paired = Check::ALL.into_iter().zip(outcomes);
    paired.map(|(check, outcome)| CheckResult { check, outcome }).collect()
}

fn dcap_outcome(dcap: Dcap) -> Outcome {
    if dcap.reasons.is_empty() && dcap.stopped_at_attributes {
        let why = "signatures and collateral hold; the check ended at the TD attributes";
        return Outcome::NotRun(why.to_owned());
    }
    Outcome::of(dcap.reasons)
}

/// Whether every other parser reads what ours does. The second opinion checks a signature too, so
/// its refusal counts only where the signatures held (`is_sound`): before, it says nothing new.
fn parsers(quote: &Quote, is_sound: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let disagree = |detail: String| Reason::ParsersDisagree { detail };
    match dcap_qvl::quote::Quote::parse(quote.bytes()) {
        Ok(other) => {
            if let Err(error) = quote.agrees_with_dcap(&other) {
                reasons.push(disagree(error.to_string()));
            }
        }
        Err(error) => reasons.push(disagree(format!("dcap-qvl cannot read it: {error:#}"))),
    }
    #[cfg(feature = "second-opinion")]
    if let Err(error) = crate::second_opinion::second_opinion(quote) {
        use crate::second_opinion::SecondOpinionError;
        if is_sound || matches!(error, SecondOpinionError::Disagrees(_)) {
            reasons.push(Reason::SecondOpinion { detail: error.to_string() });
        }
    }
    #[cfg(not(feature = "second-opinion"))]
    let _ = is_sound;
    reasons
}
