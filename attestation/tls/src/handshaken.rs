use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use holobiont_attestation::Role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use crate::channel::{Channel, Handshake};
use crate::gate::Pass;
use crate::{Attested, Session, TlsError};

/// A connection whose TLS handshake is over and whose peer has proven nothing but its key.
///
/// It has no way to read or write: only [`attest`](Self::attest) leads on.
///
/// ```compile_fail
/// use holobiont_attestation_tls::Handshaken;
/// use tokio::io::AsyncReadExt;
///
/// async fn first_byte(mut peer: Handshaken<tokio::net::TcpStream>) -> std::io::Result<u8> {
///     peer.read_u8().await
/// }
/// ```
pub struct Handshaken<S> {
    pub(crate) tls: Handshake<S>,
    pub(crate) deadline: Instant,
    pub(crate) pass: Option<Pass>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Handshaken<S> {
    /// The first mutual attestation, within what is left of [`Limits::deadline_ms`].
    ///
    /// The client's evidence is judged before the server makes its own.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a refusal of either side is the same on both.
    ///
    /// [`Limits::deadline_ms`]: crate::Limits::deadline_ms
    pub async fn attest(self, session: Arc<Session>) -> Result<Attested<S>, TlsError> {
        let simulated = self.tls.simulated;
        if session.prover.simulated() != simulated || session.appraiser.simulated() != simulated {
            return Err(TlsError::MixedTrust);
        }
        let limit_ms = self.tls.limits.deadline_ms;
        let mut channel = Channel::new(self.tls, session, self.pass)?;
        let first = timeout_at(self.deadline, poll_fn(|cx| channel.poll_attested(cx))).await;
        let standing = match first {
            Ok(standing) => standing?,
            Err(_) => {
                channel.end(TlsError::TimedOut { phase: "attestation", limit_ms });
                poll_fn(|cx| channel.poll_attested(cx)).await?
            }
        };
        Ok(Attested::new(channel, standing))
    }
}

impl<S> Handshaken<S> {
    /// The key that the peer used in TLS, SubjectPublicKeyInfo in DER. Who holds it is not known
    /// yet.
    pub fn peer_key(&self) -> &[u8] {
        &self.tls.peer_key
    }

    /// Which side this is.
    pub const fn role(&self) -> Role {
        self.tls.role
    }
}

impl<S> fmt::Debug for Handshaken<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshaken").field("role", &self.tls.role).finish_non_exhaustive()
    }
}
