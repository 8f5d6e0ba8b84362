use std::fmt;

/// One dated, signed part of what a quote is checked with.
///
/// *Limits*: times are unix seconds; a certificate's `next_update_s` is its `notAfter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// What it is, as [`ArtefactKind`] displays it.
    pub name: &'static str,
    /// From when it is valid: `issueDate`, `thisUpdate` or `notBefore`.
    pub issued_s: u64,
    /// Its last valid second.
    pub next_update_s: u64,
    /// `tcbEvaluationDataNumber` or CRL number, where it has one.
    pub number: Option<u64>,
    pub(crate) kind: ArtefactKind,
}

impl Artefact {
    pub(crate) const fn new(
        kind: ArtefactKind,
        (issued_s, next_update_s): (u64, u64),
        number: Option<u64>,
    ) -> Self {
        Self { name: kind.name(), issued_s, next_update_s, number, kind }
    }
}

/// The parts that a quote is checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ArtefactKind {
    /// Intel's list of TCB levels for one FMSPC.
    TcbInfo,
    /// Intel's description of the TD quoting enclave.
    QeIdentity,
    /// The root's revocation list.
    RootCrl,
    /// The revocation list of the CA that issues PCK certificates.
    PckCrl,
    /// The certificate that signs the TCB info.
    TcbSigner,
    /// The certificate that signs the QE identity.
    QeIdentitySigner,
    /// The CA certificate that came with the PCK revocation list.
    PckCrlIssuer,
    /// The CA certificate in the quote that issued the PCK certificate.
    PckCa,
    /// The platform's own certificate, in the quote.
    PckCertificate,
    /// The root certificate.
    Root,
}

/// The stable reason codes of one artefact.
pub(crate) struct Codes {
    pub(crate) expired: &'static str,
    pub(crate) not_yet_valid: &'static str,
    pub(crate) revoked: &'static str,
    pub(crate) not_signed: &'static str,
}

macro_rules! codes {
    ($prefix:literal) => {
        Codes {
            expired: concat!($prefix, "-expired"),
            not_yet_valid: concat!($prefix, "-not-yet-valid"),
            revoked: concat!($prefix, "-revoked"),
            not_signed: concat!($prefix, "-signature"),
        }
    };
}

impl ArtefactKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TcbInfo => "TCB info",
            Self::QeIdentity => "QE identity",
            Self::RootCrl => "root CRL",
            Self::PckCrl => "PCK CRL",
            Self::TcbSigner => "TCB signing certificate",
            Self::QeIdentitySigner => "QE identity signing certificate",
            Self::PckCrlIssuer => "PCK CRL issuer certificate",
            Self::PckCa => "PCK CA certificate",
            Self::PckCertificate => "PCK certificate",
            Self::Root => "root certificate",
        }
    }

    pub(crate) const fn codes(self) -> Codes {
        match self {
            Self::TcbInfo => codes!("tcb-info"),
            Self::QeIdentity => codes!("qe-identity"),
            Self::RootCrl => codes!("root-crl"),
            Self::PckCrl => codes!("pck-crl"),
            Self::TcbSigner => codes!("tcb-signer"),
            Self::QeIdentitySigner => codes!("qe-identity-signer"),
            Self::PckCrlIssuer => codes!("pck-crl-issuer"),
            Self::PckCa => codes!("pck-ca"),
            Self::PckCertificate => codes!("pck-certificate"),
            Self::Root => codes!("root"),
        }
    }

    /// Whether it comes with the quote, and so is the peer's to renew.
    pub(crate) const fn is_in_quote(self) -> bool {
        matches!(self, Self::PckCa | Self::PckCertificate)
    }
}

impl fmt::Display for ArtefactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
