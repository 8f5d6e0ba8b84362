//! The TLS below: one version, full handshakes, raw keys, and the right protocol.

use std::sync::{Arc, Mutex};

use holobiont_attestation_tls::transport::{SERVER_NAME, client_config, server_config};
use holobiont_attestation_tls::{BootKey, Endpoint, TlsError};
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::pki_types::ServerName;
use rustls::{HandshakeKind, NamedGroup, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::world::{HERE, World, sockets, within};

/// A session store that counts the tickets it is given.
#[derive(Debug)]
struct Tickets {
    kept: ClientSessionMemoryCache,
    given: Mutex<usize>,
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.kept.set_kx_hint(name, group);
    }
    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept.kx_hint(name)
    }
    fn set_tls12_session(
        &self,
        name: ServerName<'static>,
        value: rustls::client::Tls12ClientSessionValue,
    ) {
        self.kept.set_tls12_session(name, value);
    }
    fn tls12_session(
        &self,
        name: &ServerName<'_>,
    ) -> Option<rustls::client::Tls12ClientSessionValue> {
        self.kept.tls12_session(name)
    }
    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.kept.remove_tls12_session(name);
    }
    fn insert_tls13_ticket(
        &self,
        name: ServerName<'static>,
        value: rustls::client::Tls13ClientSessionValue,
    ) {
        *self.given.lock().unwrap() += 1;
        self.kept.insert_tls13_ticket(name, value);
    }
    fn take_tls13_ticket(
        &self,
        name: &ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        self.kept.take_tls13_ticket(name)
    }
}

/// The client's end after it has read a byte, so that tickets, if any, have come.
async fn visit(
    connector: &TlsConnector,
    serve: impl AsyncFnOnce(TcpStream),
) -> Option<HandshakeKind> {
    let (dialled, accepted) = sockets().await;
    let name = SERVER_NAME.try_into().unwrap();
    let dialling = async {
        let mut stream = connector.connect(name, dialled).await.unwrap();
        let _ = stream.read_u8().await;
        stream.get_ref().1.handshake_kind()
    };
    within(async { tokio::join!(dialling, serve(accepted)) }).await.0
}

#[tokio::test]
async fn no_connection_can_be_resumed() {
    let world = World::new();
    let (node, key) = (world.node(2), BootKey::generate().unwrap());
    let tickets =
        Arc::new(Tickets { kept: ClientSessionMemoryCache::new(8), given: Mutex::new(0) });
    let mut config = client_config(&key, true).unwrap();
    config.resumption = Resumption::store(Arc::clone(&tickets) as Arc<dyn ClientSessionStore>);
    config.enable_early_data = true;
    let connector = TlsConnector::from(Arc::new(config));

    // A server of the same key that is careless with tickets, to have some to try with.
    let mut careless: ServerConfig = server_config(&node.key, true).unwrap();
    careless.send_tls13_tickets = 2;
    careless.max_early_data_size = 1_000;
    careless.session_storage = rustls::server::ServerSessionMemoryCache::new(8);
    let careless = TlsAcceptor::from(Arc::new(careless));
    let serve = async |stream| {
        let mut stream = careless.accept(stream).await.unwrap();
        stream.write_u8(1).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    assert_eq!(visit(&connector, serve).await, Some(HandshakeKind::Full));
    assert_eq!(*tickets.given.lock().unwrap(), 2);
    assert_eq!(visit(&connector, serve).await, Some(HandshakeKind::Resumed), "the test works");
    let given = *tickets.given.lock().unwrap();

    // The node takes none of them, and gives none.
    for _ in 0..2 {
        let kind = visit(&connector, async |stream| {
            let handshaken = node.endpoint.accept(stream, HERE).await.unwrap();
            assert_eq!(handshaken.peer_key(), key.public_key());
            // Its request is the byte that the client waits for.
            let _ = handshaken.attest(Arc::new(node.session.clone())).await;
        })
        .await;
        assert_eq!(kind, Some(HandshakeKind::Full));
    }
    assert_eq!(*tickets.given.lock().unwrap(), given);
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    // A client hello of TLS 1.2: random, no session, ECDHE-ECDSA-AES128-GCM, no compression;
    // groups x25519, signature ECDSA-P256-SHA256.
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    let extensions =
        [&[0, 10, 0, 4, 0, 2, 0, 29][..], &[0, 13, 0, 4, 0, 2, 4, 3], &[0, 11, 0, 2, 1, 0]]
            .concat();
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);

    let world = World::new();
    let server = world.node(2);
    let (mut dialled, accepted) = sockets().await;
    dialled.write_all(&record).await.unwrap();
    let mut answer = Vec::new();
    let (outcome, read) =
        within(async { tokio::join!(server.take(accepted), dialled.read_to_end(&mut answer)) })
            .await;
    read.unwrap();
    let error = outcome.expect_err("TLS 1.2 was let in").to_string();
    assert!(error.contains("SupportedVersionsExtensionRequired"), "{error}");
    // A fatal alert: protocol_version.
    assert_eq!(answer[answer.len() - 2..], [2, 70]);
}

#[tokio::test]
async fn real_and_simulated_nodes_do_not_even_finish_tls() {
    let world = World::new();
    let (client, server) = (world.node(1), world.node(2));
    let real = Endpoint::new(&client.key, false, world.clock(), world.limits).unwrap();
    let (dialled, accepted) = sockets().await;
    let (near, far) = within(async {
        tokio::join!(real.connect(dialled), server.endpoint.accept(accepted, HERE))
    })
    .await;
    assert!(matches!(near, Err(TlsError::Io { .. })), "{near:?}");
    assert!(matches!(far, Err(TlsError::Io { .. })), "{far:?}");
}

#[tokio::test]
async fn a_client_that_names_no_protocol_is_refused() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let mut config = client_config(&client.key, true).unwrap();
    config.alpn_protocols.clear();
    let connector = TlsConnector::from(Arc::new(config));
    let (dialled, accepted) = sockets().await;
    let name = SERVER_NAME.try_into().unwrap();
    let (_, far) = within(async {
        tokio::join!(connector.connect(name, dialled), server.endpoint.accept(accepted, HERE))
    })
    .await;
    assert!(matches!(far, Err(TlsError::Handshake { .. })), "{far:?}");
}

#[tokio::test]
async fn a_client_without_a_key_is_refused() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let verifier = client_config(&client.key, true).unwrap();
    let mut config = verifier.clone();
    config.client_auth_cert_resolver = Arc::new(NoKey);
    let connector = TlsConnector::from(Arc::new(config));
    let (dialled, accepted) = sockets().await;
    let name = SERVER_NAME.try_into().unwrap();
    let dialling = async {
        if let Ok(mut stream) = connector.connect(name, dialled).await {
            let _ = stream.read_u8().await;
        }
    };
    let ((), far) =
        within(async { tokio::join!(dialling, server.endpoint.accept(accepted, HERE)) }).await;
    assert!(matches!(far, Err(TlsError::Io { .. })), "{far:?}");
}

#[derive(Debug)]
struct NoKey;

impl rustls::client::ResolvesClientCert for NoKey {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
    fn only_raw_public_keys(&self) -> bool {
        true
    }
    fn has_certs(&self) -> bool {
        false
    }
}
