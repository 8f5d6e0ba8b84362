//! Whoever is in between, or pretends: each over real sockets.

use std::sync::Arc;
use std::time::Duration;

use holobiont_attestation_tls::exchange::{ExchangeError, Frame, FrameKind, Request};
use holobiont_attestation_tls::{BootKey, Limits, TlsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::raw::{Raw, quoted};
use crate::world::{HERE, Outcome, World, meet, refused, refused_by_peer, sockets, within};

/// A client and a server with a relay between them that ends TLS on both sides.
async fn relayed(to_client: impl Fn(&BootKey) -> BootKey, leaked: bool) -> (Outcome, Outcome) {
    let world = World::new();
    let (client, server) = (world.node(1), world.node(2));
    let (dialled, between_client) = sockets().await;
    let (between_server, accepted) = sockets().await;
    let client_leg = to_client(&server.key);
    let server_leg = if leaked { client.key.clone() } else { client_leg.clone() };
    let relay = async {
        let (near, far) = tokio::join!(
            Raw::take(between_client, &client_leg),
            Raw::dial(between_server, &server_leg)
        );
        let (mut near, mut far) = (near.stream, far.stream);
        // Every frame is passed on as it is.
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    };
    let (near, far, ()) =
        within(async { tokio::join!(client.dial(dialled), server.take(accepted), relay) }).await;
    (near, far)
}

#[tokio::test]
async fn a_relay_with_its_own_keys_is_refused() {
    let own = BootKey::generate().unwrap();
    let (near, far) = relayed(|_| own.clone(), false).await;
    assert_eq!(refused(far), "report-data");
    assert_eq!(refused_by_peer(near), "report-data");
}

#[tokio::test]
async fn a_relay_that_stole_both_keys_is_refused() {
    // The keys, nonces and terms all match; what does not is the exporter of the two legs.
    let (near, far) = relayed(BootKey::clone, true).await;
    assert_eq!(refused(far), "report-data");
    assert_eq!(refused_by_peer(near), "report-data");
}

/// A server that sends back what the client sends.
async fn reflected(claim: Option<[u8; 32]>) -> (Outcome, String) {
    let world = World::new();
    let (client, mirror) = (world.node(1), BootKey::generate().unwrap());
    let (dialled, accepted) = sockets().await;
    let reflecting = async {
        let mut raw = Raw::take(accepted, &mirror).await;
        let request = raw.request().await;
        let node = claim.unwrap_or(request.node);
        raw.send(&Frame::Request(Request { node, ..request })).await;
        if claim.is_some() {
            let answer = raw.answer().await;
            raw.send(&Frame::Answer(&answer)).await;
        }
        raw.refusal().await.code().to_owned()
    };
    within(async { tokio::join!(client.dial(dialled), reflecting) }).await
}

#[tokio::test]
async fn a_reflected_answer_is_refused() {
    let (outcome, told) = reflected(Some([2; 32])).await;
    assert_eq!((refused(outcome), told.as_str()), ("report-data".to_owned(), "report-data"));
    // Where even the node id comes back, no quote is spent on it.
    let (outcome, told) = reflected(None).await;
    assert_eq!((refused(outcome), told.as_str()), ("own-node-id".to_owned(), "own-node-id"));
}

#[tokio::test]
async fn an_old_answer_is_refused() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let nonce = [9; 32];
    let request = Request { nonce, node: [1; 32], terms: world.terms() };
    let mut kept = None;
    for round in 0..2 {
        let (dialled, accepted) = sockets().await;
        let dialling = async {
            let mut raw = Raw::dial(dialled, &client.key).await;
            raw.send(&Frame::Request(request.clone())).await;
            let asked = raw.request().await;
            let fresh =
                || quoted(&*client.guest, &raw.binding([1; 32], world.terms(), nonce, asked.nonce));
            let answer = kept.get_or_insert_with(fresh).clone();
            raw.send(&Frame::Answer(&answer)).await;
            let bytes = raw.next().await.unwrap();
            bytes == Frame::Accept.encode()
        };
        let (outcome, accepted) =
            within(async { tokio::join!(server.take(accepted), dialling) }).await;
        assert_eq!(accepted, round == 0);
        if round == 1 {
            assert_eq!(refused(outcome), "report-data");
        }
    }
}

#[tokio::test]
async fn a_node_that_dials_itself_is_refused() {
    let world = World::new();
    let node = world.node(1);
    let (near, far) = meet(&node, &node).await;
    assert!(matches!(near, Err(TlsError::Handshake { .. })), "{near:?}");
    assert!(far.is_err());
}

/// What the server makes of these bytes after the TLS handshake, and what it answers.
async fn sent(bytes: &[u8]) -> (TlsError, Option<String>) {
    let mut world = World::new();
    world.limits.linger_ms = 30_000;
    let (server, client) = (world.node(2), world.node(1));
    let (dialled, accepted) = sockets().await;
    let sending = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        raw.send_bytes(bytes).await.unwrap();
        Some(raw.refusal().await.code().to_owned())
    };
    let (outcome, told) = within(async { tokio::join!(server.take(accepted), sending) }).await;
    (outcome.expect_err("it was let in"), told)
}

fn header(kind: u8, length: u32) -> Vec<u8> {
    [&[kind][..], &length.to_le_bytes()].concat()
}

#[tokio::test]
async fn bytes_before_attestation_are_refused_unread() {
    let (error, told) = sent(&Frame::Data(b"GET /").encode()).await;
    assert!(matches!(error, TlsError::OutOfOrder { kind: FrameKind::Data }), "{error:?}");
    assert_eq!(told.as_deref(), Some("protocol"));

    let world = World::new();
    let request =
        Frame::Request(Request { nonce: [9; 32], node: [1; 32], terms: world.terms() }).encode();
    let after_request = [request.clone(), Frame::Data(b"GET /").encode()].concat();
    let (error, _) = sent(&after_request).await;
    assert!(matches!(error, TlsError::OutOfOrder { kind: FrameKind::Data }), "{error:?}");
    let (error, _) = sent(&[request.clone(), request].concat()).await;
    assert!(matches!(error, TlsError::OutOfOrder { kind: FrameKind::Request }), "{error:?}");
    let (error, _) = sent(&Frame::Accept.encode()).await;
    assert!(matches!(error, TlsError::OutOfOrder { kind: FrameKind::Accept }), "{error:?}");
}

#[tokio::test]
async fn an_oversized_frame_is_refused_by_its_header() {
    for (kind, length) in
        [(0, 16_380), (1, 1_025), (2, (1 << 20) + 1), (3, 2), (4, u32::MAX), (1, 0)]
    {
        let (error, told) = sent(&header(kind, length)).await;
        let exchange = TlsError::from(ExchangeError::UnknownKind { kind: 0 });
        assert_eq!(std::mem::discriminant(&error), std::mem::discriminant(&exchange), "{kind}");
        assert!(
            matches!(&error, TlsError::Exchange { source: ExchangeError::Length { got, .. }, .. } if *got == length)
        );
        assert_eq!(told.as_deref(), Some("protocol"));
    }
    // An answer that may not come yet gets no memory, however short.
    let (error, _) = sent(&header(2, 1 << 20)).await;
    assert!(matches!(error, TlsError::OutOfOrder { kind: FrameKind::Answer }), "{error:?}");
}

#[tokio::test]
async fn garbage_is_refused() {
    // The refusal comes through although more is sent than any buffer on the way holds.
    let (error, told) = sent(&vec![0xff; 16_000_000]).await;
    assert!(matches!(
        error,
        TlsError::Exchange { source: ExchangeError::UnknownKind { kind: 255 }, .. }
    ));
    assert_eq!(told.as_deref(), Some("protocol"));
}

#[tokio::test]
async fn a_peer_that_ends_early_is_told_apart() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let (dialled, accepted) = sockets().await;
    let ending = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        raw.stream.shutdown().await.unwrap();
        while raw.next().await.is_some() {}
    };
    let (outcome, ()) = within(async { tokio::join!(server.take(accepted), ending) }).await;
    assert!(matches!(outcome, Err(TlsError::Closed)), "{outcome:?}");
}

#[tokio::test]
async fn slow_peers_are_told_that_their_time_is_up() {
    let mut world = World::new();
    world.limits = Limits { deadline_ms: 500, linger_ms: 50, ..world.limits };
    let (server, client) = (world.node(2), world.node(1));

    // One that is silent after TLS, and one that sends half a request.
    let request =
        Frame::Request(Request { nonce: [9; 32], node: [1; 32], terms: world.terms() }).encode();
    for bytes in [&[][..], &request[..50]] {
        let (dialled, accepted) = sockets().await;
        let waiting = async {
            let mut raw = Raw::dial(dialled, &client.key).await;
            raw.send_bytes(bytes).await.unwrap();
            raw.refusal().await.code().to_owned()
        };
        let (outcome, told) = within(async { tokio::join!(server.take(accepted), waiting) }).await;
        assert!(
            matches!(outcome, Err(TlsError::TimedOut { phase: "attestation", limit_ms: 500 })),
            "{outcome:?}"
        );
        assert_eq!(told, "timed-out");
    }

    // One that sends a byte now and then: every byte is in time, the whole is not.
    let (dialled, accepted) = sockets().await;
    let trickling = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        for byte in header(4, 1_000).into_iter().chain([0; 1_000]) {
            pause.tick().await;
            if raw.send_bytes(&[byte]).await.is_err() {
                break;
            }
        }
    };
    let (outcome, ()) = within(async {
        tokio::select! {
            outcome = server.take(accepted) => (outcome, ()),
            () = trickling => panic!("the server waited for all of it"),
        }
    })
    .await;
    assert!(matches!(outcome, Err(TlsError::TimedOut { .. })), "{outcome:?}");

    // And one that does not even begin TLS.
    let (_dialled, accepted) = sockets().await;
    let outcome = within(server.take(accepted)).await;
    assert!(
        matches!(outcome, Err(TlsError::TimedOut { phase: "TLS handshake", .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn connections_that_have_not_attested_are_counted() {
    let mut world = World::new();
    world.limits = Limits { unauthenticated: 1, ..world.limits };
    let (server, client) = (Arc::new(world.node(2)), world.node(1));

    let (idle, accepted) = sockets().await;
    let taken = Arc::clone(&server);
    let waiting = tokio::spawn(async move { taken.endpoint.accept(accepted, HERE).await });
    // One runtime thread: after this the other has begun, and waits for a hello.
    tokio::task::yield_now().await;

    let (near, far) = meet(&client, &server).await;
    assert!(matches!(far, Err(TlsError::Busy { limit: 1 })), "{far:?}");
    assert!(near.is_err());

    drop(idle);
    assert!(waiting.await.unwrap().is_err());
    let (near, far) = meet(&client, &server).await;
    let (_near, _far) = (near.unwrap(), far.unwrap());
    // Those two are attested, so they count no longer.
    let other = world.node(3);
    let (near, far) = meet(&other, &server).await;
    assert!(near.is_ok() && far.is_ok());
}

#[tokio::test]
async fn bytes_that_are_no_tls_are_refused() {
    let world = World::new();
    let server = world.node(2);
    let (mut dialled, accepted) = sockets().await;
    dialled.write_all(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n").await.unwrap();
    let (outcome, _) = within(async {
        tokio::join!(server.take(accepted), async {
            let mut waste = Vec::new();
            dialled.read_to_end(&mut waste).await
        })
    })
    .await;
    assert!(matches!(outcome, Err(TlsError::Io { .. })), "{outcome:?}");
}
