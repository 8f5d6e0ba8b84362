use crate::QuoteForm;
use crate::dates::Span;

/// Everything that a fake Intel, its platforms, its guests and the one who asks are made of, as
/// far as it can be wrong. The default is all well, and each [`Fault`](crate::Fault) turns one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knobs {
    pub(crate) spans: Spans,
    pub(crate) revoked: Option<Certified>,
    /// Whose signature is not its signer's.
    pub(crate) forged: Option<Signed>,
    pub(crate) chain: Chain,
    pub(crate) documents: Documents,
    pub(crate) platform: PlatformKnobs,
    pub(crate) body: BodyKnobs,
    pub(crate) form: QuoteForm,
    pub(crate) ask: Option<Asked>,
}

/// Where each validity lies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    pub(crate) root: Span,
    pub(crate) pck_ca: Span,
    pub(crate) pck: Span,
    pub(crate) tcb_signer: Span,
    pub(crate) tcb_info: Span,
    pub(crate) qe_identity: Span,
    pub(crate) root_crl: Span,
    pub(crate) pck_crl: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certified {
    Root,
    PckCa,
    /// That of platform 0.
    Pck,
    TcbSigner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    TcbInfo,
    QeIdentity,
    RootCrl,
    PckCrl,
    QeReport,
    Body,
    /// The quoting enclave vouches for another attestation key.
    AttestationKey,
}

/// What the certificates lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chain {
    #[default]
    Well,
    /// The quote carries no certificate.
    Missing,
    /// The quote's chain ends in another root of the same name.
    OtherRoot,
    /// A certificate stands between the root and the signer of the documents.
    SignerBelow,
    /// The revocation list is the other PCK CA's.
    OtherCrl,
}

#[derive(Clone, Debug)]
pub(crate) struct Documents {
    /// Of the platform's own TCB level, in Intel's spelling.
    pub(crate) status: &'static str,
    pub(crate) tcb_evaluation: u32,
    pub(crate) qe_evaluation: u32,
    pub(crate) root_crl_number: u64,
    pub(crate) pck_crl_number: u64,
    pub(crate) other_fmspc: bool,
    pub(crate) other_pce_id: bool,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            status: "UpToDate",
            tcb_evaluation: 20,
            qe_evaluation: 20,
            root_crl_number: 7,
            pck_crl_number: 7,
            other_fmspc: false,
            other_pce_id: false,
        }
    }
}

/// SVNs are up to date at their default; see the levels in `documents.rs`.
#[derive(Clone, Debug)]
pub(crate) struct PlatformKnobs {
    pub(crate) pce_svn: u16,
    pub(crate) qe_isv_svn: u16,
    pub(crate) qe_other_signer: bool,
    pub(crate) qe_debug: bool,
    pub(crate) module_version: u8,
    /// The TDX module's SVN when the guest was launched, and now.
    pub(crate) module_launched: u8,
    pub(crate) module_current: u8,
}

impl Default for PlatformKnobs {
    fn default() -> Self {
        Self {
            pce_svn: 11,
            qe_isv_svn: 4,
            qe_other_signer: false,
            qe_debug: false,
            module_version: 1,
            module_launched: 5,
            module_current: 5,
        }
    }
}

/// What a quote's body differs in from what the image measures to.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyKnobs {
    /// Bits of the TD attributes that are turned over.
    pub(crate) attributes: u64,
    /// Bits of XFAM that are turned over.
    pub(crate) xfam: u64,
    pub(crate) seam_signer: bool,
    pub(crate) seam_attributes: bool,
    pub(crate) service_td: bool,
    /// One bit of this register is turned over.
    pub(crate) register: Option<Register>,
    pub(crate) log: Log,
    pub(crate) end: End,
    /// The quote answers another question than the one asked.
    pub(crate) other_question: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    Mrtd,
    Rtmr(usize),
    MrConfigId,
    MrOwner,
    MrOwnerConfig,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Log {
    #[default]
    Well,
    Missing,
    /// One event's digest is not what was extended.
    Tampered,
    /// Not a log at all.
    Garbage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Well,
    Cut,
    TrailingByte,
}

/// What is wrong about the asking: pins, marks and times, not what Intel or the guest say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Something newer was seen: the marks stand above what is shown.
    MarksAhead,
    /// The clock stands before a date that was seen signed.
    ClockBehind,
    NoCollateral,
    /// The rules accept every status, for a day.
    StatusAllowed,
    /// That, and the pin accepts no advisory.
    NoAdvisory,
    NoPins,
    PinLater,
    PinOver,
    PinRevoked,
    PinOfRealGuests,
    /// The pin lists machines, and not this one.
    OtherPlatform,
    /// The surface wants two machines.
    TwoPlatforms,
    /// The question has the simulated bit off.
    RealGuests,
    QuoteOld,
    QuoteFromFuture,
    QuoteAgeUnknown,
    /// The pin names an event as the image measures it.
    OwnEvent,
    /// The pin names an event whose value is another.
    OtherEvent,
}
