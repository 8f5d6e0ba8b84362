//! The TLS below: 1.3 alone, raw public keys both ways, and nothing that outlives a connection.
//!
//! Public so that tests and tools can speak it without attesting; what they get is no attested
//! connection.

use std::sync::Arc;

use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, HandshakeKind, ProtocolVersion, ServerConfig, crypto};

use crate::raw_keys::RawKeys;
use crate::{BootKey, TlsError};

/// The protocol's name in TLS (ALPN).
pub const PROTOCOL: &[u8] = b"holobiont/1";
/// The protocol's name in TLS (ALPN) where TDX is simulated: the two never speak to each other.
pub const SIMULATED_PROTOCOL: &[u8] = b"holobiont-sim/1";

/// The name that a client puts where TLS wants one. It is not sent and means nothing.
pub const SERVER_NAME: &str = "holobiont.invalid";

pub(crate) const fn protocol(simulated: bool) -> &'static [u8] {
    if simulated { SIMULATED_PROTOCOL } else { PROTOCOL }
}

/// How this node dials.
///
/// # Errors
///
/// [`TlsError::Setup`].
pub fn client_config(key: &BootKey, simulated: bool) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Arc::new(RawKeys(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Setup { source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
            key.certified(),
        )));
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    config.alpn_protocols = vec![protocol(simulated).to_vec()];
    Ok(config)
}

/// How this node answers.
///
/// # Errors
///
/// [`TlsError::Setup`].
pub fn server_config(key: &BootKey, simulated: bool) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Arc::new(RawKeys(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Setup { source })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key.certified())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.send_half_rtt_data = false;
    config.alpn_protocols = vec![protocol(simulated).to_vec()];
    Ok(config)
}

/// The key that the peer used, where the finished handshake is one of ours in every respect.
pub(crate) fn peer_key(
    common: &CommonState,
    simulated: bool,
    own_key: &[u8],
) -> Result<Vec<u8>, TlsError> {
    let refuse = |why| TlsError::Handshake { why };
    if common.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Err(refuse("it is not TLS 1.3"));
    }
    if common.alpn_protocol() != Some(protocol(simulated)) {
        return Err(refuse("it is for another protocol: one side may be simulated"));
    }
    match common.handshake_kind() {
        Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) => {}
        _ => return Err(refuse("it resumes an older connection")),
    }
    let key = match common.peer_certificates() {
        Some([key]) => key.to_vec(),
        _ => return Err(refuse("it shows no public key")),
    };
    if key == own_key {
        return Err(refuse("it shows this node's own key: this node has dialled itself"));
    }
    Ok(key)
}
