//! A genuine, pinned guest whose quote is for something else than this connection.

use std::sync::Arc;

use holobiont_attestation::{Role, TlsBinding};
use holobiont_attestation_tls::exchange::{Frame, Request};
use holobiont_identity::{Digest, UniqueId};

use crate::raw::{Raw, quoted};
use crate::world::{World, refused, sockets, within};

const NONCE: [u8; 32] = [9; 32];

/// What the server says to a client whose quote binds `alter`ed items.
async fn told(world: &World, alter: impl FnOnce(&mut TlsBinding)) -> Option<String> {
    let (server, thief) = (world.node(2), world.node(1));
    let (dialled, accepted) = sockets().await;
    let serving = async { server.take(accepted).await };
    let dialling = async {
        let mut raw = Raw::dial(dialled, &thief.key).await;
        raw.send(&Frame::Request(Request { nonce: NONCE, node: [1; 32], terms: world.terms() }))
            .await;
        let asked = raw.request().await;
        let mut binding = raw.binding([1; 32], world.terms(), NONCE, asked.nonce);
        alter(&mut binding);
        raw.send(&Frame::Answer(&quoted(&*thief.guest, &binding))).await;
        let bytes = raw.next().await.expect("an answer or a refusal");
        match Frame::decode(&bytes).unwrap().unwrap().0 {
            Frame::Accept => None,
            Frame::Refuse(refusal) => Some(refusal.code().to_owned()),
            other => panic!("{other:?}"),
        }
    };
    let (outcome, told) = within(async { tokio::join!(serving, dialling) }).await;
    if let Some(code) = &told {
        assert_eq!(refused(outcome), *code);
    }
    told
}

#[tokio::test]
async fn every_item_of_the_binding_is_checked() {
    let world = World::new();
    assert_eq!(told(&world, |_| {}).await, None, "unaltered it is accepted");

    type Alteration = (&'static str, fn(&mut TlsBinding));
    let alterations: [Alteration; 11] = [
        ("simulated bit", |it| it.simulated = false),
        ("role", |it| it.role = Role::Server),
        ("organism", |it| it.organism = Digest::of("other")),
        ("epoch", |it| it.epoch = 6),
        ("surface", |it| it.surface = UniqueId::from_name("other")),
        ("policy", |it| it.policy = Digest::of("other")),
        ("node id", |it| it.node = [3; 32]),
        ("own key", |it| it.own_key[20] ^= 1),
        ("peer key", |it| it.peer_key[20] ^= 1),
        ("nonce", |it| it.peer_nonce[0] ^= 1),
        ("exporter", |it| it.exporter[31] ^= 1),
    ];
    for (what, alter) in alterations {
        assert_eq!(told(&world, alter).await.as_deref(), Some("report-data"), "{what}");
    }
}

#[tokio::test]
async fn the_evidence_must_be_evidence() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let (dialled, accepted) = sockets().await;
    let dialling = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        raw.send(&Frame::Request(Request { nonce: NONCE, node: [1; 32], terms: world.terms() }))
            .await;
        raw.request().await;
        raw.send(&Frame::Answer(&[1; 5_000])).await;
        raw.refusal().await.code().to_owned()
    };
    let (outcome, told) = within(async { tokio::join!(server.take(accepted), dialling) }).await;
    assert_eq!(told, "evidence-malformed");
    assert_eq!(refused(outcome), told);
}

#[tokio::test]
async fn a_guest_of_another_intel_is_refused() {
    let (world, elsewhere) = (World::new(), World::new());
    let (server, mut client) = (world.node(2), world.node(1));
    let foreign = elsewhere.node(1);
    client.session.prover = Arc::clone(&foreign.session.prover);
    let (near, far) = crate::world::meet(&client, &server).await;
    assert_eq!(refused(far), "pck-chain-not-intel");
    assert_eq!(crate::world::refused_by_peer(near), "pck-chain-not-intel");
}
