//! Two nodes that meet, well and not so well: what both sides learn.

use std::sync::atomic::Ordering;

use holobiont_attestation_tls::{Endpoint, MAX_KEY_BYTES, Terms, TlsError};
use holobiont_enclave_simulated::SimulatedImage;
use holobiont_identity::{Digest, UniqueId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{World, meet, met, refused, refused_by_peer, within};

#[tokio::test]
async fn both_attest_then_bytes_flow_both_ways() {
    let world = World::new();
    let (client, server) = (world.node(1).expecting(&[2]), world.node(2).expecting(&[1, 3]));
    let (mut near, mut far) = met(&client, &server).await;

    assert_eq!(near.peer().node, [2; 32]);
    assert_eq!(far.peer().node, [1; 32]);
    assert_eq!(near.peer().key, server.key.public_key());
    assert_eq!(far.peer().key, client.key.public_key());
    assert!(near.peer().key.len() <= MAX_KEY_BYTES);
    let admission = &far.peer().admission;
    assert_eq!(admission.pin, "image-0");
    assert!(admission.verdict.admits() && admission.verdict.simulated);
    assert_ne!(near.peer().admission.platform, far.peer().admission.platform);
    assert!(world.marks.now().floor_s() > 0);

    // More than every buffer on the way holds, both ways at once.
    let sent: Vec<u8> = (0..8_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
    let expected = sent.clone();
    let echo = tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(&mut far);
        tokio::io::copy(&mut read, &mut write).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let (mut read, mut write) = tokio::io::split(&mut near);
    let mut back = Vec::new();
    within(async {
        tokio::join!(
            async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            },
            async { read.read_to_end(&mut back).await.unwrap() },
        )
    })
    .await;
    assert!(back == expected);
    echo.await.unwrap();
}

#[tokio::test]
async fn a_difference_in_terms_is_named_on_both_sides() {
    let world = World::new();
    let server = world.node(2);
    let good = world.terms();
    for (code, terms) in [
        ("organism-mismatch", Terms { organism: Digest::of("x"), ..good }),
        ("epoch-mismatch", Terms { epoch: 6, ..good }),
        ("surface-mismatch", Terms { surface: UniqueId::from_name("x"), ..good }),
        ("policy-mismatch", Terms { policy: Digest::of("x"), ..good }),
    ] {
        let mut client = world.node(1);
        client.session.demands = terms;
        client.session.offers = vec![terms];
        let (near, far) = meet(&client, &server).await;
        // Both see it in the other's request: whoever is first says so.
        for outcome in [near, far] {
            match outcome {
                Err(TlsError::Refused { refusal } | TlsError::RefusedByPeer { refusal }) => {
                    assert_eq!(refusal.code(), code);
                }
                other => panic!("{code}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_nearest_of_several_offers_is_the_one_that_is_explained() {
    let world = World::new();
    let (mut client, mut server) = (world.node(1), world.node(2));
    let mut other = world.terms();
    other.organism = Digest::of("other organism");
    server.session.offers = vec![other, world.terms()];
    let (near, far) = meet(&client, &server).await;
    assert!(near.is_ok() && far.is_ok());

    client.session.demands.policy = Digest::of("older pins");
    server.session.demands = client.session.demands;
    client.session.offers = vec![client.session.demands];
    let (near, far) = meet(&client, &server).await;
    assert_eq!(refused(far), "policy-mismatch");
    assert_eq!(refused_by_peer(near), "policy-mismatch");

    server.session.offers.clear();
    let (near, _) = meet(&client, &server).await;
    assert_eq!(refused_by_peer(near), "nothing-offered");
}

#[tokio::test]
async fn a_node_id_that_is_not_expected_is_refused_before_any_quote() {
    let world = World::new();
    let (client, server) = (world.node(1), world.node(2).expecting(&[3]));
    let (near, far) = meet(&client, &server).await;
    assert_eq!(refused(far), "node-not-expected");
    assert_eq!(refused_by_peer(near), "node-not-expected");
}

#[tokio::test]
async fn a_guest_of_another_image_is_refused_as_a_diff_on_both_sides() {
    let world = World::new();
    let (good, other) =
        (world.node(2), world.node_of(1, SimulatedImage::new("node 1.0", "ro init=/bin/sh")));
    for (near, far) in [meet(&other, &good).await, {
        let (near, far) = meet(&good, &other).await;
        (far, near)
    }] {
        let Err(TlsError::RefusedByPeer { refusal }) = near else { panic!("{near:?}") };
        assert!(
            refusal.text().to_lowercase().contains("rtmr2") && refusal.text().contains("image-0")
        );
        assert_eq!(refusal.code(), refused(far));
    }
}

#[tokio::test]
async fn a_verdict_that_ends_now_opens_nothing() {
    let world = World::new();
    let (client, server) = (world.node(1), world.node(2));
    // The last second of the collateral: good enough for a verdict, not for a connection.
    world.clock.store(world.collateral.expires().0, Ordering::SeqCst);
    let (near, far) = meet(&client, &server).await;
    assert_eq!(refused(far), "verdict-expired");
    assert_eq!(refused_by_peer(near), "verdict-expired");
    world.pass(1);
    let (near, far) = meet(&client, &server).await;
    let code = refused(far);
    assert!(code.ends_with("-expired") && code != "verdict-expired", "{code}");
    assert_eq!(refused_by_peer(near), code);
}

#[tokio::test]
async fn a_node_whose_parts_disagree_on_simulation_does_not_start() {
    let world = World::new();
    let (mut client, mut server) = (world.node(1), world.node(2));
    for node in [&mut client, &mut server] {
        node.endpoint = Endpoint::new(&node.key, false, world.clock(), world.limits).unwrap();
    }
    let (near, far) = meet(&client, &server).await;
    assert!(matches!(near, Err(TlsError::MixedTrust)), "{near:?}");
    assert!(matches!(far, Err(TlsError::MixedTrust)), "{far:?}");
}
