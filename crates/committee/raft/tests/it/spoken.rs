//! What a node says whose disk its host has written: calls between nodes, made by hand.

use holobiont_committee::Signer as _;
use holobiont_committee_store::{Leader, Payload, Term, raft_id};
use holobiont_identity::versioned;
use openraft::entry::{Entry, EntryPayload};
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest};
use openraft::vote::RaftLeaderIdExt as _;
use openraft::{LogId, Vote};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::host::Simulated;
use crate::world::World;

/// In the order of the protocol, of which this is the second writer.
#[derive(Serialize)]
#[serde(bound = "")]
#[expect(dead_code, reason = "the protocol has more than is said by hand")]
pub(crate) enum Said {
    Recall(()),
    Append(AppendEntriesRequest<Simulated>),
    Vote(VoteRequest<Simulated>),
    PreVote(VoteRequest<Simulated>),
    Snapshot(()),
    TransferLeader(TransferLeaderRequest<Simulated>),
}

pub(crate) fn at((term, index): (u64, u64)) -> LogId<Term> {
    LogId::new(Leader::new_committed(term, 0), index)
}

impl World {
    /// The vote of a node, as one that was elected or wants to be.
    pub(crate) fn vote_of(&self, node: usize, term: u64, elected: bool) -> Vote<Leader> {
        let number = raft_id(&self.places[node].id);
        if elected { Vote::new_committed(term, number) } else { Vote::new(term, number) }
    }

    /// A leader of a term sends one entry for each of these places, after `previous`.
    pub(crate) fn append(
        &self,
        leader: usize,
        term: u64,
        previous: (u64, u64),
        entries: &[(u64, u64)],
    ) -> Said {
        let payload = EntryPayload::Normal(Payload(vec![1]));
        let entry = |place: &(u64, u64)| Entry { log_id: at(*place), payload: payload.clone() };
        Said::Append(AppendEntriesRequest {
            vote: self.vote_of(leader, term, true),
            prev_log_id: Some(at(previous)),
            entries: entries.iter().map(entry).collect(),
            leader_commit: None,
        })
    }

    /// Says something in the name of a node's boot, which took this number; gives what is readable of
    /// the answer.
    pub(crate) async fn say(&self, from: usize, boot: u64, to: usize, said: &Said) -> String {
        let key = self.places[from].boots[0].key.public();
        let body = versioned::encode(1, &((key, boot), said));
        let (from, there) = (self.places[from].id, &self.places[to].boots[0]);
        let (node, (answered, answer)) = (there.node.clone(), oneshot::channel());
        there.computer.spawn(async move {
            let _ = answered.send(node.answer(from, body).await);
        });
        String::from_utf8_lossy(&answer.await.expect("an answer")).into_owned()
    }
}
