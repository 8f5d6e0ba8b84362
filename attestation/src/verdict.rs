use std::collections::BTreeSet;

use holobiont_identity::pins::{SurfacePins, TcbStatus};

use crate::{
    Marks, Measurements, SignatureChecks,
    reason::{Fault, Reason},
};

/// The outcome of an attestation check, with every reason.
///
/// Not failing is not the same as being admitted: a caller who asked without pins or without a
/// binding learns that the quote is sound, not whose guest it is nor that it is this peer's. Admit
/// by [`admits`](Self::admits).
///
/// ```no_run
/// # fn admit(verdict: &holobiont_attestation::Verdict) -> Result<(), String> {
/// match verdict.reason() {
///     None if verdict.admits() => Ok(()),
///     None => Err("not everything was asked".into()),
///     Some(reason) => Err(format!("{}: {reason}", reason.code())),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the trust root is any other than Intel's. Says nothing of the quote.
    pub simulated: bool,
    /// Every check in its order, each once.
    pub checks: Vec<CheckResult>,
    /// The label of the pin that matched, or came nearest.
    pub pin: Option<String>,
    /// What Intel says of the platform, where the DCAP check came that far.
    pub tcb: Option<TcbReport>,
    /// Which machine it is, where the DCAP check came that far.
    pub platform: Option<Platform>,
    /// When the verdict ends, and why then.
    pub expires: Option<Expiry>,
    /// What the quote says of its guest, where it can be read. Not believed unless
    /// [`trusted`](Self::trusted).
    pub measurements: Option<Measurements>,
    /// Every register beside what [`pin`](Self::pin) wants.
    pub comparison: Vec<RegisterRow>,
    /// What this verification proved of numbers and time: raise your marks by it. Empty where the
    /// DCAP check did not come that far.
    pub observed: Marks,
    /// How many signatures were checked.
    pub signature_checks: SignatureChecks,
}

impl Verdict {
    /// Whether nothing that was asked failed or could not be run.
    pub fn trusted(&self) -> bool {
        self.checks
            .iter()
            .all(|result| matches!(result.outcome, Outcome::Passed | Outcome::NotAsked))
            && self.passed(Check::Parse)
            && self.passed(Check::Dcap)
            && self.passed(Check::Attributes)
    }

    /// Whether it is [trusted](Self::trusted), is one of the surface's pinned guests, and made its
    /// quote for the binding asked. Only this opens a door.
    pub fn admits(&self) -> bool {
        self.trusted() && self.passed(Check::Measurements) && self.passed(Check::Binding)
    }

    /// The first reason, in the order of the checks: what the verdict's code is.
    pub fn reason(&self) -> Option<&Reason> {
        self.reasons().next()
    }

    /// Every reason, in the order of the checks.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.checks.iter().flat_map(|result| match &result.outcome {
            Outcome::Failed(reasons) => reasons.as_slice(),
            _ => &[],
        })
    }

    /// Whether it is the collateral that was refused, so that it says nothing of the quote: another
    /// set may be better. Where it is false, the set decides, and an older one must not be asked: it
    /// does not know of what was revoked since.
    pub fn blames_collateral(&self) -> bool {
        self.reasons().any(|reason| match reason {
            Reason::NotSigned { .. }
            | Reason::CollateralOtherPlatform
            | Reason::FmspcMismatch { .. }
            | Reason::PceIdMismatch { .. }
            | Reason::PckCrlOtherCa
            | Reason::RolledBack { .. } => true,
            Reason::Expired { .. } | Reason::NotYetValid { .. } => {
                reason.fault() == Fault::Unavailable
            }
            _ => false,
        })
    }

    /// How this check went.
    pub fn outcome(&self, check: Check) -> Option<&Outcome> {
        self.checks.iter().find(|result| result.check == check).map(|result| &result.outcome)
    }

    fn passed(&self, check: Check) -> bool {
        self.outcome(check) == Some(&Outcome::Passed)
    }
}

/// On how many different machines the [admitted](Verdict::admits) guests of these verdicts run: by
/// platform instance id (PIID), or by PPID where Intel gave none. A guest whose machine cannot be
/// told counts for none.
pub fn distinct_platforms(verdicts: &[Verdict]) -> usize {
    let admitted = verdicts.iter().filter(|verdict| verdict.admits());
    let machines: BTreeSet<_> =
        admitted.filter_map(|verdict| verdict.platform.as_ref()?.id()).collect();
    machines.len()
}

/// Whether the admitted guests run on as many machines as the surface wants.
///
/// # Errors
///
/// [`Reason::TooFewPlatforms`].
pub fn check_distinct_platforms(verdicts: &[Verdict], pins: &SurfacePins) -> Result<(), Reason> {
    let wanted = pins.min_distinct_platforms.unwrap_or_default();
    let got = distinct_platforms(verdicts);
    if got < usize::from(wanted) {
        return Err(Reason::TooFewPlatforms { surface: pins.surface.clone(), got, wanted });
    }
    Ok(())
}

/// The checks, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The quote can be read, and every parser reads the same.
    Parse,
    /// It was made by a platform that Intel certified, in an accepted state.
    Dcap,
    /// TD attributes, SEAM and XFAM.
    Attributes,
    /// One pin of the surface matches.
    Measurements,
    /// `report_data` is what was demanded.
    Binding,
    /// The nonce is ours, or the quote is young enough.
    Freshness,
    /// The event log explains the registers, and named events are as pinned.
    EventLog,
}

impl Check {
    /// Every check, in order.
    pub const ALL: [Self; 7] = [
        Self::Parse,
        Self::Dcap,
        Self::Attributes,
        Self::Measurements,
        Self::Binding,
        Self::Freshness,
        Self::EventLog,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Dcap => "dcap",
            Self::Attributes => "attributes",
            Self::Measurements => "measurements",
            Self::Binding => "binding",
            Self::Freshness => "freshness",
            Self::EventLog => "event-log",
        }
    }
}

/// One check and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Which check.
    pub check: Check,
    /// How it went.
    pub outcome: Outcome,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not, for these reasons.
    Failed(Vec<Reason>),
    /// It could not be run, for this reason: as good as failed.
    NotRun(String),
    /// Nothing was given to check against.
    NotAsked,
}

impl Outcome {
    pub(crate) fn of(reasons: Vec<Reason>) -> Self {
        if reasons.is_empty() { Self::Passed } else { Self::Failed(reasons) }
    }
}

/// What Intel says of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcbReport {
    /// Platform and quoting enclave together.
    pub status: TcbStatus,
    /// The platform's alone, with its TDX module, at the guest's launch.
    pub platform_status: TcbStatus,
    /// The quoting enclave's alone.
    pub qe_status: TcbStatus,
    /// The advisories that are open.
    pub advisories: Vec<String>,
    /// `tcbEvaluationDataNumber`: the lower of TCB info and QE identity.
    pub evaluation_number: u32,
    /// The date of what is out of date, unix seconds, where something is: grace counts from here.
    pub tcb_date_s: Option<u64>,
}

/// Which machine a quote comes from, by its PCK certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Platform instance id: one for all CPUs of a machine. Only the platform CA gives it.
    pub piid: Option<[u8; 16]>,
    /// Platform model.
    pub fmspc: [u8; 6],
    /// Provisioning enclave.
    pub pce_id: [u8; 2],
    /// Platform provisioning id, of one CPU.
    pub ppid: Vec<u8>,
}

impl Platform {
    /// What tells the machine from others. All zeros tell nothing.
    fn id(&self) -> Option<&[u8]> {
        let told = |id: &&[u8]| id.iter().any(|byte| *byte != 0);
        let piid = self.piid.as_ref().map(|piid| &piid[..]).filter(told);
        piid.or_else(|| Some(self.ppid.as_slice()).filter(told))
    }
}

/// When a verdict ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// Its last second, unix.
    pub at_s: u64,
    /// What ends then.
    pub because: String,
}

/// One register beside what the pin wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRow {
    /// `mrtd`, `rtmr0`, …
    pub register: &'static str,
    /// Hex, or `event log`.
    pub expected: String,
    /// Hex.
    pub got: String,
    /// The pin's label.
    pub pin: String,
    /// Whether they agree.
    pub matches: bool,
}
