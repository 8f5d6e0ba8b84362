//! The least state machine that the engine's suite can do with.

use std::io;

use futures_util::{Stream, TryStreamExt};
use holobiont_committee_store::{Committee, Term};
use openraft::entry::EntryPayload;
use openraft::impls::EmptyNode;
use openraft::storage::{
    EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot, SnapshotMeta,
};
use openraft::{LogId, OptionalSend, StoredMembership};

type Meta = SnapshotMeta<Term, u64, EmptyNode>;
type Snap = Snapshot<Term, u64, EmptyNode, Vec<u8>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    applied: Option<LogId<Term>>,
    membership: StoredMembership<Term, u64, EmptyNode>,
    snapshot: std::sync::Arc<std::sync::Mutex<Option<Snap>>>,
}

impl<C: Committee> RaftSnapshotBuilder<C> for Machine {
    type SnapshotData = Vec<u8>;

    async fn build_snapshot(&mut self) -> Result<Snap, io::Error> {
        let meta = Meta { last_log_id: self.applied, last_membership: self.membership.clone() };
        let snapshot = Snap { meta, snapshot: Vec::new() };
        *self.snapshot.lock().unwrap() = Some(snapshot.clone());
        Ok(snapshot)
    }
}

impl<C: Committee> RaftStateMachine<C> for Machine {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<Term>>, StoredMembership<Term, u64, EmptyNode>), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.applied = Some(entry.log_id);
            if let EntryPayload::Membership(membership) = entry.payload {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &Meta, snapshot: Vec<u8>) -> Result<(), io::Error> {
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        *self.snapshot.lock().unwrap() = Some(Snap { meta: meta.clone(), snapshot });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snap>, io::Error> {
        Ok(self.snapshot.lock().unwrap().clone())
    }
}
