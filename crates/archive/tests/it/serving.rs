//! What a server answers.

use std::os::unix::fs::FileExt;

use holobiont_archive::{ClientError, Problem, RecordReader, SegmentEntry, Served, SurfaceHead};
use holobiont_identity::{Digest, UniqueId};

use crate::world::{Publication, World, genesis, open, within};

/// The problem that a path is answered with.
async fn problem(client: &holobiont_archive::Client, path: &str) -> Problem {
    match within(client.get(path)).await {
        Err(ClientError::Status { problem }) => *problem,
        other => panic!("{other:?}"),
    }
}

async fn head(client: &holobiont_archive::Client, publication: &Publication) -> SurfaceHead {
    let document = within(client.get(&publication.path("head"))).await.unwrap();
    serde_json::from_slice(&document).unwrap()
}

#[tokio::test]
async fn a_head_tells_genesis_start_and_the_durable_end() {
    let (world, publication) = (World::new(), Publication::new());
    let (server, client) = open(&world, &publication).await;
    let empty = head(&client, &publication).await;
    assert_eq!((empty.genesis(), empty.next_seq, empty.head), (genesis(), 0, None));
    assert_eq!(empty.start.chain_before, genesis().chain_start());

    publication.grow(100);
    let synced = publication.surface.view().unwrap().mark();
    // Written, not durable: nobody's business.
    publication.surface.append(&[crate::world::record(100, b"later")]).unwrap();
    let grown = head(&client, &publication).await;
    assert_eq!((grown.earliest, grown.next_seq, grown.head), (0, 100, synced));
    server.stop().await;
}

#[tokio::test]
async fn records_come_as_stored_from_anywhere_to_anywhere() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(200);
    let (server, client) = open(&world, &publication).await;
    for (from, to) in [(0, 200), (0, 1), (15, 17), (16, 16), (37, 120), (199, 200)] {
        let path = publication.path(&format!("records?from={from}&to={to}"));
        let mut body = within(client.stream(&path)).await.unwrap();
        let mut reader = RecordReader::new(&genesis(), from);
        while let Some(piece) = within(body.chunk()).await.unwrap() {
            reader.push(&piece);
        }
        let count = reader.take().unwrap().map_or(0, |batch| batch.count() as u64);
        assert_eq!((count, reader.waiting_bytes()), (to - from, 0), "{from} to {to}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_had_is_named() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(1_000);
    let kept = publication.surface.with_writer(|writer| writer.retain_from(500)).unwrap();
    assert!(kept.earliest > 0);
    let (server, client) = open(&world, &publication).await;

    let gap = problem(&client, &publication.path("records?from=0")).await;
    assert_eq!((gap.status, gap.code.as_str()), (410, "gap"));
    assert_eq!(gap.earliest, Some(kept.earliest));
    assert_eq!(gap.start.unwrap().first_seq, kept.earliest);
    let ahead = problem(&client, &publication.path("records?from=1001")).await;
    assert_eq!((ahead.status, ahead.code.as_str(), ahead.next_seq), (416, "ahead", Some(1_000)));

    let ours = publication.surface.view().unwrap().head_at(599).unwrap().hash;
    let after = |hash: Digest| publication.path(&format!("records?from=600&to=601&after={hash}"));
    let other = problem(&client, &after(Digest::of("another history"))).await;
    assert_eq!((other.status, other.code.as_str()), (409, "other-history"));
    assert!(within(client.stream(&after(ours))).await.is_ok());

    let stranger = format!("/v1/surfaces/{}/head", UniqueId::from_name("stranger"));
    for (path, status, code) in [
        (stranger.as_str(), 404, "unknown-surface"),
        ("/v1/surfaces/zz/head", 404, "unknown-surface"),
        (&publication.path("records"), 400, "bad-query"),
        (&publication.path("records?from=-1"), 400, "bad-query"),
        (&publication.path("records?from=0&after=zz"), 400, "bad-query"),
        (&publication.path("records?from=0&form=1"), 400, "bad-query"),
        (&publication.path("segments/0"), 410, "gap"),
        (&publication.path("segments/x"), 404, "unknown-path"),
        (&publication.path("segments/501"), 404, "unknown-segment"),
        ("/v1/elsewhere", 404, "http"),
    ] {
        let problem = problem(&client, path).await;
        assert_eq!((problem.status, problem.code.as_str()), (status, code), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn sealed_segments_are_served_as_files() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(1_000);
    let (server, client) = open(&world, &publication).await;
    let listed = within(client.get(&publication.path("segments"))).await.unwrap();
    let listed: Vec<SegmentEntry> = serde_json::from_slice(&listed).unwrap();
    let view = publication.surface.view().unwrap();
    let sealed: Vec<_> = view.segments().filter(|it| it.sealed).collect();
    assert!(sealed.len() > 1 && listed.len() == sealed.len());
    for (entry, info) in listed.iter().zip(sealed) {
        assert_eq!((entry.first_seq, Some(entry.last_seq)), (info.first_seq, info.last_seq));
        let path = publication.path(&format!("segments/{}", entry.first_seq));
        let mut body = within(client.stream(&path)).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = within(body.chunk()).await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let file = std::fs::File::open(&info.file).unwrap();
        let mut there = vec![0; usize::try_from(entry.size_bytes).unwrap()];
        file.read_exact_at(&mut there, 0).unwrap();
        assert_eq!(bytes, there);
    }
    server.stop().await;
}

/// Ranges and entity tags, asked of the router itself: the client has no way to send them.
#[tokio::test]
async fn segments_have_ranges_and_entity_tags() {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    let (world, publication) = (World::new(), Publication::new());
    publication.grow(1_000);
    let (server, client) = open(&world, &publication).await;
    let peer = within(client.connect()).await.unwrap();
    let router = holobiont_archive::surface_routes(holobiont_archive::SurfaceRoutes {
        shelf: std::sync::Arc::new(publication.shelf()),
        gate: std::sync::Arc::new(holobiont_archive::OpenGate),
        observer: std::sync::Arc::new(holobiont_archive::NoObserver),
        stop: publication.stop.clone(),
    });
    let path = publication.path("segments/0");
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri(&path).extension(peer.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name| {
            parts
                .headers
                .get(name)
                .map(|it: &axum::http::HeaderValue| it.to_str().unwrap().to_owned())
        };
        (
            parts.status,
            header("etag"),
            header("content-range"),
            to_bytes(body, 1 << 20).await.unwrap(),
        )
    };
    let (status, tag, _, whole) = ask(&[]).await;
    let tag = tag.unwrap();
    assert_eq!(status, StatusCode::OK);
    let (status, _, range, part) = ask(&[("range", "bytes=10-19")]).await;
    assert_eq!((status, &part[..]), (StatusCode::PARTIAL_CONTENT, &whole[10..20]));
    assert_eq!(range.unwrap(), format!("bytes 10-19/{}", whole.len()));
    let (status, _, range, _) = ask(&[("range", "bytes=99999999-")]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(range.unwrap(), format!("bytes */{}", whole.len()));
    let (status, _, _, nothing) = ask(&[("if-none-match", &format!("\"x\", {tag}"))]).await;
    assert_eq!((status, nothing.len()), (StatusCode::NOT_MODIFIED, 0));
    let (status, ..) = ask(&[("if-none-match", "\"x\"")]).await;
    assert_eq!(status, StatusCode::OK);
    // What is to be continued is another file by now: it is sent whole.
    let (status, ..) = ask(&[("range", "bytes=10-19"), ("if-range", "\"x\"")]).await;
    assert_eq!(status, StatusCode::OK);
    let (status, ..) = ask(&[("range", "bytes=10-19"), ("if-range", &tag)]).await;
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    server.stop().await;
}

#[tokio::test]
async fn a_drain_ends_answers_cleanly() {
    let (world, publication) = (World::new(), Publication::new());
    publication.grow(10);
    let (server, client) = open(&world, &publication).await;
    let mut body = within(client.stream(&publication.path("records?from=0"))).await.unwrap();
    assert!(within(body.chunk()).await.unwrap().is_some());
    let (ended, ()) = within(async { tokio::join!(body.chunk(), server.stop()) }).await;
    assert!(matches!(ended, Ok(None)), "{ended:?}");
    assert!(within(client.get(&publication.path("head"))).await.is_err());
}
