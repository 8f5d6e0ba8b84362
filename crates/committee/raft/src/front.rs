use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{LastLog, snapshot, wakes::Wakes};
use futures_util::{Stream, StreamExt as _};
use holobiont_committee::{Configs, Machine, MachineError};
use holobiont_committee_store::{Committee, Disk, NodeSnapshot, SnapshotFiles};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::TypeConfigExt as _;
use openraft::type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::{EntryPayload, OptionalSend, StoredMembership};

/// How often a node looks again for the file of a config that the committee has taken up.
const CONFIG_AGAIN_MS: u64 = 100;

/// The front machine: the committee's state right behind the log, without the fold.
pub(crate) struct Front<C: Committee, D> {
    pub(crate) state: Arc<Mutex<FrontState<C>>>,
    pub(crate) configs: Arc<dyn Configs>,
    pub(crate) snapshots: Arc<SnapshotFiles<D>>,
    pub(crate) wakes: Arc<Wakes>,
    /// A snapshot from the leader, for the fold to go on from.
    pub(crate) installed: Arc<Mutex<Option<NodeSnapshot>>>,
}

pub(crate) struct FrontState<C: Committee> {
    pub(crate) machine: Machine,
    pub(crate) applied: Option<LogIdOf<C>>,
    pub(crate) memberships: Vec<StoredMembershipOf<C>>,
    /// The last entry of the snapshot that the node started with, or was given since.
    pub(crate) snapshot_end: LastLog,
}

/// How many memberships back a snapshot may still need one.
const KEPT_MEMBERSHIPS: usize = 64;

impl<C: Committee> FrontState<C> {
    pub(crate) const fn new(machine: Machine, snapshot_end: LastLog) -> Self {
        Self { machine, applied: None, memberships: Vec::new(), snapshot_end }
    }

    pub(crate) fn applied_index(&self) -> u64 {
        self.applied.map_or(0, |log_id| log_id.index())
    }

    /// The membership as of a log index; none where it is kept no more.
    pub(crate) fn membership_at(&self, index: u64) -> Option<StoredMembershipOf<C>> {
        let is_then = |stored: &&StoredMembershipOf<C>| {
            stored.log_id().is_none_or(|log_id| log_id.index() <= index)
        };
        self.memberships.iter().rev().find(is_then).cloned()
    }
}

impl<C: Committee, D> Clone for Front<C, D> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            configs: Arc::clone(&self.configs),
            snapshots: Arc::clone(&self.snapshots),
            wakes: Arc::clone(&self.wakes),
            installed: Arc::clone(&self.installed),
        }
    }
}

impl<C: Committee, D: Disk> Front<C, D> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, FrontState<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a command; where it takes up a config whose file is not here, waits for the file:
    /// without it nobody can say how the log goes on.
    async fn command(&self, index: u64, payload: &[u8]) -> io::Result<()> {
        loop {
            let applied = self.lock().machine.apply(index, payload, &*self.configs);
            match applied {
                Err(MachineError::ConfigMissing { content_hash }) => {
                    tracing::warn!(%content_hash, "the committee has taken up a config that is not here: put its file there");
                    if self.wakes.is_stopping() {
                        return Err(io::Error::other("the node ends before the config is here"));
                    }
                    C::sleep(Duration::from_millis(CONFIG_AGAIN_MS)).await;
                }
                // Entries up to the snapshot's are in the machine already.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }

    fn current(&self) -> io::Result<Option<SnapshotOf<C, Vec<u8>>>> {
        let newest = self.snapshots.newest().map_err(io::Error::other)?;
        newest.map(|newest| snapshot::to_raft::<C>(&newest).map_err(io::Error::other)).transpose()
    }
}

impl<C: Committee, D: Disk> RaftStateMachine<C> for Front<C, D> {
    type SnapshotData = Vec<u8>;
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogIdOf<C>>, StoredMembershipOf<C>), io::Error> {
        let state = self.lock();
        Ok((state.applied, state.memberships.last().cloned().unwrap_or_default()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let log_id = entry.log_id;
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(payload) => self.command(log_id.index(), &payload.0).await?,
                EntryPayload::Membership(membership) => {
                    let mut state = self.lock();
                    state.memberships.push(StoredMembership::new(Some(log_id), membership));
                    let over = state.memberships.len().saturating_sub(KEPT_MEMBERSHIPS);
                    state.memberships.drain(..over);
                }
            }
            self.lock().applied = Some(log_id);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        self.wakes.all();
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, _force: bool) -> Option<Self> {
        Some(self.clone())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<C>,
        file: Vec<u8>,
    ) -> Result<(), io::Error> {
        let received = NodeSnapshot::decode(&file).map_err(io::Error::other)?;
        let machine =
            Machine::restore(&received.machine, &*self.configs).map_err(io::Error::other)?;
        let newest = self.snapshots.newest().map_err(io::Error::other)?;
        if newest.is_none_or(|newest| newest.last_log < received.last_log) {
            self.snapshots.save(&received).map_err(io::Error::other)?;
        }
        {
            let mut state = self.lock();
            state.machine = machine;
            state.applied = meta.last_log_id;
            state.memberships = vec![meta.last_membership.clone()];
            state.snapshot_end = state.snapshot_end.max(Some(received.last_log));
        }
        *self.installed.lock().unwrap_or_else(PoisonError::into_inner) = Some(received);
        self.wakes.all();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<SnapshotOf<C, Vec<u8>>>, io::Error> {
        self.current()
    }
}

impl<C: Committee, D: Disk> RaftSnapshotBuilder<C> for Front<C, D> {
    type SnapshotData = Vec<u8>;

    /// The newest that the fold has made: it lags behind what is applied, and the log behind it is
    /// kept until then.
    async fn build_snapshot(&mut self) -> Result<SnapshotOf<C, Vec<u8>>, io::Error> {
        self.current()?.ok_or_else(|| io::Error::other("no snapshot was made yet"))
    }
}
