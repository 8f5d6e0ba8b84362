//! The committee's replicated state: what a log of signed commands decides.
//!
//! **Owns** signed commands and the keys they are checked with, operators' orders, what each cut's
//! signatures make of it (certificates, splits), the roster and config in force, and the file that
//! a log is exported to. **Does not own** members' records and the fold over them
//! (`holobiont-committee-fold`), nor how the log is replicated and stored. **Talks to** nobody: a
//! [`Machine`] is fed with the log's entries and answers with [`Effects`].
//!
//! # Determinism
//!
//! [`Machine::apply`] is a function of the machine, the log index and the entry's bytes. Whatever
//! is wrong with an entry drops that entry, with its reason in [`MachineEvent::Ignored`]: whoever
//! wrote it cannot stop the log, and every node drops the same.
#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod boot;
mod certificate;
mod command;
mod configs;
mod effects;
mod error;
mod export;
mod machine;
mod order;
mod signature_bytes;
mod signed;
mod signer;
mod statement;

pub use boot::enrolment_digest;
pub use certificate::{Certificate, MAX_CERTIFICATE_BYTES, NodeSignature};
pub use command::{LogCommand, MAX_BOOT_QUOTE_BYTES, MAX_CUT_SIGNATURES, MAX_ENROLMENT_BYTES};
pub use configs::Configs;
pub use effects::{Dropped, Effects, MachineEvent};
pub use error::{CertificateError, ExportError, FormatError, KeyError, MachineError, OrderError};
pub use export::{
    ExportConfigs, ExportFile, ExportReader, ExportStart, ExportWriter, MAX_EXPORT_CONFIGS,
};
pub use machine::{
    KEPT_CERTIFICATES, KEPT_CERTIFIED_CUTS, MAX_FENCED_KEYS, MAX_MACHINE_BYTES, MAX_OPEN_CUTS,
    Machine, OPEN_CUTS_BEHIND, OpenCut, certificate_quorum,
};
pub use order::{MAX_ORDER_FILE_BYTES, OperatorSignature, SignedOrder};
pub use signed::{MAX_SIGNED_BYTES, Signed};
pub use signer::{SeedKey, Signer};
pub use statement::{CutSignature, CutStatement};
