use serde::{Deserialize, Serialize};

use super::{BootBinding, InspectBinding, Leaf, Purpose, ReportData, TicketBinding, TlsBinding};

/// The most bytes of a binding's JSON that are read.
pub const MAX_BINDING_JSON_BYTES: usize = 16 * 1024;

/// What a quote must bind, of one purpose.
///
/// As JSON it is an object of its fields, bytes in hex, with the purpose's name as `purpose`.
///
/// ```
/// use holobiont_attestation::{Binding, InspectBinding, Purpose};
///
/// let binding = Binding::Inspect(InspectBinding { simulated: false, challenge: [7; 32] });
/// let json = binding.to_json().to_string();
/// assert!(json.contains(r#""purpose":"inspect""#));
/// assert_eq!(Binding::from_json(&json)?, binding);
/// assert_eq!(binding.purpose(), Purpose::Inspect);
/// # Ok::<(), holobiont_attestation::BindingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "kebab-case")]
pub enum Binding {
    /// One side of one attested connection.
    Tls(TlsBinding),
    /// The signing key of one boot.
    Boot(BootBinding),
    /// A peer's admission to a network.
    Ticket(TicketBinding),
    /// A challenge.
    Inspect(InspectBinding),
}

impl Binding {
    /// What a quote for this binding binds.
    pub fn report_data(&self) -> ReportData {
        match self {
            Self::Tls(binding) => binding.report_data(),
            Self::Boot(binding) => binding.report_data(),
            Self::Ticket(binding) => binding.report_data(),
            Self::Inspect(binding) => binding.report_data(),
        }
    }

    /// This binding's place in a batch.
    pub fn leaf(&self) -> Leaf {
        Leaf::of(&self.report_data())
    }

    /// What the quote is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Tls(_) => Purpose::Tls,
            Self::Boot(_) => Purpose::Boot,
            Self::Ticket(_) => Purpose::Ticket,
            Self::Inspect(_) => Purpose::Inspect,
        }
    }

    /// Whether it is about simulated TDX.
    pub const fn simulated(&self) -> bool {
        match self {
            Self::Tls(binding) => binding.simulated,
            Self::Boot(binding) => binding.simulated,
            Self::Ticket(binding) => binding.simulated,
            Self::Inspect(binding) => binding.simulated,
        }
    }

    /// The binding as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        // Its keys are strings and its values text, numbers and flags: nothing that JSON lacks.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`BindingError`].
    pub fn from_json(text: &str) -> Result<Self, BindingError> {
        if text.len() > MAX_BINDING_JSON_BYTES {
            return Err(BindingError::TooLong { got: text.len(), limit: MAX_BINDING_JSON_BYTES });
        }
        serde_json::from_str(text)
            .map_err(|error| BindingError::Malformed { why: error.to_string() })
    }
}

/// Text that is no binding. Whoever wrote it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// Too long to be read at all.
    #[error("the binding has {got} bytes, at most {limit} are read: give one binding")]
    TooLong {
        /// Its length, in bytes.
        got: usize,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// Not the JSON of a binding.
    #[error("the binding cannot be read: {why}")]
    Malformed {
        /// What is wrong, and where.
        why: String,
    },
}
