//! Quotes, collateral, pins and verdicts: may this peer be trusted, and if not, why not.
//!
//! **Owns**: the bounded parser of TDX quotes ([`Quote`]) and event logs ([`EventLog`]); the bytes
//! that a quote must bind ([`Binding`], [`ReportData`], [`Batch`]); typed collateral
//! ([`Collateral`]) and the marks that only go up ([`Marks`]); the [`Verifier`], which runs the
//! full DCAP check and this surface's policy, and its [`Verdict`], with every reason.
//!
//! **Does not own**: pins as configuration (`holobiont-identity`), the network, files, the clock
//! (`now` is an argument), and where quotes come from ([`QuoteProvider`] is the trait alone).
//!
//! **Talks to**: nothing. Bytes, collateral, policy and the time come in, a verdict comes out.
//!
//! `dcap-qvl` does the DCAP check, and its feature `danger-allow-tcb-override` must never be on
//! in any build of the workspace: a house test reads the resolved features.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod artefact;
mod at;
mod batch;
mod certificates;
mod codec;
mod collateral;
mod crypto;
mod dcap;
mod event_log;
mod evidence;
mod marks;
mod policy;
mod provider;
mod quote;
mod reader;
mod reason;
mod render;
mod report_data;
#[cfg(feature = "second-opinion")]
mod second_opinion;
mod trust;
mod verdict;
mod verifier;

pub use artefact::{Artefact, ArtefactKind};
pub use at::At;
pub use batch::{Batch, BatchError, BatchPath, MAX_BATCH_LEAVES};
pub use certificates::{MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES};
pub use collateral::{
    Collateral, CollateralError, CollateralParts, MAX_COLLATERAL_BYTES, MAX_CRL_BYTES,
    MAX_DOCUMENT_BYTES, PckCa,
};
pub use crypto::{MAX_REMEMBERED_SIGNATURES, SignatureChecks};
pub use dcap::claimed_platform;
pub use event_log::{
    Event, EventDifference, EventLog, EventLogError, EventMismatch, MAX_EVENT_LOG_BYTES, MAX_EVENTS,
};
pub use evidence::{Evidence, EvidenceError, MAX_EVIDENCE_BYTES};
pub use marks::{MAX_MARKS_BYTES, Marks, MarksError};
pub use policy::{PinMatch, check_attributes, match_pins, match_pins_and_log};
pub use provider::{ProviderError, ProviderKind, QuoteProvider};
pub use quote::{BodyKind, MAX_QUOTE_BYTES, Measurements, Quote, QuoteError, QuoteVersion};
pub use reason::{Fault, Reason};
pub use report_data::{
    Binding, BindingError, BootBinding, InspectBinding, Leaf, MAX_BINDING_JSON_BYTES, Purpose,
    ReportData, Role, TicketBinding, TlsBinding,
};
pub use trust::{INTEL_ROOT_SHA256, Intel, TrustRoot};
pub use verdict::{
    Check, CheckResult, Expiry, Outcome, Platform, RegisterRow, TcbReport, Verdict,
    check_distinct_platforms, distinct_platforms,
};
pub use verifier::{Ask, Verifier};
