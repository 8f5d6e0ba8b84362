use super::{Event, kind, meaning::meaning};

/// An event as a log has it, before its digest is compared with what it says.
pub(super) struct RawEvent<'a> {
    pub(super) index: u32,
    pub(super) rtmr: u8,
    pub(super) kind: u32,
    pub(super) digest: [u8; 48],
    pub(super) runtime_name: &'a str,
    pub(super) payload: &'a [u8],
}

impl RawEvent<'_> {
    /// None for an event that extends nothing.
    pub(super) fn read(self) -> Option<Event> {
        let Self { index, rtmr, kind, digest, runtime_name, payload } = self;
        (kind != kind::NO_ACTION).then(|| {
            Event::new(index, rtmr, kind, digest, meaning(kind, runtime_name, payload, &digest))
        })
    }
}
