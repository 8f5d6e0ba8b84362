//! What slow, silent and hostile peers can cost.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::post;
use holobiont_archive::limits::{
    MAX_BODY_BYTES, MAX_CONNECTIONS_PER_NODE, SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES,
};
use holobiont_archive::{ClientError, OpenGate, PeerInfo};
use holobiont_surface::WriterOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::proxy::Proxy;
use crate::world::{Publication, World, within};

#[tokio::test]
async fn a_reader_that_does_not_read_is_sent_a_window_and_no_more() {
    let world = World::new();
    let publication = Publication::with(WriterOptions::default());
    publication.grow_by(20_000, 1_000);
    let server = world.node(1).publish(&publication, OpenGate).await;
    let proxy = Proxy::to(server.address()).await;
    let client = world.node(2).client(proxy.address);
    let mut body = within(client.stream(&publication.path("records?from=0"))).await.unwrap();
    // Other requests on the same connection go on, as often as one likes.
    for _ in 0..200 {
        within(client.get(&publication.path("head"))).await.unwrap();
    }
    let sent = proxy.passed.load(Ordering::SeqCst);
    let most = u64::from(STREAM_WINDOW_BYTES) + SEND_BUFFER_BYTES as u64 + (512 << 10);
    assert!(sent < most, "{sent} bytes for a reader that reads nothing");
    let mut read = 0;
    while read < 20_000_000 {
        read += within(body.chunk()).await.unwrap().expect("there is more").len();
    }
    server.stop().await;
}

#[tokio::test]
async fn a_call_reaches_the_handler_with_its_peer_and_within_bounds() {
    let (world, publication) = (World::new(), Publication::new());
    let echo = async |Extension(peer): Extension<Arc<PeerInfo>>, body: Bytes| {
        [peer.node.as_bytes().to_vec(), body.to_vec()].concat()
    };
    let router = Router::new().route("/v1/committee", post(echo));
    let server = world.node(1).serve(router, &publication.stop).await;
    let client = world.node(2).client(server.address());
    let many = (0..100_u8).map(|it| {
        let client = client.clone();
        tokio::spawn(async move { client.call("/v1/committee", vec![it; 1_000]).await.unwrap() })
    });
    for (it, answered) in (0..).zip(many.collect::<Vec<_>>()) {
        let answer = within(answered).await.unwrap();
        assert_eq!((&answer[..32], answer[32], answer.len()), (&[2; 32][..], it, 1_032));
    }
    let most = within(client.call("/v1/committee", vec![0; MAX_BODY_BYTES])).await;
    assert!(matches!(most, Err(ClientError::TooLong { .. })), "32 bytes more come back: {most:?}");
    let above = within(client.call("/v1/committee", vec![0; MAX_BODY_BYTES + 1])).await;
    assert_eq!(above.unwrap_err().problem().map(|it| it.status), Some(413));
    assert!(within(client.call("/v1/committee", vec![])).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn noise_and_silence_do_not_keep_others_out() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(10);
    let server_node = world.node(1);
    let server = server_node.publish(&publication, OpenGate).await;
    // They say nothing, and hold no more places than one address has.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.address()).await.unwrap());
    }
    within(async {
        while !server_node.heard.all().contains(&"refused busy".to_owned()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(silent);
    for noise in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0xff; 5_000]]
    {
        let client = world.node(2).client(server.address());
        within(async {
            // While the silent ones are being shown out.
            while client.connect().await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(noise).await.unwrap();
        let mut answer = Vec::new();
        let _ = within(stream.read_to_end(&mut answer)).await;
        assert!(answer.len() < 100, "{} bytes for noise", answer.len());
        within(client.get(&publication.path("head"))).await.unwrap();
    }
    server.stop().await;
}

/// Attested, and then no HTTP/2: also a peer that has shown what runs there may be broken.
#[tokio::test]
async fn an_attested_peer_that_speaks_no_http_is_shown_out() {
    let (world, publication) = (World::new(), Publication::new());
    let server = world.node(1).publish(&publication, OpenGate).await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 20_000], &[0xff; 20_000]] {
        let node = world.node(2);
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let handshaken = within(node.endpoint.connect(stream)).await.unwrap();
        let mut attested = within(handshaken.attest(Arc::new(node.session.clone()))).await.unwrap();
        let _ = attested.write_all(noise).await;
        let _ = attested.flush().await;
        let mut answer = Vec::new();
        let _ = within(attested.read_to_end(&mut answer)).await;
        assert!(answer.len() < 1_000);
    }
    within(world.node(3).client(server.address()).connect()).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn one_node_has_so_many_connections_and_no_more() {
    let (world, publication) = (World::new(), Publication::new());
    let server = world.node(1).publish(&publication, OpenGate).await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CONNECTIONS_PER_NODE {
        let client = world.node(2).client(server.address());
        within(client.get(&publication.path("head"))).await.unwrap();
        clients.push(client);
    }
    let above = world.node(2).client(server.address());
    assert!(within(above.get(&publication.path("head"))).await.is_err());
    let other = world.node(3).client(server.address());
    within(other.get(&publication.path("head"))).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_has_shown_itself_is_dialled_without_a_rest() {
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let client = world.node(2).client(address);
    within(client.connect()).await.unwrap_err();
    let listener = TcpListener::bind(address).await.unwrap();
    client.hurry();
    // A client that rests fails at once, and dials nobody.
    let dialling = tokio::spawn(async move { client.connect().await.map(drop) });
    let (dialled, _) = within(listener.accept()).await.unwrap();
    drop(dialled);
    within(dialling).await.unwrap().unwrap_err();
}
