use std::io;
use std::sync::Arc;

use holobiont_attestation_tls::{Refusal, TlsError};

use crate::{Problem, SamePlatform};

/// Why a peer has not answered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody takes connections there.
    #[error("{address} cannot be reached: {source}; is it running, and is this its address?")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// One side's attestation was refused by the other.
    #[error("no attested connection to {address}: {source}")]
    Attestation {
        /// Where.
        address: String,
        /// Who refused, and why.
        source: TlsError,
    },
    /// The peer attested, and its machine is another node's too.
    #[error("no connection to {address}: {source}")]
    SamePlatform {
        /// Where.
        address: String,
        /// Which.
        source: SamePlatform,
    },
    /// The connection has ended.
    #[error("the connection to {address} has ended: {why}; it is made anew")]
    Broken {
        /// Where.
        address: String,
        /// What HTTP/2 says.
        why: String,
    },
    /// No answer came in time.
    #[error("the peer gave no {what} within {limit_ms} ms")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// The peer answered that it will not.
    #[error("the peer refuses: {problem}")]
    Status {
        /// What it says.
        problem: Box<Problem>,
    },
    /// The answer is longer than any that is right.
    #[error("the peer's answer is longer than {limit_bytes} bytes: it is refused")]
    TooLong {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// The request cannot be made; this node is at fault.
    #[error("no request can be made of `{path}`: {why}")]
    Request {
        /// The path.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl ClientError {
    /// The problem that the peer answered with, where it did.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Status { problem } => Some(problem),
            _ => None,
        }
    }

    /// The refusal of either side's attestation, where that is the reason.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Attestation {
                source: TlsError::Refused { refusal } | TlsError::RefusedByPeer { refusal },
                ..
            } => Some(refusal),
            _ => None,
        }
    }
}
