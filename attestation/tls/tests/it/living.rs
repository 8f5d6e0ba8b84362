//! What a living connection does as time passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holobiont_attestation::{Evidence, TlsBinding};
use holobiont_attestation_tls::exchange::{Frame, Request};
use holobiont_attestation_tls::{Attested, Limits, Prover, ProverError, Standing, TlsError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::{Raw, quoted};
use crate::world::{NOW_S, World, met, reason, sockets, within};

/// Sends a byte there and back until both standings have been through so many rounds.
async fn ping_until(near: &mut Attested<TcpStream>, far: &mut Attested<TcpStream>, rounds: u64) {
    within(async {
        while near.peer().rounds < rounds || far.peer().rounds < rounds {
            ping(near, far).await.unwrap();
        }
    })
    .await;
}

async fn ping(
    near: &mut Attested<TcpStream>,
    far: &mut Attested<TcpStream>,
) -> std::io::Result<()> {
    near.write_u8(7).await?;
    let there = far.read_u8().await?;
    far.write_u8(there + 1).await?;
    assert_eq!(near.read_u8().await?, 8);
    Ok(())
}

#[tokio::test]
async fn re_attestation_keeps_the_stream() {
    let world = World::new();
    let (mut near, mut far) = met(&world.node(1), &world.node(2)).await;
    ping(&mut near, &mut far).await.unwrap();
    near.standing().reattest();
    ping_until(&mut near, &mut far, 2).await;
    // Both at once is one round, or two, but never an error.
    near.standing().reattest();
    far.standing().reattest();
    ping_until(&mut near, &mut far, 3).await;
    assert_eq!(near.peer().node, [2; 32]);
}

#[tokio::test]
async fn a_round_that_is_under_way_is_enough_for_whoever_asks() {
    let world = World::new();
    let (mut near, mut far) = met(&world.node(1), &world.node(2)).await;
    near.standing().reattest();
    near.flush().await.unwrap();
    // Its request is out.
    near.standing().reattest();
    ping_until(&mut near, &mut far, 2).await;
    for _ in 0..100 {
        ping(&mut near, &mut far).await.unwrap();
    }
    assert_eq!((near.peer().rounds, far.peer().rounds), (2, 2));
}

#[tokio::test]
async fn a_blocked_reader_is_enough_for_a_re_attestation() {
    let world = World::new();
    let (near, mut far) = met(&world.node(1), &world.node(2)).await;
    let standing = near.standing();
    let reading = tokio::spawn(async move {
        let mut near = near;
        near.read_u8().await
    });
    far.standing().reattest();
    // Only the other's side moves here, by flushing.
    within(async {
        while standing.peer().rounds < 2 || far.peer().rounds < 2 {
            far.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
    })
    .await;
    far.write_u8(3).await.unwrap();
    far.flush().await.unwrap();
    assert_eq!(within(reading).await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn a_split_stream_re_attests_while_both_halves_are_busy() {
    let world = World::new();
    let (near, far) = met(&world.node(1), &world.node(2)).await;
    let standings: [Standing; 2] = [near.standing(), far.standing()];
    let (mut near_read, mut near_write) = tokio::io::split(near);
    let (mut far_read, mut far_write) = tokio::io::split(far);
    let block = vec![5; 200_000];
    let seen = standings.clone();
    let sending = tokio::spawn(async move {
        // Until the rounds are through, then to a clean end.
        while seen.iter().any(|it| it.peer().rounds < 3) {
            near_write.write_all(&block).await.unwrap();
        }
        near_write.shutdown().await.unwrap();
    });
    let echoing = tokio::spawn(async move {
        let count = tokio::io::copy(&mut far_read, &mut far_write).await.unwrap();
        far_write.shutdown().await.unwrap();
        count
    });
    let asking = tokio::spawn(async move {
        for rounds in [2, 3] {
            standings[0].reattest();
            while standings.iter().any(|it| it.peer().rounds < rounds) {
                tokio::task::yield_now().await;
            }
        }
    });
    let mut waste = tokio::io::sink();
    let received = within(tokio::io::copy(&mut near_read, &mut waste)).await.unwrap();
    let echoed = within(async { tokio::join!(sending, asking, echoing) }).await;
    assert_eq!(echoed.2.unwrap(), received);
    echoed.0.unwrap();
    echoed.1.unwrap();
}

#[tokio::test]
async fn it_ends_when_the_verdict_expires() {
    let world = World::new();
    let (mut near, mut far) = met(&world.node(1), &world.node(2)).await;
    let expires_s = near.peer().admission.expires_s;
    world.clock.store(expires_s - 1, Ordering::SeqCst);
    near.write_u8(1).await.unwrap();
    near.flush().await.unwrap();
    assert_eq!(within(far.read_u8()).await.unwrap(), 1);

    world.clock.store(expires_s, Ordering::SeqCst);
    let error = near.write_u8(2).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(matches!(reason(&error), TlsError::Expired { now_s, .. } if *now_s == expires_s));
    let (near_error, far_error) =
        within(async { tokio::join!(near.read_u8(), far.read_u8()) }).await;
    assert!(matches!(reason(&near_error.unwrap_err()), TlsError::Expired { .. }));
    assert!(far_error.is_err());
    // The end is the end.
    world.clock.store(NOW_S, Ordering::SeqCst);
    assert!(near.write_u8(2).await.is_err());
}

#[tokio::test]
async fn a_blocked_reader_learns_that_the_verdict_has_expired() {
    let world = World::new();
    let (near, far) = met(&world.node(1), &world.node(2)).await;
    let expires_s = far.peer().admission.expires_s;
    let blocked = tokio::spawn(async move {
        let mut near = near;
        near.read_u8().await
    });
    tokio::task::yield_now().await;
    world.clock.store(expires_s, Ordering::SeqCst);
    let error = within(blocked).await.unwrap().unwrap_err();
    // By its own clock, or because the other side, whose verdict ends as well, said so first.
    assert!(matches!(reason(&error), TlsError::Expired { .. } | TlsError::RefusedByPeer { .. }));
    drop(far);
}

#[tokio::test]
async fn it_attests_anew_by_itself_and_so_outlives_its_first_verdict() {
    let mut world = World::new();
    world.pins.tcb.max_quote_age_s = 1_000;
    let (mut near, mut far) = met(&world.node(1), &world.node(2)).await;
    let first_s = near.peer().admission.expires_s;
    assert_eq!(first_s, NOW_S + 1_000);
    world.pass(600);
    ping_until(&mut near, &mut far, 2).await;
    assert_eq!(near.peer().admission.expires_s, first_s + 600);
    world.pass(600);
    ping_until(&mut near, &mut far, 3).await;
    // The host sets the clock back: this connection goes on from the latest it has seen.
    world.clock.store(NOW_S, Ordering::SeqCst);
    near.standing().reattest();
    ping_until(&mut near, &mut far, 4).await;
    assert_eq!(near.peer().admission.expires_s, first_s + 1_200);
}

/// A peer must not get around re-attestation by ending its own half.
#[tokio::test]
async fn half_a_connection_ends_when_it_would_have_attested() {
    let world = World::new();
    let (mut near, mut far) = met(&world.node(1), &world.node(2)).await;
    far.shutdown().await.unwrap();
    assert_eq!(within(near.read(&mut [0; 8])).await.unwrap(), 0);
    let limits = Limits::default();
    world.pass(limits.reattest_after_s);
    near.write_u8(1).await.unwrap();
    world.pass(limits.round_deadline_ms / 1_000);
    assert!(NOW_S + limits.reattest_after_s + 60 < near.peer().admission.expires_s);
    let error = near.write_u8(2).await.unwrap_err();
    assert!(matches!(reason(&error), TlsError::TimedOut { .. }), "{error}");
}

/// Good evidence once, then evidence of another connection.
struct Turncoat {
    inner: Arc<dyn Prover>,
    calls: AtomicUsize,
    fails: bool,
}

impl Prover for Turncoat {
    fn simulated(&self) -> bool {
        true
    }
    fn evidence(&self, binding: &TlsBinding) -> Result<Evidence, ProverError> {
        let mut binding = binding.clone();
        if self.calls.fetch_add(1, Ordering::SeqCst) > 0 {
            if self.fails {
                return Err(ProverError::Abandoned);
            }
            binding.exporter[0] ^= 1;
        }
        self.inner.evidence(&binding)
    }
}

#[tokio::test]
async fn a_failed_re_attestation_ends_the_stream_on_both_sides() {
    for (fails, code) in [(false, "report-data"), (true, "no-evidence")] {
        let world = World::new();
        let (client, mut server) = (world.node(1), world.node(2));
        let inner = Arc::clone(&server.session.prover);
        server.session.prover = Arc::new(Turncoat { inner, calls: AtomicUsize::new(0), fails });
        let (mut near, mut far) = met(&client, &server).await;
        ping(&mut near, &mut far).await.unwrap();
        near.standing().reattest();
        let (near_error, far_error) =
            within(async { tokio::join!(near.read_u8(), far.read_u8()) }).await;
        let (near_error, far_error) = (near_error.unwrap_err(), far_error.unwrap_err());
        match (reason(&near_error), reason(&far_error)) {
            (TlsError::Refused { refusal }, TlsError::RefusedByPeer { refusal: heard })
                if !fails =>
            {
                assert_eq!((refusal.code(), heard), (code, refusal));
            }
            (TlsError::RefusedByPeer { refusal }, TlsError::Prover { .. }) if fails => {
                assert_eq!(refusal.code(), code);
                assert!(!refusal.text().contains("provider"), "the guest's own affair");
            }
            other => panic!("{other:?}"),
        }
        assert!(near.write_u8(1).await.is_err());
        assert!(far.write_u8(1).await.is_err());
    }
}

#[tokio::test]
async fn a_peer_keeps_its_node_id() {
    let world = World::new();
    let (server, client) = (world.node(2), world.node(1));
    let (dialled, accepted) = sockets().await;
    let request = Request { nonce: [9; 32], node: [1; 32], terms: world.terms() };
    let changing = async {
        let mut raw = Raw::dial(dialled, &client.key).await;
        raw.send(&Frame::Request(request.clone())).await;
        let asked = raw.request().await;
        let binding = raw.binding([1; 32], world.terms(), [9; 32], asked.nonce);
        raw.send(&Frame::Answer(&quoted(&*client.guest, &binding))).await;
        assert_eq!(raw.next().await, Some(Frame::Accept.encode()));
        raw.answer().await;
        raw.send(&Frame::Accept).await;
        raw.send(&Frame::Data(b"!")).await;
        raw.send(&Frame::Request(Request { node: [3; 32], ..request })).await;
        raw.refusal().await.code().to_owned()
    };
    let serving = async {
        let mut attested = server.take(accepted).await.unwrap();
        assert_eq!(attested.read_u8().await.unwrap(), b'!');
        attested.read_u8().await.unwrap_err()
    };
    let (told, error) = within(async { tokio::join!(changing, serving) }).await;
    assert_eq!(told, "node-id-changed");
    assert!(matches!(reason(&error), TlsError::Refused { .. }));
}

#[tokio::test]
async fn a_peer_that_ignores_a_re_attestation_is_dropped() {
    let mut world = World::new();
    world.limits.round_deadline_ms = 50;
    world.limits.linger_ms = 10;
    let (mut near, far) = met(&world.node(1), &world.node(2)).await;
    near.standing().reattest();
    // Nobody polls the far side.
    let error = within(near.read_u8()).await.unwrap_err();
    assert!(matches!(reason(&error), TlsError::TimedOut { phase: "attestation", limit_ms: 50 }));
    drop(far);
}
