use std::fmt;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::FutureExt as _;
use holobiont_identity::UniqueId;
use tokio::task::spawn_blocking;

use super::FollowError;
use crate::client::Body;
use crate::record_blocks::{NoRecords, RecordBlocks, Wanted};
use crate::{Client, Served, Stop, SurfaceHead};

/// Where a surface is read from.
#[derive(Clone)]
pub struct Source(From);

#[derive(Clone)]
enum From {
    Remote { client: Client, surface: UniqueId },
    Local(Arc<dyn Served>),
}

impl Source {
    /// A surface that a server has.
    pub const fn remote(client: Client, surface: UniqueId) -> Self {
        Self(From::Remote { client, surface })
    }

    /// A surface on this machine, such as a [`DirectoryServed`](crate::DirectoryServed).
    pub const fn local(served: Arc<dyn Served>) -> Self {
        Self(From::Local(served))
    }

    pub(super) async fn head(&self) -> Result<SurfaceHead, FollowError> {
        match &self.0 {
            From::Remote { client, surface } => {
                let document = client.get(&format!("/v1/surfaces/{surface}/head")).await?;
                serde_json::from_slice(&document).map_err(|_| FollowError::BadHead)
            }
            From::Local(served) => {
                let (end, served) = (*served.growth().borrow(), Arc::clone(served));
                let looked = spawn_blocking(move || SurfaceHead::of(&served.view()?, end)).await;
                let head = looked.map_err(|_| FollowError::Thread)?;
                Ok(head.map_err(NoRecords::Surface)?)
            }
        }
    }

    pub(super) async fn records(&self, wanted: Wanted, stop: &Stop) -> Result<Pieces, FollowError> {
        match &self.0 {
            From::Remote { client, surface } => {
                let Wanted { from, to, after } = wanted;
                let mut path = format!("/v1/surfaces/{surface}/records?from={from}");
                path.extend(to.map(|to| format!("&to={to}")));
                path.extend(after.map(|after| format!("&after={after}")));
                match client.stream(&path).await {
                    Ok(body) => Ok(Pieces::Body(body)),
                    Err(error) => Err(FollowError::of_answer(error, from)),
                }
            }
            From::Local(served) => {
                let blocks =
                    RecordBlocks::open(Arc::clone(served), wanted, stop.clone(), || true).await?;
                Ok(Pieces::Blocks(Box::new(blocks)))
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            From::Remote { client, surface } => {
                f.debug_struct("Remote").field("client", client).field("surface", surface).finish()
            }
            From::Local(_) => f.write_str("Local(..)"),
        }
    }
}

/// Bytes of stored records, as they come.
pub(super) enum Pieces {
    Body(Body),
    Blocks(Box<RecordBlocks>),
}

impl Pieces {
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FollowError> {
        match self {
            Self::Body(body) => Ok(body.chunk().await?),
            Self::Blocks(blocks) => Ok(blocks.next().await?),
        }
    }

    /// What has come already.
    pub(super) fn now(&mut self) -> Option<Result<Bytes, FollowError>> {
        match self {
            Self::Body(body) => {
                let chunk = body.chunk().now_or_never()?;
                chunk.map_err(FollowError::Client).transpose()
            }
            // Every block is read when it is asked for.
            Self::Blocks(_) => None,
        }
    }
}
