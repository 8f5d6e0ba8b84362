use holobiont_identity::versioned::{self, Refusal};
use serde::{Deserialize, Serialize};

use crate::{BatchPath, MAX_EVENT_LOG_BYTES, MAX_QUOTE_BYTES};

/// The most bytes of evidence that are written and read.
pub const MAX_EVIDENCE_BYTES: usize = 1024 * 1024;

const VERSION: u8 = 1;

/// What one peer shows another of itself: a quote, the log that explains its registers, and the
/// path of the binding where the quote answers many at once.
///
/// The log is raw: CCEL binary or dstack JSON. Cut a CCEL to the
/// [`size_bytes`](crate::EventLog::size_bytes) that are in use before it is sent.
///
/// *Limits*: [`MAX_EVIDENCE_BYTES`] encoded, [`MAX_QUOTE_BYTES`] and [`MAX_EVENT_LOG_BYTES`] of
/// the parts.
///
/// ```
/// use holobiont_attestation::Evidence;
///
/// let evidence = Evidence { quote: vec![4, 0], event_log: None, batch: None };
/// assert_eq!(Evidence::decode(&evidence.encode()?)?, evidence);
/// # Ok::<(), holobiont_attestation::EvidenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The quote, as the provider gave it.
    pub quote: Vec<u8>,
    /// The event log, where the platform keeps one.
    pub event_log: Option<Vec<u8>>,
    /// Where the quote binds a batch: the path of this peer's leaf.
    pub batch: Option<BatchPath>,
}

/// Bytes that are no evidence, or evidence too large to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A part is longer than its limit.
    #[error("the {part} has {got} bytes, at most {limit} are allowed: refuse its sender")]
    TooLong {
        /// The part, or the evidence as a whole.
        part: &'static str,
        /// Its length, in bytes.
        got: usize,
        /// The most that is allowed, in bytes.
        limit: usize,
    },
    /// A version that this build does not know.
    #[error("the evidence has version {got}, {VERSION} is read: one side runs another release")]
    Version {
        /// The version.
        got: u8,
    },
    /// No evidence, or not its one encoding.
    #[error("the evidence cannot be decoded: refuse its sender")]
    Malformed,
}

impl Evidence {
    /// The bytes to send: a version byte, then `postcard`.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::TooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        self.bounded()?;
        let bytes = versioned::encode(VERSION, self);
        at_most("evidence", bytes.len(), MAX_EVIDENCE_BYTES)?;
        Ok(bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        at_most("evidence", bytes.len(), MAX_EVIDENCE_BYTES)?;
        let evidence: Self =
            versioned::decode(VERSION, bytes).map_err(|refusal| match refusal {
                Refusal::UnknownVersion(got) => EvidenceError::Version { got },
                Refusal::Malformed => EvidenceError::Malformed,
            })?;
        evidence.bounded()?;
        Ok(evidence)
    }

    fn bounded(&self) -> Result<(), EvidenceError> {
        at_most("quote", self.quote.len(), MAX_QUOTE_BYTES)?;
        at_most("event log", self.event_log.as_ref().map_or(0, Vec::len), MAX_EVENT_LOG_BYTES)
    }
}

const fn at_most(part: &'static str, got: usize, limit: usize) -> Result<(), EvidenceError> {
    if got > limit { Err(EvidenceError::TooLong { part, got, limit }) } else { Ok(()) }
}
