use crate::reader::Short;

/// Bytes that are no event log that we read. Whoever sent them is at fault: nothing of them is
/// used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// Too long to be read at all.
    #[error("the event log has {got} bytes, at most {limit} are read: cut its padding off")]
    TooLong {
        /// Its length, in bytes.
        got: usize,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// Too many events.
    #[error("the event log has more than {limit} events: refuse its sender")]
    TooManyEvents {
        /// The most that is read.
        limit: usize,
    },
    /// Neither of the two forms.
    #[error("the event log is neither a CCEL, which opens with a Spec ID event, nor a JSON list")]
    UnknownForm,
    /// The bytes end inside a field.
    #[error(
        "the event log ends inside its {field}: {wanted} bytes are wanted at {at}, {left} are \
         left; read it again from the guest"
    )]
    Truncated {
        /// What was being read.
        field: &'static str,
        /// Offset of the field, in bytes.
        at: usize,
        /// Length of the field, in bytes.
        wanted: usize,
        /// How many bytes are left for it.
        left: usize,
    },
    /// The first event of a CCEL does not say what the others are made of.
    #[error("the event log's Spec ID event is wrong: {why}")]
    SpecId {
        /// What is wrong.
        why: &'static str,
    },
    /// An event is hashed in a way that the log did not announce.
    #[error(
        "event {index} has a digest of algorithm {algorithm:#x}, which the log never announced"
    )]
    Algorithm {
        /// The event's number, from 0.
        index: u32,
        /// The TCG algorithm id.
        algorithm: u16,
    },
    /// An event without the one digest that a TDX register is extended with.
    #[error("event {index} has {got} SHA-384 digests, 1 is wanted")]
    Digests {
        /// The event's number, from 0.
        index: u32,
        /// How many SHA-384 digests it has.
        got: u32,
    },
    /// An event of a register that TDX does not have.
    #[error("event {index} extends register {got}, which is none of RTMR0 to RTMR3")]
    Register {
        /// The event's number, from 0.
        index: u32,
        /// The register, as the log numbers it.
        got: u32,
    },
    /// Something other than padding follows the last event.
    #[error("the event log goes on after its end at {at}: only padding may follow")]
    Trailing {
        /// Offset of the end, in bytes.
        at: usize,
    },
    /// A JSON log that is not of dstack's form.
    #[error("the JSON event log cannot be read: {why}")]
    Json {
        /// What is wrong, and where.
        why: String,
    },
}

impl From<Short> for EventLogError {
    fn from(Short { field, at, wanted, left }: Short) -> Self {
        Self::Truncated { field, at, wanted, left }
    }
}
