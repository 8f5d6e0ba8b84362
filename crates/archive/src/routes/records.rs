use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use holobiont_identity::Digest;
use serde::Deserialize;

use super::{Named, Peer, Routes, bearer, cannot_read, named, unreadable};
use crate::Problem;
use crate::record_blocks::{NoRecords, RecordBlocks, Wanted};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    from: u64,
    to: Option<u64>,
    after: Option<Digest>,
}

pub(super) async fn records(
    State(routes): Routes,
    Extension(peer): Peer,
    surface: Named<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, served) = routes.admit(&peer, &named(surface)?, &headers)?;
    let Query(Asked { from, to, after }) =
        asked.map_err(|error| Problem::new(400, "bad-query", error.body_text()))?;
    let ticket = bearer(&headers)?.map(str::to_owned);
    let (gate, stop) = (Arc::clone(&routes.gate), routes.stop.clone());
    // A ticket that expires, or a node that leaves the roster, ends what it was admitted to.
    let may_read = move || gate.admit(&peer, &id, ticket.as_deref()).is_ok();
    let blocks = RecordBlocks::open(served, Wanted { from, to, after }, stop, may_read).await;
    let blocks = blocks.map_err(problem)?;
    let mut response = Body::from_stream(blocks.into_stream()).into_response();
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn problem(why: NoRecords) -> Problem {
    let detail = why.to_string();
    match why {
        NoRecords::Gap { start, .. } => Problem {
            earliest: Some(start.first_seq),
            start: Some(Box::new(start)),
            ..Problem::new(410, "gap", detail)
        },
        NoRecords::Ahead { next_seq, .. } => {
            Problem { next_seq: Some(next_seq), ..Problem::new(416, "ahead", detail) }
        }
        NoRecords::OtherHistory { .. } => Problem::new(409, "other-history", detail),
        NoRecords::Surface(error) => cannot_read(&error),
        NoRecords::Thread => unreadable(),
    }
}
