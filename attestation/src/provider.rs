use crate::{QuoteError, ReportData};

/// Where a guest's quotes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// The Linux kernel's `configfs-tsm` report interface, with provider `tdx_guest`.
    ConfigfsTdx,
    /// A fake Intel made at run time: for laptops and CI.
    Simulated,
}

impl std::fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ConfigfsTdx => "configfs-tdx",
            Self::Simulated => "simulated",
        })
    }
}

/// Makes quotes about the guest that it runs in.
///
/// Both calls block, up to a second or so: an async caller moves them to a blocking thread.
///
/// ```
/// use holobiont_attestation::{ProviderError, ProviderKind, QuoteProvider, ReportData};
///
/// struct NoGuest;
/// impl QuoteProvider for NoGuest {
///     fn kind(&self) -> ProviderKind {
///         ProviderKind::ConfigfsTdx
///     }
///     fn quote(&self, _: &ReportData) -> Result<Vec<u8>, ProviderError> {
///         Err(ProviderError::Unsupported { why: "this machine is no TDX guest".into() })
///     }
///     fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError> {
///         Ok(None)
///     }
/// }
/// assert_eq!(NoGuest.kind().to_string(), "configfs-tdx");
/// ```
pub trait QuoteProvider: Send + Sync {
    /// What this provider is. The verifier never asks: trust follows the root alone.
    fn kind(&self) -> ProviderKind;

    /// A fresh quote that binds `report_data`.
    ///
    /// # Errors
    ///
    /// [`ProviderError`].
    fn quote(&self, report_data: &ReportData) -> Result<Vec<u8>, ProviderError>;

    /// The event log that explains the guest's registers, where the platform keeps one.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], [`ProviderError::Io`], [`ProviderError::SelfCheck`].
    fn event_log(&self) -> Result<Option<Vec<u8>>, ProviderError>;
}

/// Why a guest has no quote to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The machine or its kernel has no such interface.
    #[error("no quote can be made here: {why}")]
    Unsupported {
        /// What is missing, and what to do about it.
        why: String,
    },
    /// The interface stayed busy for the whole time allowed.
    #[error(
        "the quote interface was busy for {waited_ms} ms: another process of this guest holds it, \
         or its host is overloaded; try again later"
    )]
    Busy {
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// The host gave no quote in the time allowed.
    #[error(
        "the host made no quote within {waited_ms} ms: check its quote generation service, then \
         try again"
    )]
    Timeout {
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// Somebody else wrote to the report between our write and our read.
    #[error(
        "the report was at generation {got} where {expected} was ours: another process writes to \
         it, so its quote is not used; stop that process"
    )]
    Generation {
        /// The generation that our write made.
        expected: u64,
        /// The generation that was there when the quote was read.
        got: u64,
    },
    /// The interface answers for another technology.
    #[error("the report interface belongs to `{got}`, `{expected}` is wanted: run in a TDX guest")]
    WrongProvider {
        /// The provider that answered.
        got: String,
        /// The one that is wanted.
        expected: &'static str,
    },
    /// What the interface gave is no quote.
    #[error("the host gave bytes that are no quote: check its quote generation service")]
    Malformed {
        /// Why they are no quote.
        #[from]
        source: QuoteError,
    },
    /// The quote or log of this guest does not meet what the guest demands of itself.
    #[error("this guest's own evidence fails its self-check: {why}")]
    SelfCheck {
        /// What failed, and what to do about it.
        why: String,
    },
    /// A file of the interface could not be read or written.
    #[error("cannot use `{path}`: check that this process runs as root in the guest")]
    Io {
        /// The file or directory.
        path: String,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
}
