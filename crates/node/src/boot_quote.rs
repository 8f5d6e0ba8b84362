//! What ties a boot key in the committee's log to measured code: the quote of its boot.

use holobiont_attestation::{Binding, BootBinding};
use holobiont_committee::enrolment_digest;
use holobiont_identity::UniqueId;
use holobiont_identity::pins::{Pin, SurfacePins};

/// What a boot's quote must be made for.
pub(crate) fn binding(
    simulated: bool,
    organism: &UniqueId,
    node: &UniqueId,
    key: &[u8; 32],
    enrolment: &[u8],
) -> Binding {
    Binding::Boot(BootBinding {
        simulated,
        node: *node.as_bytes(),
        boot_key: key.to_vec(),
        enrolment: *enrolment_digest(organism, enrolment).as_bytes(),
    })
}

/// Whether these pins can only be met by who shows an event log, too. Otherwise none is written into
/// the committee's log: it is ten times as long as the quote.
pub(crate) fn asks_for_log(pins: &SurfacePins) -> bool {
    pins.sets.iter().any(Pin::asks_for_log)
}
