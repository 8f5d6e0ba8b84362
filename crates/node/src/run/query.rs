pub(crate) mod commits;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use holobiont_archive::{Problem, Served, SurfaceHead};
use holobiont_committee::ExportError;
use holobiont_identity::{Digest, UniqueId};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::giving::Giving;
use super::listening::Caller;
use super::places::NoPlace;
use super::running::Running;
use super::surfaces::{head_of, records};
use super::told::{TellMember, Told};

/// Bytes, for what proves itself.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const TOML: HeaderValue = HeaderValue::from_static("application/toml");
/// Size of a piece of an export, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// What anybody may ask: it proves itself, so that plain HTTP will do.
pub(crate) fn routes(running: Arc<Running>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/members", get(members))
        .route("/v1/commits/{seq}", get(commits::commit))
        .route("/v1/commits/{seq}/evidence", get(commits::evidence))
        .route("/v1/certificates/latest", get(latest))
        .route("/v1/certificates/{cut}", get(certificate))
        .route("/v1/cuts", get(cuts))
        .route("/v1/configs/{hash}", get(config))
        .route("/v1/surfaces/{id}/head", get(head))
        .route("/v1/surfaces/{id}/records", get(surface))
        .layer(DefaultBodyLimit::max(0))
        .with_state(running)
}

type Here = State<Arc<Running>>;

async fn status(State(running): Here) -> Json<Told> {
    Json(running.told())
}

async fn members(State(running): Here) -> Json<Vec<TellMember>> {
    Json(running.told().members)
}

async fn latest(State(running): Here) -> Result<Response, Problem> {
    match running.node().latest_certificate() {
        Some(certificate) => Ok(bytes(certificate.encode())),
        None => Err(Problem::new(404, "no-certificate", "no cut has a certificate yet")),
    }
}

async fn certificate(State(running): Here, Path(cut): Path<u64>) -> Result<Response, Problem> {
    let recent = running.node().with_machine(|it| it.certificate(cut).map(|it| it.encode()));
    let found = match recent {
        Some(recent) => Some(recent),
        None => looking(move || running.certificates().get(cut)).await?,
    };
    found.map(bytes).ok_or_else(|| {
        Problem::new(404, "no-certificate", format!("this node knows no certificate of cut {cut}"))
    })
}

#[derive(Deserialize)]
struct From {
    from: Option<u64>,
}

async fn cuts(
    State(running): Here,
    caller: ConnectInfo<Caller>,
    Query(asked): Query<From>,
) -> Result<Response, Problem> {
    let place = running.long_answer(caller.0.0).map_err(busy)?;
    let (giving, body) = Giving::new();
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let out = Pieces { giving, piece: Vec::with_capacity(PIECE_BYTES) };
        let written = running.export(out, asked.from.unwrap_or(0));
        match written.map(Pieces::end) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::debug!(%why, "an export is read no further"),
            // This node's own files, or what they hold.
            Err(ExportError::File { file, source, .. }) => {
                tracing::error!(file = %file.display(), why = %source, "an export broke off");
            }
            Err(error) => tracing::warn!(%error, "an export broke off"),
        }
    });
    Ok(([(header::CONTENT_TYPE, BYTES)], body).into_response())
}

fn busy(why: NoPlace) -> Problem {
    let detail = match why {
        NoPlace::All => "this node gives as many long answers as it can: ask again",
        NoPlace::Address => "your address has as many long answers as it may: end one, ask again",
    };
    Problem::new(503, "busy", detail)
}

async fn config(State(running): Here, Path(hash): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::new(404, "unknown-config", "this node holds no config of that hash");
    let hash = Digest::from_hex(&hash).map_err(|_| unknown())?;
    let text = running.configs().text(&hash).ok_or_else(unknown)?;
    Ok(([(header::CONTENT_TYPE, TOML)], text.to_string()).into_response())
}

async fn head(State(running): Here, Path(id): Path<String>) -> Result<Json<SurfaceHead>, Problem> {
    let served = served(&running, &id)?;
    let head = looking(move || {
        let end = *served.growth().borrow();
        head_of(&served.view().map_err(io::Error::other)?, end).map_err(io::Error::other)
    });
    head.await.map(Json)
}

#[derive(Deserialize)]
struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

async fn surface(
    State(running): Here,
    caller: ConnectInfo<Caller>,
    Path(id): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, Problem> {
    let served = served(&running, &id)?;
    let place = running.long_answer(caller.0.0).map_err(busy)?;
    let body = records(&served, range.from.unwrap_or(0), range.to, place)?;
    Ok(([(header::CONTENT_TYPE, BYTES)], body).into_response())
}

fn served(running: &Running, id: &str) -> Result<Arc<dyn Served>, Problem> {
    let unknown =
        || Problem::new(404, "unknown-surface", "this node shows no such surface to everybody");
    let id = UniqueId::from_hex(id).map_err(|_| unknown())?;
    running.shown(&id).ok_or_else(unknown)
}

/// Looks at files that are under way: the node's own work needs blocking threads too.
static LOOKS: Semaphore = Semaphore::const_new(16);
/// The longest that a look waits for its turn, in milliseconds.
const TURN_MS: u64 = 5_000;

/// Looks at files on a blocking thread, when it is its turn.
async fn looking<T: Send + 'static>(
    look: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a query cannot be answered");
        Problem::new(503, "unreadable", "this node cannot read its files: its operator is told")
    };
    let Ok(place) = timeout(Duration::from_millis(TURN_MS), LOOKS.acquire()).await else {
        return Err(Problem::new(503, "busy", "this node looks at too much now: ask again"));
    };
    let place = place.map_err(|error| unreadable(&error))?;
    // The place is given back when the look has ended, also where nobody waits for it any more.
    let look = move || {
        let _place = place;
        look()
    };
    match tokio::task::spawn_blocking(look).await {
        Ok(Ok(looked)) => Ok(looked),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(error) => Err(unreadable(&error)),
    }
}

fn bytes(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, BYTES)], Body::from(bytes)).into_response()
}

/// Writes into an answer.
struct Pieces {
    giving: Giving,
    piece: Vec<u8>,
}

impl Pieces {
    fn end(mut self) -> io::Result<()> {
        io::Write::flush(&mut self)?;
        self.giving.end();
        Ok(())
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.giving.give(piece.into())
    }
}
