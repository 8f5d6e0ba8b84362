//! Sources that send what is no surface.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use holobiont_archive::{
    FollowError, Follower, PreviousClock, RecordReader, Sink, Source, StartOfWindow, Stop,
    SurfaceHead, Trouble,
};
use holobiont_identity::Digest;
use holobiont_surface::{Damage, Head, NewRecord};
use proptest::prelude::*;

use crate::world::{Publication, World, genesis, record, within};

/// A head of a surface that has a hundred records.
fn offered() -> SurfaceHead {
    let genesis = genesis();
    SurfaceHead {
        version: 1,
        surface: genesis.surface_id,
        window_records: genesis.window_records,
        max_window_bytes: genesis.max_window_bytes,
        every_record_closes: false,
        signing_key: None,
        earliest: 0,
        start: StartOfWindow {
            first_seq: 0,
            chain_before: genesis.chain_start(),
            previous_clock: None::<PreviousClock>,
        },
        next_seq: 100,
        head: Some(Head { seq: 99, hash: Digest::of("head") }),
    }
}

/// What a follower says of a source that answers with this, and how many records it took.
async fn followed(head: SurfaceHead, records: Vec<u8>) -> (FollowError, u64) {
    let (world, publication) = (World::new(), Publication::new());
    let id = publication.id();
    let router = Router::new()
        .route(&format!("/v1/surfaces/{id}/head"), get(async move || axum::Json(head)))
        .route(&format!("/v1/surfaces/{id}/records"), get(async move || records));
    let server = world.node(1).serve(router, &publication.stop).await;
    let client = world.node(2).client(server.address());
    let copy = publication.copy();
    let follower = Follower::new(Source::remote(client, id), copy.clone());
    let error = within(follower.fetch_to(100, &Stop::default())).await.unwrap_err();
    server.stop().await;
    (error, copy.next_seq())
}

/// The stored form of records with these numbers, clocks and closings.
fn stored(records: &[(u64, u64, bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (seq, clock, closes_clock) in records {
        let record =
            NewRecord { clock: *clock, closes_clock: *closes_clock, ..record(*seq, b"payload") };
        record.encode_into(*seq, &mut out).unwrap();
    }
    out
}

#[tokio::test]
async fn what_is_no_record_is_refused_after_the_good_ones() {
    let good = stored(&[(0, 5, false), (1, 5, true)]);
    let mut flipped = stored(&[(2, 6, false)]);
    flipped[33] ^= 1;
    let mut long = stored(&[(2, 6, false)]);
    long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut padded = stored(&[(2, 6, false)]);
    *padded.last_mut().unwrap() = 1;
    let limit_bytes = 1 << 20;
    let bad = [
        (flipped, Damage::RecordCrc { seq: 2 }),
        (long, Damage::PayloadTooLong { size_bytes: (1 << 32) + 32, limit_bytes }),
        (padded, Damage::NonZeroPadding { seq: 2 }),
        (stored(&[(3, 6, false)]), Damage::SequenceBroken { expected: 2, got: 3 }),
        (stored(&[(1, 6, false)]), Damage::SequenceBroken { expected: 2, got: 1 }),
        (stored(&[(2, 5, false)]), Damage::ClockReopened { clock: 5 }),
        (stored(&[(2, 4, false)]), Damage::ClockWentBack { previous: 5, got: 4 }),
        (vec![0xff; 4_000], Damage::SequenceBroken { expected: 2, got: u64::MAX }),
    ];
    for (bytes, expected) in bad {
        let (error, took) = followed(offered(), [good.clone(), bytes].concat()).await;
        assert!(error.is_final() && error.trouble() == Trouble::Data);
        let FollowError::BadRecord(bad) = error else { panic!("{error:?}") };
        assert_eq!((bad.seq, bad.what, took), (2, expected, 2));
    }
}

#[tokio::test]
async fn an_answer_that_ends_inside_a_record_is_only_short() {
    let bytes = stored(&[(0, 5, false), (1, 5, true)]);
    let (error, took) = followed(offered(), bytes[..bytes.len() - 3].to_vec()).await;
    assert!(matches!(error, FollowError::Ended { next_seq: 1 }), "{error:?}");
    assert_eq!(took, 1);
}

#[tokio::test]
async fn a_head_that_cannot_be_is_refused() {
    let contradictions: [fn(&mut SurfaceHead); 5] = [
        |head| head.version = 2,
        |head| head.earliest = 1,
        |head| head.head = Some(Head { seq: 7, hash: Digest::of("head") }),
        |head| head.window_records = 0,
        |head| (head.next_seq, head.head) = (0, Some(Head { seq: 0, hash: Digest::of("x") })),
    ];
    for contradict in contradictions {
        let mut head = offered();
        contradict(&mut head);
        let (error, took) = followed(head, stored(&[(0, 5, false)])).await;
        assert!(matches!(error, FollowError::BadHead) && took == 0, "{error:?}");
    }
    let mut other = offered();
    other.window_records = 17;
    let (error, took) = followed(other, stored(&[(0, 5, false)])).await;
    let FollowError::OtherGenesis { ours, theirs } = error else { panic!("{error:?}") };
    assert_eq!((ours.window_records, theirs.window_records, took), (16, 17, 0));
}

#[tokio::test]
async fn what_answers_no_http_is_told_apart() {
    let (world, publication) = (World::new(), Publication::new());
    let teapot = Router::new().fallback(async || axum::http::StatusCode::IM_A_TEAPOT);
    let server = world.node(1).serve(teapot, &publication.stop).await;
    let client = world.node(2).client(server.address());
    let copy: Arc<dyn Sink> = publication.copy();
    let follower = Follower::new(Source::remote(client, publication.id()), copy);
    let error = within(follower.fetch_to(1, &Stop::default())).await.unwrap_err();
    assert_eq!((error.is_final(), error.trouble()), (false, Trouble::Source));
    assert!(error.to_string().contains("418"), "{error}");
    server.stop().await;
}

/// All that a reader takes of these bytes, given in pieces of these lengths.
fn taken(bytes: &[u8], pieces: &[usize]) -> (Vec<u8>, bool) {
    let mut reader = RecordReader::new(&genesis(), 0);
    let (mut rest, mut pieces) = (bytes, pieces.iter().cycle());
    let mut taken = Vec::new();
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
        reader.push(piece);
        rest = later;
        loop {
            match reader.take() {
                Ok(Some(batch)) => taken.extend_from_slice(batch.stored()),
                Ok(None) => break,
                Err(_) => return (taken, true),
            }
        }
    }
    (taken, false)
}

proptest! {
    #[test]
    fn records_come_whole_however_they_are_cut(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        pieces in prop::collection::vec(1_usize..200, 1..10),
        cut in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let mut stored = Vec::new();
        for (seq, payload) in (0..).zip(&payloads) {
            record(seq, payload).encode_into(seq, &mut stored).unwrap();
        }
        prop_assert_eq!(taken(&stored, &pieces), (stored.clone(), false));
        if !stored.is_empty() {
            let short = &stored[..cut.index(stored.len())];
            let (whole, refused) = taken(short, &pieces);
            prop_assert!(!refused && short.starts_with(&whole));
            let mut changed = stored.clone();
            changed[flip.index(stored.len())] ^= 1;
            let (good, _) = taken(&changed, &pieces);
            prop_assert!(stored.starts_with(&good) && good.len() < stored.len());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_waited_for(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        pieces in prop::collection::vec(1_usize..200, 1..10),
    ) {
        prop_assert!(bytes.starts_with(&taken(&bytes, &pieces).0));
    }
}
