use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use holobiont_attestation::Role;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::channel::{Handshake, soon};
use crate::gate::{Gate, Pass};
use crate::transport::{SERVER_NAME, client_config, peer_key, server_config};
use crate::{BootKey, Clock, Handshaken, Limits, TlsError};

/// This node's end of every attested connection: its key, its clock, its limits.
///
/// Cheap to clone; clones share the count of connections that have not attested yet.
///
/// ```
/// use std::sync::Arc;
///
/// use holobiont_attestation_tls::{Attested, Endpoint, Session};
/// use tokio::net::{TcpListener, TcpStream};
///
/// async fn next_peer(
///     endpoint: &Endpoint,
///     session: Arc<Session>,
///     listener: &TcpListener,
/// ) -> std::io::Result<Attested<TcpStream>> {
///     let (stream, from) = listener.accept().await?;
///     let handshaken = endpoint.accept(stream, from.ip()).await?;
///     Ok(handshaken.attest(session).await?)
/// }
/// ```
#[derive(Clone)]
pub struct Endpoint {
    connector: TlsConnector,
    acceptor: TlsAcceptor,
    own_key: Arc<[u8]>,
    simulated: bool,
    clock: Arc<dyn Clock>,
    limits: Limits,
    gate: Arc<Gate>,
}

impl Endpoint {
    /// An endpoint that speaks with this boot's key. `simulated` endpoints have another protocol
    /// name, so that they and real ones refuse each other in the TLS handshake.
    ///
    /// # Errors
    ///
    /// [`TlsError::Setup`].
    pub fn new(
        key: &BootKey,
        simulated: bool,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            connector: Arc::new(client_config(key, simulated)?).into(),
            acceptor: Arc::new(server_config(key, simulated)?).into(),
            own_key: key.public_key().into(),
            simulated,
            clock,
            limits,
            gate: Gate::new(limits.unauthenticated, limits.unauthenticated_per_address),
        })
    }

    /// The TLS handshake of the side that dialled.
    ///
    /// # Errors
    ///
    /// [`TlsError::TimedOut`], [`TlsError::Io`], [`TlsError::Handshake`].
    pub async fn connect<S>(&self, stream: S) -> Result<Handshaken<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = self.deadline();
        let name = ServerName::try_from(SERVER_NAME)
            .map_err(|_| TlsError::Internal { what: "its own server name is no name" })?;
        let stream = timeout_at(deadline, self.connector.connect(name, stream))
            .await
            .map_err(|_| self.timed_out())?
            .map_err(TlsError::io)?;
        self.handshaken(stream.into(), Role::Client, deadline, None)
    }

    /// The TLS handshake of the side that was dialled, by a peer at address `from`.
    ///
    /// # Errors
    ///
    /// [`TlsError::Busy`], before a byte is read; [`TlsError::TimedOut`], [`TlsError::Io`],
    /// [`TlsError::Handshake`].
    pub async fn accept<S>(&self, stream: S, from: IpAddr) -> Result<Handshaken<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let deadline = self.deadline();
        let pass = self.gate.enter(from).map_err(|limit| TlsError::Busy { limit })?;
        let stream = timeout_at(deadline, self.acceptor.accept(stream))
            .await
            .map_err(|_| self.timed_out())?
            .map_err(TlsError::io)?;
        self.handshaken(stream.into(), Role::Server, deadline, Some(pass))
    }

    fn handshaken<S>(
        &self,
        stream: TlsStream<S>,
        role: Role,
        deadline: Instant,
        pass: Option<Pass>,
    ) -> Result<Handshaken<S>, TlsError> {
        let tls = Handshake {
            peer_key: peer_key(stream.get_ref().1, self.simulated, &self.own_key)?,
            stream,
            role,
            simulated: self.simulated,
            own_key: self.own_key.to_vec(),
            clock: Arc::clone(&self.clock),
            limits: self.limits,
        };
        Ok(Handshaken { tls, deadline, pass })
    }

    fn deadline(&self) -> Instant {
        soon(Duration::from_millis(self.limits.deadline_ms))
    }

    const fn timed_out(&self) -> TlsError {
        TlsError::TimedOut { phase: "TLS handshake", limit_ms: self.limits.deadline_ms }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("simulated", &self.simulated)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
