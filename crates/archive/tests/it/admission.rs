//! Who gets no byte, and how both sides learn why.

use holobiont_archive::{ClientError, OpenGate, PlatformBook, SamePlatform};
use holobiont_attestation_tls::TlsError;
use holobiont_enclave_simulated::SimulatedImage;
use holobiont_identity::Digest;

use crate::world::{Node, Publication, World, within};

/// What becomes of this client at that server: the reason that the client has, and what the
/// server's observer heard.
async fn refused(server: &Node, client: &Node) -> (ClientError, Vec<String>) {
    let publication = Publication::new();
    publication.grow(10);
    let serving = server.publish(&publication, OpenGate).await;
    let asking = client.client(serving.address());
    let error = within(asking.get(&publication.path("head"))).await.unwrap_err();
    // It stays a moment, so that the other side can read why.
    within(async {
        while server.heard.all().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    serving.stop().await;
    (error, server.heard.all())
}

fn code(error: &ClientError) -> String {
    error.refusal().unwrap_or_else(|| panic!("{error:?}")).code().to_owned()
}

#[tokio::test]
async fn a_peer_outside_of_the_expected_set_is_refused() {
    let world = World::new();
    let (error, heard) = refused(&world.node(1).expecting(&[2, 3]), &world.node(4)).await;
    assert_eq!(code(&error), "node-not-expected");
    assert_eq!(heard, ["refused node-not-expected"]);
}

#[tokio::test]
async fn a_server_outside_of_the_expected_set_is_refused() {
    let world = World::new();
    let (error, heard) = refused(&world.node(1), &world.node(2).expecting(&[3])).await;
    assert_eq!(code(&error), "node-not-expected");
    assert_eq!(heard, ["refused refused-by-peer"]);
}

#[tokio::test]
async fn a_peer_that_is_not_pinned_is_refused() {
    let world = World::new();
    let stranger = world.node_of(2, 2, SimulatedImage::new("node 1.0", "ro init=/bin/sh"));
    let (error, heard) = refused(&world.node(1), &stranger).await;
    let told = code(&error);
    assert_eq!(heard, [format!("refused {told}")]);
    assert!(matches!(
        error,
        ClientError::Attestation { source: TlsError::RefusedByPeer { .. }, .. }
    ));
}

#[tokio::test]
async fn terms_of_another_organism_or_epoch_are_refused() {
    let world = World::new();
    let mut other = world.node(2);
    other.session.demands.organism = Digest::of("another organism");
    let (error, heard) = refused(&world.node(1), &other).await;
    assert_eq!(code(&error), "organism-mismatch");
    assert_eq!(heard.len(), 1);
    let mut later = world.node(2);
    (later.session.demands.epoch, later.session.offers[0].epoch) = (1, 1);
    assert_eq!(code(&refused(&world.node(1), &later).await.0), "epoch-mismatch");
}

#[tokio::test]
async fn one_machine_is_no_second_node() {
    let world = World::new();
    let mut server = world.node(1);
    server.book = PlatformBook::new(3, Some(3));
    let publication = Publication::new();
    let serving = server.publish(&publication, OpenGate).await;

    let first = world.node_on(2, 7).client(serving.address());
    within(first.connect()).await.unwrap();
    let twin = world.node_on(3, 7).client(serving.address());
    let error = within(twin.connect()).await.unwrap_err();
    assert_eq!(code(&error), SamePlatform::CODE);
    assert!(error.to_string().contains("machine of its own"), "{error}");
    // The same node again, from its machine: a second connection.
    let again = world.node_on(2, 7).client(serving.address());
    within(again.connect()).await.unwrap();
    let elsewhere = world.node_on(4, 8).client(serving.address());
    within(elsewhere.connect()).await.unwrap();
    let refused = server.heard.all().into_iter().filter(|it| it.starts_with("refused"));
    assert_eq!(refused.collect::<Vec<_>>(), ["refused same-platform"]);
    serving.stop().await;
}

#[tokio::test]
async fn a_client_refuses_a_second_node_on_one_machine_too() {
    let world = World::new();
    let publication = Publication::new();
    let first = world.node_on(1, 7).publish(&publication, OpenGate).await;
    let second = world.node_on(3, 7);
    let twin = second.publish(&publication, OpenGate).await;
    let mut reader = world.node(2);
    reader.book = PlatformBook::new(3, Some(3));
    let near = reader.client(first.address());
    within(near.connect()).await.unwrap();
    let error = within(reader.client(twin.address()).connect()).await.unwrap_err();
    assert_eq!(code(&error), SamePlatform::CODE);
    twin.stop().await;
    assert_eq!(second.heard.all(), ["refused refused-by-peer"]);

    // With pins that let one node share, it may.
    reader.book.rule(3, Some(2));
    let twin = second.publish(&Publication::new(), OpenGate).await;
    within(reader.client(twin.address()).connect()).await.unwrap();
    twin.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn a_machine_is_free_once_its_node_has_gone() {
    let world = World::new();
    let mut server = world.node(1);
    server.book = PlatformBook::new(2, Some(2));
    let publication = Publication::new();
    let serving = server.publish(&publication, OpenGate).await;
    let first = world.node_on(2, 7).client(serving.address());
    within(first.connect()).await.unwrap();
    drop(first);
    within(async {
        while !server.heard.all().contains(&"ended".to_owned()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    within(world.node_on(3, 7).client(serving.address()).connect()).await.unwrap();
    serving.stop().await;
}

#[tokio::test]
async fn a_client_that_cannot_connect_says_so_and_connects_later() {
    let world = World::new();
    let publication = Publication::new();
    let serving = world.node(1).publish(&publication, OpenGate).await;
    let address = serving.address();
    serving.stop().await;
    let client = world.node(2).client(address);
    let error = within(client.connect()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    // At once, by what is known.
    assert!(matches!(within(client.connect()).await, Err(ClientError::Unreachable { .. })));

    let publication = Publication::new();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let serving = world.node(1).publish_on(listener, &publication, OpenGate);
    within(async {
        while client.connect().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(within(client.get(&publication.path("head"))).await.is_ok());
    serving.stop().await;
}
