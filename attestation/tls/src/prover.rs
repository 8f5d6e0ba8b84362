use std::sync::{Arc, Mutex, PoisonError};

use holobiont_attestation::{
    BatchError, Evidence, EvidenceError, ProviderError, ProviderKind, QuoteProvider, TlsBinding,
};

/// Makes this node's evidence for one connection.
pub trait Prover: Send + Sync {
    /// Whether the evidence is a simulator's. The protocol's name and the binding follow it, and
    /// an endpoint refuses a prover and an appraiser that differ.
    fn simulated(&self) -> bool;

    /// Evidence that is bound to `binding`. Blocks for up to a second or so: the connection calls
    /// it on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`ProverError`].
    fn evidence(&self, binding: &TlsBinding) -> Result<Evidence, ProverError>;
}

/// Why this node has no evidence to show.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProverError {
    /// The guest's quote interface failed.
    #[error("{source}")]
    Provider {
        /// What it says. Shared: one failed quote answers every peer of a batch.
        source: Arc<ProviderError>,
    },
    /// The pending connections do not fit a batch.
    #[error("the pending connections do not make a batch: {source}")]
    Batch {
        /// What does not fit.
        source: Arc<BatchError>,
    },
    /// The thread that made the quote for several connections ended without one.
    #[error("the quote provider ended without an answer: see this node's log, then try again")]
    Abandoned,
    /// The quote, its log and its batch path are more than a peer takes.
    #[error("this node's evidence cannot be sent: {source}")]
    Evidence {
        /// What is too long.
        source: EvidenceError,
    },
    /// The binding says simulated and the provider is not, or the reverse.
    #[error(
        "this node's quote provider is {provider}, the connection is not: configure both alike"
    )]
    OtherTrust {
        /// The provider's kind.
        provider: ProviderKind,
    },
}

impl ProverError {
    pub(crate) fn provider(source: ProviderError) -> Self {
        Self::Provider { source: Arc::new(source) }
    }
}

/// Refuses a binding of the other world before a quote is spent on it.
pub(crate) fn same_trust(
    provider: &dyn QuoteProvider,
    binding: &TlsBinding,
) -> Result<(), ProverError> {
    let provider = provider.kind();
    if (provider == ProviderKind::Simulated) == binding.simulated {
        Ok(())
    } else {
        Err(ProverError::OtherTrust { provider })
    }
}

/// One quote for each connection, one at a time.
///
/// Enough for a node with a peer or two; [`BatchingProver`](crate::BatchingProver) answers many
/// with one quote.
pub struct QuoteProver {
    provider: Arc<dyn QuoteProvider>,
    // A guest makes one quote at a time: callers wait here, not inside the kernel.
    turn: Mutex<()>,
}

impl QuoteProver {
    /// A prover over this guest's quotes.
    pub fn new(provider: Arc<dyn QuoteProvider>) -> Self {
        Self { provider, turn: Mutex::new(()) }
    }
}

impl Prover for QuoteProver {
    fn simulated(&self) -> bool {
        self.provider.kind() == ProviderKind::Simulated
    }

    fn evidence(&self, binding: &TlsBinding) -> Result<Evidence, ProverError> {
        same_trust(&*self.provider, binding)?;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let quote = self.provider.quote(&binding.report_data()).map_err(ProverError::provider)?;
        let event_log = self.provider.event_log().map_err(ProverError::provider)?;
        Ok(Evidence { quote, event_log, batch: None })
    }
}

impl std::fmt::Debug for QuoteProver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuoteProver").field("provider", &self.provider.kind()).finish()
    }
}
