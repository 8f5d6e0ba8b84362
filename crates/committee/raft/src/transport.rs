use std::future::Future;

use holobiont_identity::UniqueId;

/// The longest request and the longest answer, in bytes.
pub const MAX_RPC_BYTES: usize = 8 << 20;

/// The way to the other nodes: one request, one answer.
///
/// Whoever implements it has verified the peer: an answer comes from the node that was asked, and a
/// request is handed to [`Node::answer`](crate::Node::answer) only with the id of the node that sent
/// it. It bounds how long a call takes.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Asks a node.
    ///
    /// # Errors
    ///
    /// [`TransportError`] where no answer came. The request may have been acted on all the same.
    fn call(
        &self,
        to: UniqueId,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, TransportError>> + Send;
}

/// Why a peer did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection, or it broke, or the answer did not come in time.
    #[error("the peer is not reachable: {why}")]
    Unreachable {
        /// What happened.
        why: String,
    },
    /// One of the two refuses the other.
    #[error("refused ({code}): {text}")]
    Refused {
        /// The reason's code.
        code: String,
        /// The reason in words.
        text: String,
    },
}
