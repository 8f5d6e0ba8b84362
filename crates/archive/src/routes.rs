mod range;
mod records;
mod segments;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::routing::get;
use axum::{Json, Router};
use holobiont_identity::UniqueId;
use holobiont_surface::{Surface, SurfaceError};
use tokio::task::spawn_blocking;

use crate::{Gate, Observer, PeerInfo, Problem, Served, Shelf, Stop, SurfaceHead};

/// What the routes of surfaces are made of.
#[derive(Clone)]
pub struct SurfaceRoutes {
    /// The surfaces that are here.
    pub shelf: Arc<dyn Shelf>,
    /// Who may read which.
    pub gate: Arc<dyn Gate>,
    /// Hears of who may not.
    pub observer: Arc<dyn Observer>,
    /// Ends long answers.
    pub stop: Stop,
}

impl std::fmt::Debug for SurfaceRoutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SurfaceRoutes").field("stop", &self.stop).finish_non_exhaustive()
    }
}

/// `/v1/surfaces/{id}/…`, for a [`Server`](crate::Server): it needs the `Extension<Arc<PeerInfo>>`
/// that requests have there.
pub fn surface_routes(parts: SurfaceRoutes) -> Router {
    Router::new()
        .route("/v1/surfaces/{surface}/head", get(head))
        .route("/v1/surfaces/{surface}/records", get(records::records))
        .route("/v1/surfaces/{surface}/segments", get(segments::list))
        .route("/v1/surfaces/{surface}/segments/{first_seq}", get(segments::segment))
        .with_state(Arc::new(parts))
}

type Routes = State<Arc<SurfaceRoutes>>;
type Peer = Extension<Arc<PeerInfo>>;
type Named<T> = Result<Path<T>, PathRejection>;

impl SurfaceRoutes {
    /// The surface that a peer asks for, if it may have it.
    fn admit(
        &self,
        peer: &PeerInfo,
        surface: &str,
        headers: &HeaderMap,
    ) -> Result<(UniqueId, Arc<dyn Served>), Problem> {
        let found = self.find(peer, surface, headers);
        if let Err(problem) = &found {
            tracing::warn!(node = %peer.node, surface, %problem, "peer denied");
            self.observer.denied(peer, &problem.code);
        }
        found
    }

    fn find(
        &self,
        peer: &PeerInfo,
        surface: &str,
        headers: &HeaderMap,
    ) -> Result<(UniqueId, Arc<dyn Served>), Problem> {
        let id = UniqueId::from_hex(surface)
            .map_err(|error| Problem::new(404, "unknown-surface", error.to_string()))?;
        // First, so that who may read nothing learns nothing.
        self.gate.admit(peer, &id, bearer(headers)?)?;
        let unknown = || Problem::new(404, "unknown-surface", "this server has no such surface");
        Ok((id, self.shelf.surface(&id).ok_or_else(unknown)?))
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|it| it.split_once(' '));
    match token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        Some((_, token)) => Ok(Some(token.trim())),
        None => {
            let detail = "the authorization is none: send `Bearer` and the ticket";
            Err(Problem::new(401, "ticket-malformed", detail))
        }
    }
}

fn named<T>(path: Named<T>) -> Result<T, Problem> {
    path.map(|Path(named)| named)
        .map_err(|error| Problem::new(404, "unknown-path", error.body_text()))
}

async fn head(
    State(routes): Routes,
    Extension(peer): Peer,
    surface: Named<String>,
    headers: HeaderMap,
) -> Result<Json<SurfaceHead>, Problem> {
    let (_, served) = routes.admit(&peer, &named(surface)?, &headers)?;
    let end = *served.growth().borrow();
    looking(served, move |view| SurfaceHead::of(view, end)).await.map(Json)
}

/// Looks at a surface on a blocking thread.
async fn looking<T: Send + 'static>(
    served: Arc<dyn Served>,
    look: impl FnOnce(&Surface) -> Result<T, SurfaceError> + Send + 'static,
) -> Result<T, Problem> {
    let looked = spawn_blocking(move || look(&served.view()?)).await;
    looked.map_err(|_| unreadable())?.map_err(|error| cannot_read(&error))
}

/// What is wrong here is for this server's log; the peer learns that it is not its own fault.
fn cannot_read(error: &SurfaceError) -> Problem {
    tracing::error!(%error, "a surface cannot be read");
    unreadable()
}

fn unreadable() -> Problem {
    Problem::new(503, "unreadable", "this server cannot read its surface: its operator is told")
}
