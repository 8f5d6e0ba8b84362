use std::sync::{Arc, Mutex};
use std::time::Duration;

use holobiont_committee::{
    Certificate, Configs, LogCommand, Machine, MachineError, Signed, SignedOrder,
};
use holobiont_committee_fold::Need;
use holobiont_committee_store::{Committee, Disk, LogStore, Payload, SignedJournal, SnapshotFiles};
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{OfferedHead, Unavailable};
use holobiont_surface::Surface;
use openraft::type_config::TypeConfigExt as _;
use tokio::sync::watch;

use crate::core::{Core, Start};
use crate::front::{Front, FrontState};
use crate::wakes::Wakes;
use crate::{FoldOn, NodeError, Parts, Status, Transport, answering, driving, folding, watching};

/// How long a leader that stops waits for another to lead, in milliseconds.
const HAND_OVER_MS: u64 = 2_000;
/// How long a node takes to stop at most, in milliseconds.
pub const STOP_LIMIT_MS: u64 = 20_000;
/// How many verified boot keys of one node are remembered.
const MAX_VERIFIED_KEYS: usize = 8;
/// The most bytes of the log that are given at once, for an export.
pub const MAX_ENTRIES_BYTES: usize = 4 << 20;

/// A node of a committee: a handle, cheap to clone.
///
/// It answers its peers from the moment it is started; it takes part once the others have told it
/// what it may have promised before.
pub struct Node<C: Committee, D: Disk, T> {
    core: Arc<Core<C, D, T>>,
}

impl<C: Committee, D: Disk, T> Clone for Node<C, D, T> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<C: Committee, D: Disk, T> std::fmt::Debug for Node<C, D, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("settings", &self.core.settings).finish_non_exhaustive()
    }
}

impl<C: Committee, D: Disk, T: Transport> Node<C, D, T> {
    /// Opens what the node has on its disk and starts it. What goes wrong after that is in
    /// [`Status::failed`].
    ///
    /// # Errors
    ///
    /// [`NodeError`] for a log, a snapshot or settings that cannot be used.
    pub async fn start(parts: Parts<D, T>) -> Result<Self, NodeError> {
        let (store, recovery) = LogStore::open(Arc::clone(&parts.disk), parts.settings.flush)?;
        if let Some(torn) = &recovery.torn {
            tracing::warn!(?torn, "an interrupted write was cut off the end of the log");
        }
        let snapshots = SnapshotFiles::open(Arc::clone(&parts.disk))?;
        let journal = SignedJournal::open(Arc::clone(&parts.disk))?;
        let newest = snapshots.newest()?;
        let mut machine = match &newest {
            None => Machine::new(Arc::clone(&parts.organism), parts.roster.clone())?,
            Some(newest) => Machine::restore(&newest.machine, &*parts.configs)?,
        };
        let snapshot_end = newest.map(|newest| newest.last_log);
        read_on(&mut machine, &store, &*parts.configs)?;
        let front = Front {
            state: Arc::new(Mutex::new(FrontState::new(machine, snapshot_end))),
            configs: Arc::clone(&parts.configs),
            snapshots: Arc::new(snapshots),
            wakes: Arc::new(Wakes::default()),
            installed: Arc::default(),
        };
        let wakes = Arc::clone(&front.wakes);
        parts.copies.on_sync(Box::new(move |_| wakes.all()));
        let core = Arc::new(Core::new(Start { parts, store, journal, front }));
        let node = Self { core };
        let running = node.core.enter();
        drop(C::spawn(async move { driving::run(&running.0).await }));
        Ok(node)
    }

    /// The boot key that an RPC says it comes from. Whoever knows the key that the peer used in TLS
    /// takes the RPC only where they are one: otherwise an older boot could speak as a later one.
    #[must_use]
    pub fn speaker(body: &[u8]) -> Option<[u8; 32]> {
        answering::speaker(body)
    }

    /// Answers an RPC of a peer: `from` is who attested TLS says that it is.
    pub async fn answer(&self, from: UniqueId, body: Vec<u8>) -> Vec<u8> {
        answering::answer(&self.core, from, &body).await
    }

    /// Attested TLS has just verified that this is a boot key of that node.
    pub fn verified(&self, node: UniqueId, key: [u8; 32]) {
        let mut facts = self.core.facts();
        let keys = facts.verified.entry(node).or_default();
        keys.retain(|known| *known != key);
        if keys.len() == MAX_VERIFIED_KEYS {
            keys.remove(0);
        }
        keys.push(key);
        drop(facts);
        self.core.front.wakes.duty.notify_one();
    }

    /// Tells why records of a member cannot be had from its source; none for that they can.
    pub fn unavailable(&self, member: u16, why: Option<Unavailable>) {
        let mut facts = self.core.facts();
        match why {
            Some(why) => facts.unavailable.insert(member, why),
            None => facts.unavailable.remove(&member),
        };
        if !matches!(why, Some(Unavailable::Gap { .. })) {
            facts.gaps.remove(&member);
        }
        drop(facts);
        self.core.front.wakes.duty.notify_one();
    }

    /// The source of a member begins only at `earliest`: `before` is its surface's chain value there,
    /// `closed` the member's closed clock before. Until the source is said to be well again, the node
    /// votes so, and offers that head where nobody else has more.
    pub fn gap(&self, member: u16, earliest: u64, before: Digest, closed: Option<u64>) {
        let Some(seq) = earliest.checked_sub(1) else { return };
        let mut facts = self.core.facts();
        facts.unavailable.insert(member, Unavailable::Gap { earliest });
        facts.gaps.insert(member, OfferedHead { member, seq, head: before, closed, advance: 0 });
        drop(facts);
        self.core.front.wakes.duty.notify_one();
    }

    /// Nodes of rosters that this node's log has not come to, as the others tell: who speaks for them
    /// by attested TLS is to be let in, and to be dialled, as the roster's nodes are.
    pub fn heard_nodes(&self) -> std::collections::BTreeSet<UniqueId> {
        self.core.heard_nodes()
    }

    /// What the node is, knows and does.
    pub fn status(&self) -> Status {
        watching::status(&self.core)
    }

    /// Changes whenever the status may have.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.core.changes()
    }

    /// The records that the fold waits for: to be fetched from the member's source, or from peers.
    pub fn needs(&self) -> Vec<Need> {
        self.core.facts().needs.clone()
    }

    /// The organism's own surface as this node has last made it durable; not all of it is certified.
    /// None before it has folded a cut in this run.
    pub fn output(&self) -> Option<Surface> {
        self.core.facts().output.clone()
    }

    /// The committee's state as this node has applied it.
    pub fn machine(&self) -> Machine {
        self.core.front.lock().machine.clone()
    }

    /// Looks at the committee's state without copying it. Keep it short: the log waits.
    pub fn with_machine<R>(&self, look: impl FnOnce(&Machine) -> R) -> R {
        look(&self.core.front.lock().machine)
    }

    /// The newest certificate.
    pub fn latest_certificate(&self) -> Option<Certificate> {
        self.core.front.lock().machine.latest_certificate().cloned()
    }

    /// The store behind it, for its figures.
    pub fn store(&self) -> &LogStore<C, D> {
        &self.core.store
    }

    /// The newest snapshot that stands on this node's disk.
    ///
    /// # Errors
    ///
    /// [`NodeError::Store`].
    pub fn newest_snapshot(
        &self,
    ) -> Result<Option<holobiont_committee_store::NodeSnapshot>, NodeError> {
        Ok(self.core.front.snapshots.newest()?)
    }

    /// Entries of the log that a majority holds, from an index on, as many as fit in
    /// [`MAX_ENTRIES_BYTES`]: their indices and signed commands.
    ///
    /// # Errors
    ///
    /// [`NodeError::Store`] where they are pruned or unreadable.
    pub fn entries(&self, from: u64) -> Result<Vec<(u64, Option<Payload>)>, NodeError> {
        let to = self.core.front.lock().applied_index();
        Ok(self.core.store.committed_entries(from, to, MAX_ENTRIES_BYTES)?)
    }

    /// Gives an operators' order to the committee.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoLeader`] where nobody takes it now.
    pub async fn order(&self, order: SignedOrder) -> Result<(), NodeError> {
        let core = &self.core;
        let place = core.front.lock().machine.place_of(&core.settings.node);
        let place = place.ok_or_else(|| NodeError::NoLeader {
            why: "this node is not in the roster".to_owned(),
        })?;
        let signed = Signed::make(
            core.organism.stable_id(),
            &core.settings.node,
            place,
            LogCommand::Order(order),
            &*core.signer,
        );
        driving::propose(core, vec![signed.encode()]).await
    }

    /// Puts bytes into the log as they are, in the place of what this node would propose: for tests
    /// of what the others make of it.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoLeader`] where nobody takes it now.
    #[doc(hidden)]
    pub async fn propose_raw(&self, payload: Vec<u8>) -> Result<(), NodeError> {
        driving::propose(&self.core, vec![payload]).await
    }

    /// Stops: a leader first hands over; then as [`end`](Self::end). After [`STOP_LIMIT_MS`] it is left
    /// as it stands: what was acknowledged is on its disk, and the next start goes on from there.
    pub async fn stop(&self) {
        let limit = Duration::from_millis(STOP_LIMIT_MS);
        if C::timeout(limit, self.drain()).await.is_err() {
            tracing::error!(
                "the node has not stopped within {STOP_LIMIT_MS} ms, and is left as it stands: \
                 nothing that it acknowledged is lost"
            );
        }
    }

    async fn drain(&self) {
        let core = &self.core;
        if let Some(engine) = core.engine.get()
            && let Some(next) = driving::successor(engine)
            && engine.trigger().transfer_leader(next).await.is_ok()
        {
            let step_down = async {
                while engine.is_leader() {
                    C::sleep(Duration::from_millis(20)).await;
                }
            };
            let _ = C::timeout(Duration::from_millis(HAND_OVER_MS), step_down).await;
        }
        self.end().await;
    }

    /// Stops without a word to the others.
    pub async fn end(&self) {
        let core = &self.core;
        core.stop();
        if let Some(engine) = core.engine.get()
            && let Err(error) = engine.shutdown().await
        {
            tracing::warn!(%error, "the replicated log did not end cleanly");
        }
        core.ended().await;
        if let Err(error) = core.store.close() {
            tracing::warn!(%error, "the log was not closed cleanly");
        }
        core.tell();
    }
}

/// Takes in what the log is known to have committed: who is in the roster, and which boots are
/// fenced, counts before the engine has started.
fn read_on<C: Committee, D: Disk>(
    machine: &mut Machine,
    store: &LogStore<C, D>,
    configs: &dyn Configs,
) -> Result<(), NodeError> {
    let Some((_, to)) = store.marks().committed else { return Ok(()) };
    let mut from = machine.log_index().saturating_add(1);
    loop {
        let entries = store.committed_entries(from, to, MAX_ENTRIES_BYTES)?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        from = last.saturating_add(1);
        for (index, payload) in entries {
            let Some(payload) = payload else { continue };
            if let Err(MachineError::ConfigMissing { .. }) =
                machine.apply(index, &payload.0, configs)
            {
                return Ok(());
            }
        }
    }
}

/// Starts the fold where it is to run.
pub(crate) fn spawn_fold<C: Committee, D: Disk, T: Transport>(core: &Arc<Core<C, D, T>>) {
    let running = core.enter();
    match core.settings.fold {
        FoldOn::Task => {
            drop(C::spawn(async move { folding::run(&running.0).await }));
        }
        FoldOn::Thread => {
            let runtime = tokio::runtime::Handle::current();
            let spawned = std::thread::Builder::new().name("fold".to_owned()).spawn(move || {
                runtime.block_on(folding::run(&running.0));
            });
            if let Err(error) = spawned {
                core.fail(format!("the system gives no thread for the fold: {error}"));
            }
        }
    }
}
