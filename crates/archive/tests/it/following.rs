//! A follower keeps a copy equal, whatever becomes of the connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use holobiont_archive::{
    DirectoryServed, FollowError, FollowEvent, Follower, OpenGate, Served, Sink, Source, Stop,
    Trouble, WrittenSurface,
};
use holobiont_surface::{Head, SurfaceWriter, WriterOptions};
use proptest::prelude::*;
use tokio::sync::Notify;

use crate::proxy::Proxy;
use crate::world::{Publication, World, genesis, open, record, within};

/// Waits until a copy has so many records, durably.
async fn has(copy: &WrittenSurface, next_seq: u64) {
    within(copy.growth().wait_for(|end| *end >= next_seq)).await.unwrap();
}

fn head(surface: &WrittenSurface) -> Option<Head> {
    surface.view().unwrap().mark()
}

#[tokio::test]
async fn backfill_and_live_tail_are_one() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(5_000);
    let (server, client) = open(&world, &publication).await;
    let (copy, stop) = (publication.copy(), Stop::default());
    let follower = Follower::new(Source::remote(client, publication.id()), copy.clone());
    let (stopping, events) = (stop.clone(), Arc::new(Mutex::new(Vec::new())));
    let told = Arc::clone(&events);
    let following = tokio::spawn(async move {
        follower.run(&stopping, &move |event| told.lock().unwrap().push(event)).await
    });
    has(&copy, 5_000).await;
    for more in 1..=20 {
        publication.grow(7);
        has(&copy, 5_000 + 7 * more).await;
    }
    assert_eq!(head(&copy), head(&publication.surface));
    stop.stop();
    within(following).await.unwrap().unwrap();
    let events = events.lock().unwrap().clone();
    assert!(matches!(events[0], FollowEvent::Connected { next_seq: 5_000 }), "{:?}", events[0]);
    // One answer for all of it.
    let connected = events.iter().filter(|it| matches!(it, FollowEvent::Connected { .. })).count();
    assert_eq!(connected, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_directory_of_another_process_is_followed_like_a_server() {
    let publication = Publication::new();
    publication.grow(1_000);
    let served = DirectoryServed::open(&publication.dir.path().join("s")).await.unwrap();
    let (copy, stop) = (publication.copy(), Stop::default());
    let follower = Follower::new(Source::local(Arc::new(served)), copy.clone());
    let stopping = stop.clone();
    let following = tokio::spawn(async move { follower.run(&stopping, &|_| {}).await });
    has(&copy, 1_000).await;
    publication.grow(500);
    has(&copy, 1_500).await;
    assert_eq!(head(&copy), head(&publication.surface));
    stop.stop();
    within(following).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_range_is_fetched_exactly() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(3_000);
    let (server, client) = open(&world, &publication).await;
    let (copy, stop) = (publication.copy(), Stop::default());
    let follower = Follower::new(Source::remote(client, publication.id()), copy.clone());
    for to in [10, 10, 11, 2_000, 5] {
        let fetched = within(follower.fetch_to(to, &stop)).await.unwrap().unwrap();
        let expected = to.max(copy.next_seq());
        assert_eq!(copy.next_seq(), expected);
        assert_eq!(fetched, publication.surface.view().unwrap().head_at(expected - 1).unwrap());
    }
    server.stop().await;
    let error = within(follower.fetch_to(2_500, &stop)).await.unwrap_err();
    assert_eq!((error.is_final(), error.trouble()), (false, Trouble::Source), "{error}");
}

#[tokio::test]
async fn a_gap_is_told_and_not_jumped() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(2_000);
    let (server, client) = open(&world, &publication).await;
    let (copy, stop) = (publication.copy(), Stop::default());
    let follower = Follower::new(Source::remote(client, publication.id()), copy.clone());
    within(follower.fetch_to(100, &stop)).await.unwrap();
    let earliest = publication.surface.with_writer(|it| it.retain_from(1_500)).unwrap().earliest;
    let error = within(follower.run(&stop, &|_| {})).await.unwrap_err();
    assert_eq!(error.trouble(), Trouble::Gap);
    let FollowError::Gap { wanted: 100, start } = error else { panic!("{error:?}") };
    assert_eq!((start.first_seq, copy.next_seq()), (earliest, 100));

    // A copy that begins there goes on with the same heads.
    let dir = publication.dir.path().join("resumed");
    let options = WriterOptions::default();
    let writer = SurfaceWriter::create_at(&dir, genesis(), start.start_at(), options).unwrap();
    let resumed = Arc::new(WrittenSurface::new(writer));
    let client = world.node(3).client(server.address());
    let follower = Follower::new(Source::remote(client, publication.id()), resumed.clone());
    within(follower.fetch_to(2_000, &stop)).await.unwrap();
    assert_eq!(head(&resumed), head(&publication.surface));
    server.stop().await;
}

#[tokio::test]
async fn another_history_is_refused_and_a_shorter_one_waited_for() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(50);
    let (server, client) = open(&world, &publication).await;
    let stop = Stop::default();

    let forked = publication.copy();
    (0..40).for_each(|seq| {
        forked.append(&[record(seq, b"another history")]).unwrap();
    });
    let follower = Follower::new(Source::remote(client.clone(), publication.id()), forked.clone());
    let error = within(follower.run(&stop, &|_| {})).await.unwrap_err();
    assert!(matches!(error, FollowError::OtherHistory { seq: 39 }), "{error:?}");
    assert_eq!((error.trouble(), forked.next_seq()), (Trouble::Data, 40));

    let further = publication.copy();
    let reading = Follower::new(Source::remote(client.clone(), publication.id()), further.clone());
    within(reading.fetch_to(50, &stop)).await.unwrap();
    further.append(&[record(50, b"that the source has lost")]).unwrap();
    let told = Arc::new(Notify::new());
    let (telling, stopping) = (Arc::clone(&told), stop.clone());
    let waiting = tokio::spawn(async move {
        let tell = move |event| {
            let FollowEvent::Trouble { error, .. } = event else { return };
            assert!(matches!(error, FollowError::Ahead { ours: 51, theirs: 50 }), "{error:?}");
            telling.notify_one();
        };
        reading.run(&stopping, &tell).await
    });
    within(told.notified()).await;
    stop.stop();
    within(waiting).await.unwrap().unwrap();
    server.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The road is cut after any number of bytes, again and again, while the member goes on.
    #[test]
    fn no_record_is_lost_or_doubled_over_cut_connections(
        cuts in prop::collection::vec(0_u64..60_000, 1..5),
        growth in prop::collection::vec(1_u64..200, 1..6),
        payload_bytes in 0_usize..3_000,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, publication) = (World::new(), Publication::new());
            publication.grow_by(100, payload_bytes);
            let server = world.node(1).publish(&publication, OpenGate).await;
            let proxy = Proxy::to(server.address()).await;
            let client = world.node(2).client(proxy.address);
            // Past what the attestation takes, so that each cut is among records.
            let mut cuts = cuts.into_iter();
            let next = move || cuts.next().map_or(u64::MAX, |cut| 12_000 + cut);
            let next = Mutex::new(next);
            proxy.allowed.store(next.lock().unwrap()(), Ordering::SeqCst);
            let (copy, stop, allowed) =
                (publication.copy(), Stop::default(), Arc::clone(&proxy.allowed));
            let follower = Follower::new(Source::remote(client, publication.id()), copy.clone());
            let stopping = stop.clone();
            let following = tokio::spawn(async move {
                let tell = move |event| match event {
                    FollowEvent::Trouble { error, .. } => {
                        assert!(!error.is_final(), "{error}");
                        allowed.store(next.lock().unwrap()(), Ordering::SeqCst);
                    }
                    FollowEvent::Grown { .. } | FollowEvent::Connected { .. } => {}
                    other => panic!("{other:?}"),
                };
                follower.run(&stopping, &tell).await
            });
            let mut end = 100;
            for more in growth {
                publication.grow_by(more, payload_bytes);
                end += more;
                has(&copy, end).await;
            }
            assert_eq!(head(&copy), head(&publication.surface));
            stop.stop();
            within(following).await.unwrap().unwrap();
            server.stop().await;
        });
    }
}

/// A copy that is cut back under a reader, and grows otherwise, is not mixed with what it was.
#[tokio::test]
async fn a_history_that_changes_under_a_reader_ends_its_answer() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(30);
    let (server, client) = open(&world, &publication).await;
    let path = publication.path("records?from=0");
    let mut body = within(client.stream(&path)).await.unwrap();
    assert!(within(body.chunk()).await.unwrap().is_some());
    publication.surface.with_writer(|writer| {
        writer.cut_back(10).unwrap();
        for seq in 10..40 {
            writer.append(record(seq, b"another history")).unwrap();
        }
        writer.sync().unwrap();
    });
    assert!(within(body.chunk()).await.is_err());
    server.stop().await;
}
