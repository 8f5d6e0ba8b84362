//! What must hold in every run, one file each.

mod acknowledged;
mod logs_agree;
mod minority;
mod no_panic;
mod one_certificate;
mod one_signature;
mod outputs_equal;
mod replayed;
mod statuses_agree;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use logs_agree::LogsAgree;
pub(crate) use minority::Minority;
pub(crate) use no_panic::no_panic;
pub(crate) use one_certificate::OneCertificate;
pub(crate) use one_signature::one_signature;
pub(crate) use outputs_equal::outputs_equal;
pub(crate) use replayed::replayed;
pub(crate) use statuses_agree::StatusesAgree;

/// What an invariant says when it does not hold.
pub(crate) type Verdict = Result<(), String>;

/// Those that watch a run as it goes.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    pub(crate) one_certificate: OneCertificate,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) minority: Minority,
    pub(crate) logs_agree: LogsAgree,
    pub(crate) statuses_agree: StatusesAgree,
}
