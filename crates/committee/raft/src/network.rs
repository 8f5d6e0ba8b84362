use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use holobiont_committee_store::Committee;
use holobiont_identity::UniqueId;
use openraft::OptionalSend;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::impls::EmptyNode;
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::TypeConfigExt as _;
use openraft::type_config::alias::{SnapshotOf, VoteOf};

use crate::rpc::{self, Answer, Piece, Request};
use crate::{Transport, TransportError};

/// How much of a snapshot goes in one call, in bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Finds the node id behind the engine's number.
pub(crate) type Names = Arc<dyn Fn(u64) -> Option<UniqueId> + Send + Sync>;

/// Makes the engine's connections out of a [`Transport`].
#[derive(Clone)]
pub(crate) struct Peers<T> {
    pub(crate) transport: T,
    pub(crate) names: Names,
}

/// The engine's way to one other node.
pub(crate) struct Peer<T> {
    transport: T,
    names: Names,
    target: u64,
}

impl<C: Committee, T: Transport> RaftNetworkFactory<C> for Peers<T> {
    type Network = Peer<T>;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Peer<T> {
        Peer { transport: self.transport.clone(), names: Arc::clone(&self.names), target }
    }
}

impl<T: Transport> Peer<T> {
    async fn ask<C: Committee>(
        &self,
        request: &Request<C>,
        within: Duration,
    ) -> Result<Answer<C>, Unreachable<C>> {
        let unreachable = |why: String| Unreachable::from_string(why);
        // A node that has just joined the roster may not be known here yet.
        let Some(to) = (self.names)(self.target) else {
            return Err(unreachable(format!("no node of the roster has number {}", self.target)));
        };
        let call = self.transport.call(to, rpc::encode(request));
        let body = match C::timeout(within, call).await {
            Err(_) => {
                return Err(unreachable(format!("no answer within {} ms", within.as_millis())));
            }
            Ok(Err(
                error @ TransportError::Unreachable { .. } | error @ TransportError::Refused { .. },
            )) => {
                return Err(unreachable(error.to_string()));
            }
            Ok(Ok(body)) => body,
        };
        match rpc::decode(&body) {
            Some(Answer::Refused(why)) => Err(unreachable(why)),
            Some(answer) => Ok(answer),
            None => Err(unreachable("its answer is not readable by this build".to_owned())),
        }
    }
}

fn unexpected<C: Committee>() -> RPCError<C> {
    RPCError::Network(NetworkError::from_string("it answered something else than was asked"))
}

impl<C: Committee, T: Transport> RaftNetworkV2<C> for Peer<T> {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<C>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C>, RPCError<C>> {
        match self.ask(&Request::Append(rpc), option.hard_ttl()).await? {
            Answer::Append(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<C>,
        option: RPCOption,
    ) -> Result<VoteResponse<C>, RPCError<C>> {
        match self.ask(&Request::Vote(rpc), option.hard_ttl()).await? {
            Answer::Vote(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<C>,
        option: RPCOption,
    ) -> Result<VoteResponse<C>, RPCError<C>> {
        match self.ask(&Request::PreVote(rpc), option.hard_ttl()).await? {
            Answer::Vote(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<C>,
        snapshot: SnapshotOf<C, Vec<u8>>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<C>, StreamingError<C>> {
        let file = snapshot.snapshot;
        let size_bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let mut cancel = Box::pin(cancel);
        let mut offset = 0_usize;
        loop {
            let end = offset.saturating_add(PIECE_BYTES).min(file.len());
            let piece = Piece {
                vote,
                size_bytes,
                offset: u64::try_from(offset).unwrap_or(u64::MAX),
                bytes: file.get(offset..end).unwrap_or_default().to_vec(),
            };
            let request = Request::Snapshot(piece);
            let asked = Box::pin(self.ask::<C>(&request, option.hard_ttl()));
            let answer = match futures_util::future::select(asked, &mut cancel).await {
                futures_util::future::Either::Left((answer, _)) => answer?,
                futures_util::future::Either::Right((closed, _)) => return Err(closed.into()),
            };
            offset = end;
            match answer {
                Answer::Snapshot(Some(response)) => return Ok(response),
                Answer::Snapshot(None) if offset < file.len() => {}
                _ => {
                    let why = "it did not take the snapshot";
                    return Err(StreamingError::Network(NetworkError::from_string(why)));
                }
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<C>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C>, RPCError<C>> {
        match self.ask(&Request::TransferLeader(req), option.hard_ttl()).await? {
            Answer::TransferLeader(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }
}
