mod ccel;
mod difference;
mod dstack;
mod error;
mod event;
mod kind;
mod meaning;
mod raw;
mod rule;
mod text;

use sha2::{Digest as _, Sha384};

pub(crate) use self::text::shown;
pub use self::{
    difference::EventDifference, error::EventLogError, event::Event, rule::EventMismatch,
};

/// The most bytes of an event log that are read. Google Cloud's has 256 KiB, most of it padding.
pub const MAX_EVENT_LOG_BYTES: usize = 1024 * 1024;
/// The most events of a log that are read.
pub const MAX_EVENTS: usize = 4096;

/// What a guest's registers were extended with, and why: a CCEL in its binary form, or dstack's
/// JSON list.
///
/// A log is a claim. It is believed when it [replays](Self::replay) to the registers of a quote that
/// is; and of an event only what its digest covers ([`Event::value`]).
///
/// *Limits*: [`MAX_EVENT_LOG_BYTES`], [`MAX_EVENTS`].
///
/// ```
/// use holobiont_attestation::EventLog;
///
/// let json = format!(r#"[{{"imr": 3, "event_type": 4, "digest": "{}"}}]"#, "00".repeat(48));
/// let log = EventLog::parse(json.as_bytes())?;
/// assert_eq!(log.events().len(), 1);
/// assert_ne!(log.replay()[3], [0; 48]);
/// # Ok::<(), holobiont_attestation::EventLogError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    events: Vec<Event>,
    size_bytes: usize,
}

impl EventLog {
    /// Reads a log of either form.
    ///
    /// # Errors
    ///
    /// [`EventLogError`], the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventLogError> {
        if bytes.len() > MAX_EVENT_LOG_BYTES {
            let (got, limit) = (bytes.len(), MAX_EVENT_LOG_BYTES);
            return Err(EventLogError::TooLong { got, limit });
        }
        let (events, size_bytes) = match bytes.trim_ascii_start() {
            [b'[', ..] => (dstack::parse(bytes)?, bytes.len()),
            _ => ccel::parse(bytes)?,
        };
        Ok(Self { events, size_bytes })
    }

    /// The events that extend a register, in the log's order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many bytes of the log are in use: a CCEL cut to them is the same log.
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The four registers as this log leaves them: `RTMR = SHA-384(RTMR ‖ digest)` from zero.
    pub fn replay(&self) -> [[u8; 48]; 4] {
        let mut registers = [[0; 48]; 4];
        for event in &self.events {
            if let Some(register) = registers.get_mut(usize::from(event.rtmr)) {
                let hasher = Sha384::new().chain_update(*register).chain_update(event.digest);
                *register = hasher.finalize().into();
            }
        }
        registers
    }

    /// Where two logs differ, register by register. The [`first`](EventDifference::first) of a
    /// register says why its values differ.
    pub fn diff(&self, other: &Self) -> Vec<EventDifference> {
        difference::diff(self, other)
    }
}
