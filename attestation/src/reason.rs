use holobiont_identity::pins::TcbStatus;

use crate::{At, artefact::ArtefactKind};

/// Whose turn it is, and so how a command exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// Genuine, but not what this surface's policy accepts. Exit code 4.
    Policy,
    /// Not proven to be what it claims. Exit code 5.
    Untrusted,
    /// Something that the check needs is missing or out of date on our side. Exit code 6.
    Unavailable,
}

impl Fault {
    /// The exit code of a command that ends with this fault.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Policy => 4,
            Self::Untrusted => 5,
            Self::Unavailable => 6,
        }
    }
}

/// Why a check failed. [`code`](Self::code) is stable and meant for machines; the text says who is
/// at fault and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each field is named in its variant's message")]
pub enum Reason {
    // Parse.
    /// The bytes are no TDX quote that this build reads.
    #[error("the quote cannot be read: {detail}. Ask the peer for a new quote")]
    QuoteMalformed { detail: String },
    /// `dcap-qvl` reads another value out of the same bytes.
    #[error("two parsers of the quote disagree: {detail}. Keep the quote and report it")]
    ParsersDisagree { detail: String },
    /// `tdx-quote` reads another value out of the same bytes, or refuses them.
    #[error("the second opinion disagrees: {detail}. Keep the quote and report it")]
    SecondOpinion { detail: String },

    // DCAP: the quote's own chain.
    /// The quote's certificates do not end at the trusted root.
    #[error(
        "PCK chain does not lead to {root}: {detail}. The quote was not made by a platform that {root} certified: refuse the peer"
    )]
    PckChainNotIntel { root: &'static str, detail: String },
    /// The platform key has not signed the quoting enclave's report.
    #[error("the QE report is not signed by the platform's PCK: refuse the peer")]
    QeReportSignature,
    /// The quoting enclave's report names another attestation key.
    #[error("the QE report does not vouch for the attestation key: refuse the peer")]
    QeReportBinding,
    /// The quoting enclave is not Intel's.
    #[error("the quoting enclave is not the one of the QE identity: {detail}. Refuse the peer")]
    QeIdentityMismatch { detail: String },
    /// The attestation key has not signed the quote.
    #[error("the quote's signature does not hold: it was altered or forged")]
    QuoteSignature,

    // DCAP: collateral and time.
    /// No collateral was at hand.
    #[error(
        "no collateral for {wanted}: fetch it with `holobiont collateral fetch`, or ask a peer for it"
    )]
    CollateralMissing { wanted: String },
    /// The file was made for one other platform.
    #[error(
        "the collateral carries another platform's PCK certificate: fetch collateral for this quote"
    )]
    CollateralOtherPlatform,
    /// TCB info for another platform model.
    #[error(
        "the TCB info is for FMSPC {collateral}, the platform has {quote}: fetch collateral for {quote}"
    )]
    FmspcMismatch { quote: String, collateral: String },
    /// TCB info for another provisioning enclave.
    #[error(
        "the TCB info is for PCE {collateral}, the platform has {quote}: fetch collateral for this platform"
    )]
    PceIdMismatch { quote: String, collateral: String },
    /// A revocation list of the other of Intel's two PCK CAs.
    #[error(
        "the PCK CRL is not of the CA that issued the platform's certificate: fetch the other CA's"
    )]
    PckCrlOtherCa,
    /// A part is not signed by whom it must be.
    #[error("the {artefact} is not signed by {by}: it was altered or forged, drop its source")]
    NotSigned { artefact: ArtefactKind, by: &'static str },
    /// A part is past its end.
    #[error("the {artefact} ended at {}: {}", At(*ended_s), renew(*artefact))]
    Expired { artefact: ArtefactKind, ended_s: u64 },
    /// A part is not valid yet.
    #[error("the {artefact} is valid only from {}: check this node's clock", At(*starts_s))]
    NotYetValid { artefact: ArtefactKind, starts_s: u64 },
    /// A certificate is revoked.
    #[error("the {artefact} is revoked: refuse the peer until its operator has a new one")]
    Revoked { artefact: ArtefactKind },
    /// The time given lies before something that was signed in the past.
    #[error(
        "this node's clock says {}, but signed data proves that it is past {}: set the clock",
        At(*now_s),
        At(*floor_s)
    )]
    ClockBelowFloor { now_s: u64, floor_s: u64 },
    /// Older collateral than was seen before.
    #[error(
        "the {artefact} went back from number {mark} to {got}: somebody serves old collateral, fetch it again"
    )]
    RolledBack { artefact: ArtefactKind, mark: u64, got: u64 },

    // DCAP: the platform's TCB.
    /// Below every level that Intel lists.
    #[error("the platform is below every TCB level of its TCB info: its operator must update it")]
    TcbLevelNone,
    /// The level is revoked. No policy can accept it.
    #[error("the platform's TCB is revoked: its keys must be taken as known, refuse the peer")]
    TcbRevoked,
    /// The TDX module is not one of Intel's.
    #[error("the TDX module is not one of the TCB info: {detail}. Refuse the peer")]
    TdxModule { detail: String },
    /// The status is not in the policy's list.
    #[error(
        "TCB status {status} is not accepted here ({allowed}): the platform's operator must update it, or the policy name it"
    )]
    TcbStatusNotAllowed { status: TcbStatus, allowed: String },
    /// The status is accepted, but its grace is over.
    #[error(
        "TCB status {status} was accepted until {}: the platform's operator must update it",
        At(*ended_s)
    )]
    TcbGraceEnded { status: TcbStatus, ended_s: u64 },
    /// Advisories that the pin does not accept.
    #[error(
        "open advisories that pin `{pin}` does not accept: {}. The operator must update the platform, or the pin list them",
        advisories.join(", ")
    )]
    AdvisoryNotAllowed { pin: String, advisories: Vec<String> },
    /// An answer of `dcap-qvl` that this build does not know.
    #[error("the DCAP check refuses: {text}")]
    DcapOther { text: String },

    // TD attributes.
    /// The host can read and change the guest.
    #[error("the guest runs in debug mode, its host can read it: it must be started without DEBUG")]
    Debug,
    /// The host may profile the guest.
    #[error("the guest may be profiled by its host: it must be started without profiling")]
    Profiling,
    /// Bits that must be zero are not.
    #[error("reserved TD attribute bits are set ({attributes}): refuse the peer")]
    ReservedAttributes { attributes: String },
    /// The guest can be moved by a migration TD.
    #[error("the guest can be migrated: it must be started without MIGRATABLE")]
    Migratable,
    /// A service TD may act on the guest.
    #[error("a service TD is bound to the guest: it must be started without one")]
    ServiceTd,
    /// The host may inject #VE.
    #[error("SEPT_VE_DISABLE is off, the host can inject exceptions: start the guest with it on")]
    SeptVeDisableOff,
    /// A TDX module that Intel did not sign.
    #[error("MRSIGNERSEAM or SEAM attributes are not zero: the TDX module is not Intel's")]
    SeamNotIntel,
    /// Another value than the pin's.
    #[error("XFAM is {got}, pin `{pin}` wants {expected}")]
    XfamMismatch { pin: String, expected: String, got: String },
    /// Another value than the pin's.
    #[error("TD attributes are {got}, pin `{pin}` wants {expected}")]
    TdAttributesMismatch { pin: String, expected: String, got: String },

    // Measurements.
    /// The surface lists no pins.
    #[error("surface `{surface}` pins nothing: add a [[surface.pins]] set to organism.toml")]
    NoPins { surface: String },
    /// No set matches; this is the nearest.
    #[error(
        "no pin of surface `{surface}` matches: the nearest, `{pin}`, differs in {}",
        registers.join(", ")
    )]
    MeasurementsMismatch { surface: String, pin: String, registers: Vec<String> },
    /// What a paravisor or an unmeasured guest looks like.
    #[error(
        "MRTD or all of RTMR0 to RTMR2 are zero: nothing was measured into this guest (a paravisor?)"
    )]
    Unmeasured,
    /// The set matches, but not yet.
    #[error("pin `{pin}` matches, but is accepted only from {}", At(*starts_s))]
    PinNotYetValid { pin: String, starts_s: u64 },
    /// The set matches, but no longer.
    #[error("pin `{pin}` matches, but was accepted only until {}", At(*ended_s))]
    PinExpired { pin: String, ended_s: u64 },
    /// The set matches, and was withdrawn.
    #[error("pin `{pin}` matches, and is revoked: {why}")]
    PinRevoked { pin: String, why: String },
    /// A set for simulated guests under Intel's root, or the reverse.
    #[error("pin `{pin}` is for {} guests only", if *simulated { "simulated" } else { "real" })]
    PinOtherWorld { pin: String, simulated: bool },
    /// The machine is not one of the pin's.
    #[error("platform {platform} is not in the list of pin `{pin}`")]
    PlatformNotListed { pin: String, platform: String },
    /// Too many of a committee's guests share machines.
    #[error(
        "{got} distinct platforms, surface `{surface}` wants {wanted}: move guests to other machines"
    )]
    TooFewPlatforms { surface: String, got: usize, wanted: u16 },

    // Binding.
    /// The quote was made for something else.
    #[error(
        "report_data is not what this {purpose} demands: the quote was made for another connection, key or challenge"
    )]
    ReportData { purpose: &'static str },
    /// The simulated bit and the root disagree.
    #[error("the binding says simulated = {binding}, the trust root says {root}")]
    SimulatedBit { binding: bool, root: bool },

    // Freshness.
    /// Older than the policy takes.
    #[error("the quote is {age_s} s old, the policy takes {max_age_s} s: ask for a new one")]
    QuoteTooOld { age_s: u64, max_age_s: u64 },
    /// Made later than now.
    #[error("the quote is dated {}, after now: check this node's clock", At(*made_s))]
    QuoteFromFuture { made_s: u64 },
    /// Nothing says when the quote was made.
    #[error("nothing shows when the quote was made: ask for one that answers a nonce of ours")]
    QuoteAgeUnknown,
    /// A ticket outside of its time.
    #[error(
        "the ticket holds from {} to {}: ask for one that holds now",
        At(*starts_s),
        At(*ended_s)
    )]
    TicketNotValid { starts_s: u64, ended_s: u64 },

    // Event log.
    /// The pin needs one.
    #[error("pin `{pin}` has event rules, and the peer sent no event log: it must send it")]
    EventLogMissing { pin: String },
    /// It cannot be read.
    #[error("the event log cannot be read: {detail}")]
    EventLogMalformed { detail: String },
    /// It does not explain the quote.
    #[error("the event log does not replay to {}: it is not this boot's log", registers.join(", "))]
    EventLogReplay { registers: Vec<String> },
    /// A pinned event is missing or has another value.
    #[error("the event log is not as pin `{pin}` wants it: {detail}")]
    EventRule { pin: String, detail: String },
}

fn renew(artefact: ArtefactKind) -> &'static str {
    if artefact.is_in_quote() {
        "the peer must provision its platform again"
    } else {
        "fetch collateral again"
    }
}

impl Reason {
    /// The reason's stable name, kebab-case.
    #[rustfmt::skip]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QuoteMalformed { .. } => "quote-malformed",
            Self::ParsersDisagree { .. } => "parsers-disagree",
            Self::SecondOpinion { .. } => "second-opinion-disagrees",
            Self::PckChainNotIntel { .. } => "pck-chain-not-intel",
            Self::QeReportSignature => "qe-report-signature",
            Self::QeReportBinding => "qe-report-binding",
            Self::QeIdentityMismatch { .. } => "qe-identity-mismatch",
            Self::QuoteSignature => "quote-signature",
            Self::CollateralMissing { .. } => "collateral-missing",
            Self::CollateralOtherPlatform => "collateral-other-platform",
            Self::FmspcMismatch { .. } => "fmspc-mismatch",
            Self::PceIdMismatch { .. } => "pce-id-mismatch",
            Self::PckCrlOtherCa => "pck-crl-other-ca",
            Self::NotSigned { artefact, .. } => artefact.codes().not_signed,
            Self::Expired { artefact, .. } => artefact.codes().expired,
            Self::NotYetValid { artefact, .. } => artefact.codes().not_yet_valid,
            Self::Revoked { artefact } => artefact.codes().revoked,
            Self::ClockBelowFloor { .. } => "clock-below-floor",
            Self::RolledBack { artefact: ArtefactKind::TcbInfo | ArtefactKind::QeIdentity, .. } =>
                "evaluation-number-rolled-back",
            Self::RolledBack { .. } => "crl-number-rolled-back",
            Self::TcbLevelNone => "tcb-level-none",
            Self::TcbRevoked => "tcb-revoked",
            Self::TdxModule { .. } => "tdx-module",
            Self::TcbStatusNotAllowed { .. } => "tcb-status-not-allowed",
            Self::TcbGraceEnded { .. } => "tcb-grace-ended",
            Self::AdvisoryNotAllowed { .. } => "advisory-not-allowed",
            Self::DcapOther { .. } => "dcap-other",
            Self::Debug => "td-debug",
            Self::Profiling => "td-profiling",
            Self::ReservedAttributes { .. } => "td-attributes-reserved",
            Self::Migratable => "td-migratable",
            Self::ServiceTd => "service-td",
            Self::SeptVeDisableOff => "sept-ve-disable-off",
            Self::SeamNotIntel => "seam-not-intel",
            Self::XfamMismatch { .. } => "xfam-mismatch",
            Self::TdAttributesMismatch { .. } => "td-attributes-mismatch",
            Self::NoPins { .. } => "no-pins",
            Self::MeasurementsMismatch { .. } => "measurements-mismatch",
            Self::Unmeasured => "unmeasured",
            Self::PinNotYetValid { .. } => "pin-not-yet-valid",
            Self::PinExpired { .. } => "pin-expired",
            Self::PinRevoked { .. } => "pin-revoked",
            Self::PinOtherWorld { .. } => "pin-other-world",
            Self::PlatformNotListed { .. } => "platform-not-listed",
            Self::TooFewPlatforms { .. } => "too-few-platforms",
            Self::ReportData { .. } => "report-data",
            Self::SimulatedBit { .. } => "simulated-bit",
            Self::QuoteTooOld { .. } => "quote-too-old",
            Self::QuoteFromFuture { .. } => "quote-from-future",
            Self::QuoteAgeUnknown => "quote-age-unknown",
            Self::TicketNotValid { .. } => "ticket-not-valid",
            Self::EventLogMissing { .. } => "event-log-missing",
            Self::EventLogMalformed { .. } => "event-log-malformed",
            Self::EventLogReplay { .. } => "event-log-replay",
            Self::EventRule { .. } => "event-rule",
        }
    }

    /// Whose turn it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::CollateralMissing { .. }
            | Self::CollateralOtherPlatform
            | Self::FmspcMismatch { .. }
            | Self::PceIdMismatch { .. }
            | Self::PckCrlOtherCa
            | Self::ClockBelowFloor { .. }
            | Self::QuoteFromFuture { .. } => Fault::Unavailable,
            Self::Expired { artefact, .. } | Self::NotYetValid { artefact, .. }
                if !artefact.is_in_quote() =>
            {
                Fault::Unavailable
            }
            Self::TcbLevelNone
            | Self::TcbStatusNotAllowed { .. }
            | Self::TcbGraceEnded { .. }
            | Self::AdvisoryNotAllowed { .. }
            | Self::Debug
            | Self::Profiling
            | Self::Migratable
            | Self::ServiceTd
            | Self::SeptVeDisableOff
            | Self::XfamMismatch { .. }
            | Self::TdAttributesMismatch { .. }
            | Self::NoPins { .. }
            | Self::MeasurementsMismatch { .. }
            | Self::Unmeasured
            | Self::PinNotYetValid { .. }
            | Self::PinExpired { .. }
            | Self::PinRevoked { .. }
            | Self::PinOtherWorld { .. }
            | Self::PlatformNotListed { .. }
            | Self::TooFewPlatforms { .. }
            | Self::QuoteTooOld { .. }
            | Self::QuoteAgeUnknown
            | Self::TicketNotValid { .. }
            | Self::EventLogMissing { .. }
            | Self::EventRule { .. } => Fault::Policy,
            _ => Fault::Untrusted,
        }
    }
}
