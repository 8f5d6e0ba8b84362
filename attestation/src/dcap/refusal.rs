//! What `dcap-qvl` =0.7.1 means by its texts. A text that is not known here refuses all the same, as
//! `dcap-other`; a test over the simulator holds the table to the pinned version.
//!
//! Only how a text begins counts, which is `dcap-qvl`'s own: further on it may repeat what stands in a
//! document that nobody signed.

use crate::{
    Collateral, Quote, artefact::ArtefactKind, dcap::PckChain, event_log::shown, reason::Reason,
};

/// A refusal by `dcap-qvl`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// What is wrong.
    Known(Reason),
    /// One of its chains, revocation lists or dates: which, it does not say.
    Chain { text: String },
    /// The guest's attributes, which it checks after everything else.
    Attributes { text: String },
    /// Something new.
    Other { text: String },
}

const CHAIN: [&str; 13] = [
    "Failed to verify certificate chain",
    "Failed to parse root CA CRL",
    "TCBInfo issue date is in the future",
    "TCBInfo expired",
    "QE Identity issue date is in the future",
    "QE Identity expired",
    "TCB Info signer must be issued directly by the root CA",
    "QE Identity signer must be issued directly by the root CA",
    // The check of the root against its own revocation list has no words of its own.
    "CrlExpired",
    "CertRevoked",
    "UnknownRevocationStatus",
    "CertExpired",
    "CertNotValidYet",
];

const ATTRIBUTES: [&str; 7] = [
    "Debug mode is enabled",
    "TD profiling is enabled",
    "Reserved bits in TD attributes are set",
    "TD migration is enabled",
    "SERVTD_EXT is enabled",
    "SEPT_VE_DISABLE is not enabled",
    "Invalid MR service TD",
];

const QE_IDENTITY: [&str; 7] = [
    "QE MRSIGNER mismatch",
    "QE report validation failed",
    "QE ISVPRODID mismatch",
    "QE MISCSELECT mismatch",
    "QE ATTRIBUTES mismatch",
    "QE ISVSVN",
    "No TCB levels found in QE Identity",
];

/// Said of the TDX module that the guest was launched by, and, after [`CURRENT`], of today's.
const MODULE: [&str; 2] = [MODULE_IDENTITY, "TDX module TCB level check"];
const MODULE_IDENTITY: &str = "TDX module identity check";
const CURRENT: &str = "Failed to evaluate the current TDX TCB (TEE_TCB_SVN2): ";

impl Refusal {
    pub(super) fn of(text: &str, quote: &Quote, pck: &PckChain, collateral: &Collateral) -> Self {
        let begins = |texts: &[&str]| texts.iter().any(|known| text.starts_with(known));
        let level = text.strip_prefix(CURRENT).unwrap_or(text);
        let seam = quote.measurements().mrsignerseam != [0; 48]
            || quote.measurements().seam_attributes != [0; 8];
        let detail = shown(text);
        if begins(&QE_IDENTITY) {
            Self::Known(Reason::QeIdentityMismatch { detail })
        } else if begins(&ATTRIBUTES) {
            Self::Attributes { text: detail }
        } else if begins(&CHAIN) {
            Self::Chain { text: detail }
        } else if text.starts_with(MODULE_IDENTITY) && seam {
            Self::Attributes { text: detail }
        } else if MODULE.iter().any(|known| level.starts_with(known)) {
            Self::Known(Reason::TdxModule { detail })
        } else if level == "No matching TCB level found" {
            Self::Known(Reason::TcbLevelNone)
        } else {
            match plain(text, pck, collateral) {
                Some(reason) => Self::Known(reason),
                None => Self::Other { text: detail },
            }
        }
    }
}

fn plain(text: &str, pck: &PckChain, collateral: &Collateral) -> Option<Reason> {
    let not_signed = |artefact, by| Some(Reason::NotSigned { artefact, by });
    match text {
        "Signature is invalid for tcb_info in quote_collateral" => {
            not_signed(ArtefactKind::TcbInfo, "its signing certificate")
        }
        "Signature is invalid for qe_identity in quote_collateral" => {
            not_signed(ArtefactKind::QeIdentity, "its signing certificate")
        }
        "Signature is invalid for qe_report in quote" => Some(Reason::QeReportSignature),
        "QE report hash mismatch" | "Invalid QE auth data length" => Some(Reason::QeReportBinding),
        "ISV enclave report signature is invalid" => Some(Reason::QuoteSignature),
        "TCB status is invalid: Revoked" => Some(Reason::TcbRevoked),
        "Fmspc mismatch" => Some(Reason::FmspcMismatch {
            quote: pck.fmspc(),
            collateral: hex::encode(collateral.fmspc()),
        }),
        _ => None,
    }
}
