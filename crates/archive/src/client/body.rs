use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::ClientError;
use super::connection::Connection;
use crate::limits::ANSWER_MS;

/// An answer that comes piece by piece. The peer sends no more than is read, but for a window.
pub struct Body {
    incoming: Incoming,
    connection: Arc<Connection>,
}

impl Body {
    pub(super) const fn new(incoming: Incoming, connection: Arc<Connection>) -> Self {
        Self { incoming, connection }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    ///
    /// [`ClientError::Broken`], [`ClientError::Attestation`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.incoming.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.connection.broken(&error)),
                Some(Ok(frame)) => {
                    // The end may come as data without a byte.
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All of it, in time: a peer may begin an answer and never end it.
    pub(super) async fn whole(self, limit_bytes: usize) -> Result<Bytes, ClientError> {
        let whole = timeout(Duration::from_millis(ANSWER_MS), self.read_all(limit_bytes)).await;
        let late = ClientError::TimedOut { what: "end of its answer", limit_ms: ANSWER_MS };
        whole.unwrap_or(Err(late))
    }

    async fn read_all(mut self, limit_bytes: usize) -> Result<Bytes, ClientError> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len().saturating_add(chunk.len()) > limit_bytes {
                return Err(ClientError::TooLong { limit_bytes });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
