use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use holobiont_identity::Digest;
use holobiont_surface::{SegmentInfo, Surface};
use tokio::task::spawn_blocking;

use super::range::Asked;
use super::{Named, Peer, Routes, looking, named, unreadable};
use crate::limits::{BLOCK_BYTES, MAX_LISTED_SEGMENTS};
use crate::{Problem, SegmentEntry};

/// The end of a sealed segment: the hash over its footer is in it.
const END_BYTES: u64 = 64;

pub(super) async fn list(
    State(routes): Routes,
    Extension(peer): Peer,
    surface: Named<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<SegmentEntry>>, Problem> {
    let (_, served) = routes.admit(&peer, &named(surface)?, &headers)?;
    let end = *served.growth().borrow();
    let listed = looking(served, move |view| {
        Ok(sealed(view, end).map(|(entry, _)| entry).take(MAX_LISTED_SEGMENTS).collect())
    });
    listed.await.map(Json)
}

/// The sealed segments all of whose records may leave.
fn sealed(view: &Surface, end: u64) -> impl Iterator<Item = (SegmentEntry, &SegmentInfo)> {
    view.segments().filter_map(move |info| {
        let (last_seq, (first_clock, last_clock)) = (info.last_seq?, info.clocks?);
        let entry = SegmentEntry {
            first_seq: info.first_seq,
            last_seq,
            first_clock,
            last_clock,
            size_bytes: info.size_bytes,
            windows: info.windows,
        };
        (info.sealed && last_seq < end).then_some((entry, info))
    })
}

pub(super) async fn segment(
    State(routes): Routes,
    Extension(peer): Peer,
    path: Named<(String, u64)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (surface, first_seq) = named(path)?;
    let (_, served) = routes.admit(&peer, &surface, &headers)?;
    let end = *served.growth().borrow();
    let found = looking(served, move |view| {
        let found = sealed(view, end).find(|(entry, _)| entry.first_seq == first_seq);
        Ok((view.earliest(), found.map(|(_, info)| info.clone())))
    });
    let (earliest, info) = found.await?;
    let gone = || Problem {
        earliest: Some(earliest),
        ..Problem::new(410, "gap", format!("no record before {earliest} is kept"))
    };
    let info = match info {
        Some(info) => info,
        None if first_seq < earliest => return Err(gone()),
        None => {
            let detail = "no sealed segment begins there: ask for the list";
            return Err(Problem::new(404, "unknown-segment", detail));
        }
    };
    let length = info.size_bytes;
    let opened = spawn_blocking(move || open(&info)).await.map_err(|_| unreadable())?;
    let (file, tag) = opened.map_err(|error| match error.kind() {
        // Retention was quicker.
        io::ErrorKind::NotFound => gone(),
        _ => {
            tracing::error!(%error, "a segment cannot be read");
            unreadable()
        }
    })?;
    Ok(answer(Arc::new(file), length, &tag, &headers))
}

/// The file and its entity tag: its end names every byte before.
fn open(info: &SegmentInfo) -> io::Result<(File, String)> {
    let file = File::open(&info.file)?;
    let from = info.size_bytes.saturating_sub(END_BYTES);
    let length = usize::try_from(info.size_bytes.saturating_sub(from)).unwrap_or(0);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, from)?;
    Ok((file, format!("\"{}\"", Digest::of(&bytes))))
}

fn answer(file: Arc<File>, length: u64, tag: &str, headers: &HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_known = text(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|it| it.trim() == tag));
    let tagged = [(header::ETAG, tag.to_owned()), (header::ACCEPT_RANGES, "bytes".to_owned())];
    if is_known {
        return (StatusCode::NOT_MODIFIED, tagged).into_response();
    }
    let still_same = text(header::IF_RANGE).is_none_or(|it| it.trim() == tag);
    match Asked::read(text(header::RANGE).filter(|_| still_same), length) {
        Asked::Whole => (tagged, bytes(file, 0..length)).into_response(),
        Asked::Part(part) => {
            let last = part.end.saturating_sub(1);
            let range = format!("bytes {}-{last}/{length}", part.start);
            let status = StatusCode::PARTIAL_CONTENT;
            (status, tagged, [(header::CONTENT_RANGE, range)], bytes(file, part)).into_response()
        }
        Asked::Unsatisfiable => {
            let detail = format!("the segment has {length} bytes");
            let range = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            (range, Problem::new(416, "range", detail)).into_response()
        }
    }
}

/// A part of a file, one block at a time.
fn bytes(file: Arc<File>, part: Range<u64>) -> Response {
    let length = part.end.saturating_sub(part.start);
    let blocks = futures_util::stream::try_unfold(part, move |left| {
        let file = Arc::clone(&file);
        async move {
            let room = left.end.saturating_sub(left.start);
            let size = usize::try_from(room).unwrap_or(usize::MAX).min(BLOCK_BYTES);
            if size == 0 {
                return Ok(None);
            }
            let start = left.start;
            let block = spawn_blocking(move || {
                let mut block = vec![0; size];
                file.read_exact_at(&mut block, start).map(|()| block)
            });
            let block = block.await.map_err(io::Error::other)??;
            let next = start.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
            Ok::<_, io::Error>(Some((Bytes::from(block), next..left.end)))
        }
    });
    let described = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    (described, Body::from_stream(blocks)).into_response()
}
