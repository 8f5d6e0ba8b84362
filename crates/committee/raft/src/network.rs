use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use holobiont_committee_store::{Committee, Disk};
use openraft::OptionalSend;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::impls::EmptyNode;
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::{SnapshotOf, VoteOf};

use crate::core::Core;
use crate::rpc::{Answer, Piece, Request};
use crate::{Transport, bounds};

/// How much of a snapshot goes in one call, in bytes.
const PIECE_BYTES: usize = 4 << 20;

/// Makes the engine's connections.
pub(crate) struct Peers<C: Committee, D: Disk, T> {
    pub(crate) core: Arc<Core<C, D, T>>,
}

/// The engine's way to one other node.
pub(crate) struct Peer<C: Committee, D: Disk, T> {
    core: Arc<Core<C, D, T>>,
    target: u64,
}

impl<C: Committee, D: Disk, T: Transport> RaftNetworkFactory<C> for Peers<C, D, T> {
    type Network = Peer<C, D, T>;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> Peer<C, D, T> {
        Peer { core: Arc::clone(&self.core), target }
    }
}

impl<C: Committee, D: Disk, T: Transport> Peer<C, D, T> {
    async fn ask(
        &self,
        request: &Request<C>,
        within: Duration,
    ) -> Result<Answer<C>, Unreachable<C>> {
        // A node that has just joined the roster may not be known here yet.
        let Some(to) = self.core.name_of(self.target) else {
            let why = format!("no node of the roster has number {}", self.target);
            return Err(Unreachable::from_string(why));
        };
        let answer = self.core.ask(to, request, within).await.map_err(Unreachable::from_string)?;
        bounds::answer(&answer).map_err(Unreachable::from_string)?;
        Ok(answer)
    }
}

fn unexpected<C: Committee>() -> RPCError<C> {
    RPCError::Network(NetworkError::from_string("it answered something else than was asked"))
}

impl<C: Committee, D: Disk, T: Transport> RaftNetworkV2<C> for Peer<C, D, T> {
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
        // Whoever takes it has nothing to hold it against.
        if !self.core.facts().anchors.may_give() {
            let why = "this node's own state has not been held against the others' yet";
            return Err(StreamingError::Unreachable(Unreachable::from_string(why)));
        }
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
            let asked = Box::pin(self.ask(&request, option.hard_ttl()));
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
