use std::io;
use std::sync::Arc;

use crate::ProverError;
use crate::exchange::{ExchangeError, FrameKind, Refusal};

/// Why there is no attested connection, or no longer.
///
/// Sticky: once a connection has one, every later read and write gives it again, inside an
/// [`io::Error`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Too many connections are open that have not attested yet.
    #[error(
        "{limit} connections have not attested yet, no more are taken: find out who opens them"
    )]
    Busy {
        /// The limit that is reached.
        limit: usize,
    },
    /// The peer did not finish in time.
    #[error("the peer did not finish its {phase} within {limit_ms} ms")]
    TimedOut {
        /// What was under way.
        phase: &'static str,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The connection broke.
    #[error("the connection broke: {source}")]
    Io {
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// TLS could not be set up on this side.
    #[error("attested TLS cannot be set up: {source}")]
    Setup {
        /// What TLS says.
        source: rustls::Error,
    },
    /// The TLS connection is not one of this protocol.
    #[error("the peer's TLS connection is refused: {why}")]
    Handshake {
        /// What is wrong with it.
        why: &'static str,
    },
    /// One part of this node is simulated and another is not.
    #[error(
        "the endpoint, prover and appraiser of this node disagree on whether TDX is simulated: configure all three alike"
    )]
    MixedTrust,
    /// The peer ended the connection before it attested.
    #[error("the peer ended the connection before it attested")]
    Closed,
    /// The peer's bytes are not frames.
    #[error("the peer broke the protocol: {source}")]
    Exchange {
        /// What is wrong with them.
        source: ExchangeError,
    },
    /// The peer sent a frame that may not come at this point.
    #[error("the peer broke the protocol: a {kind} frame may not come here")]
    OutOfOrder {
        /// The frame's kind.
        kind: FrameKind,
    },
    /// The peer did not pass, and was told so.
    #[error("this node refused the peer: {refusal}")]
    Refused {
        /// What the peer was told.
        refusal: Refusal,
    },
    /// The peer says that this node did not pass.
    #[error("the peer refused this node: {refusal}")]
    RefusedByPeer {
        /// What the peer says.
        refusal: Refusal,
    },
    /// This node could not make its own evidence.
    #[error("this node cannot attest: {source}")]
    Prover {
        /// Why not.
        source: ProverError,
    },
    /// The verdict on the peer has expired, and it has not attested anew.
    #[error("the verdict on the peer expired at {expired_s}, it is {now_s}: connect again")]
    Expired {
        /// When it expired, in seconds since 1970.
        expired_s: u64,
        /// The clock, in seconds since 1970.
        now_s: u64,
    },
    /// The connection's own encryption or a job of this node failed.
    #[error("this node could not go on: {what}")]
    Internal {
        /// What failed.
        what: &'static str,
    },
}

impl TlsError {
    pub(crate) fn io(source: io::Error) -> Self {
        Self::Io { source: Arc::new(source) }
    }

    /// What the peer is told when this ends the connection; `None` where it cannot hear or needs
    /// not.
    pub(crate) fn farewell(&self) -> Option<Refusal> {
        Some(match self {
            Self::Refused { refusal } => refusal.clone(),
            Self::Exchange { .. } | Self::OutOfOrder { .. } => {
                Refusal::new("protocol", &self.to_string().replacen("the peer", "you", 1))
            }
            Self::TimedOut { phase, limit_ms } => {
                Refusal::new("timed-out", &format!("no {phase} within {limit_ms} ms"))
            }
            Self::Expired { .. } => Refusal::new("expired", "the verdict on you has expired"),
            // Details of this guest are for its own operator.
            Self::Prover { .. } => Refusal::new("no-evidence", "this node cannot attest now"),
            Self::Internal { .. } => Refusal::new("internal", "this node could not go on"),
            _ => return None,
        })
    }
}

impl From<ExchangeError> for TlsError {
    fn from(source: ExchangeError) -> Self {
        Self::Exchange { source }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match &error {
            TlsError::Io { source } => source.kind(),
            TlsError::TimedOut { .. } => io::ErrorKind::TimedOut,
            TlsError::Exchange { .. } | TlsError::OutOfOrder { .. } => io::ErrorKind::InvalidData,
            TlsError::Expired { .. }
            | TlsError::Refused { .. }
            | TlsError::RefusedByPeer { .. } => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
