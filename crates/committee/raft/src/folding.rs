use std::collections::{BTreeMap, VecDeque};
use std::sync::PoisonError;

use holobiont_committee::{CutStatement, Effects, MachineError, MachineEvent};
use holobiont_committee_fold::{FoldError, Folder, FolderStart, Pushed};
use holobiont_committee_store::{Committee, Disk, NodeSnapshot, StoreError};

use crate::anchors::Anchor;
use crate::core::Core;
use crate::{NodeError, Signing, Transport, bounds, snapshot};

/// How much of the log is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;
/// The output is made durable, and what was folded is given to be signed, at least after this many
/// cuts.
const SYNC_EVERY_CUTS: usize = 32;
/// The same after so many records: others wait for the signatures.
const SYNC_EVERY_RECORDS: u64 = 50_000;
/// The same where all of them are certified already.
const SYNC_CERTIFIED_CUTS: usize = 1_024;
const SYNC_CERTIFIED_RECORDS: u64 = 1_000_000;
/// Own results that are kept to be held against certificates.
const MAX_KEPT_STATEMENTS: usize = 65_536;

/// Folds what is committed, in the log's order, at the fold's own pace.
pub(crate) struct Folding<'a, C: Committee, D: Disk, T> {
    core: &'a Core<C, D, T>,
    folder: Folder,
    /// Log index of the last entry given to the folder.
    at: u64,
    /// Whether the folder waits for records.
    blocked: bool,
    /// Folded, and not yet durable.
    unsynced: VecDeque<CutStatement>,
    /// Records that they took.
    unsynced_records: u64,
    own: BTreeMap<u64, CutStatement>,
    candidate: Option<Candidate>,
    last_snapshot_cut: u64,
}

/// A snapshot that waits for its certificate.
struct Candidate {
    cut: u64,
    log_index: u64,
    machine: Vec<u8>,
    replay: Vec<u8>,
}

impl<'a, C: Committee, D: Disk, T: Transport> Folding<'a, C, D, T> {
    pub(crate) fn open(core: &'a Core<C, D, T>) -> Result<Self, NodeError> {
        let newest = core.front.snapshots.newest()?;
        let start = match &newest {
            Some(from) => start_of(from),
            None => {
                FolderStart::First { organism: core.organism.clone(), roster: core.roster.clone() }
            }
        };
        let folder =
            Folder::open(core.copies.clone(), core.configs.clone(), start, core.folder.clone())?;
        let at = newest.as_ref().map_or(0, |from| from.last_log.1);
        let folding = Self::at(core, folder, at);
        if let Some(from) = &newest {
            // It is of the disk, wherever the log on it begins.
            folding.begin_at(from, 0)?;
        }
        Ok(folding)
    }

    /// Where the leader has sent a snapshot from further on: the fold goes on from there.
    pub(crate) fn follow_snapshot(self) -> Result<Self, NodeError> {
        let installed = &self.core.front.installed;
        let installed = installed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(from) = installed.filter(|installed| installed.last_log.1 > self.at) else {
            return Ok(self);
        };
        let folder = self.folder.restart(start_of(&from))?;
        let folding = Self::at(self.core, folder, from.last_log.1);
        folding.begin_at(&from, from.last_log.1)?;
        Ok(folding)
    }

    /// The state that the fold begins with is held against the others' as well.
    fn begin_at(&self, from: &NodeSnapshot, log_index: u64) -> Result<(), NodeError> {
        let statement = snapshot::check(from, &*self.core.configs)
            .map_err(|why| NodeError::Snapshot { why: why.to_string() })?;
        self.anchor(&statement, log_index, &from.machine, self.core.runtime_ms());
        Ok(())
    }

    /// Whether the whole state at a cut is put into a digest.
    fn is_anchor(&self, statement: &CutStatement) -> bool {
        let mut facts = self.core.facts();
        facts.anchors.came_to(statement.cut, statement.log_index);
        facts.anchors.wants(statement.cut, self.core.runtime_ms())
    }

    fn anchor(&self, statement: &CutStatement, log_index: u64, machine: &[u8], from_ms: u64) {
        let anchor = Anchor::of(statement, machine);
        let took_ms = (from_ms, self.core.runtime_ms());
        let differing = {
            let mut facts = self.core.facts();
            facts.anchors.came_to(anchor.cut, log_index);
            facts.anchors.took(anchor, took_ms)
        };
        for node in differing {
            tracing::error!(%node, cut = anchor.cut, "that node has another state than this one");
        }
        self.core.weigh();
    }

    fn is_snapshot_there(&self) -> bool {
        let installed = self.core.front.installed.lock().unwrap_or_else(PoisonError::into_inner);
        installed.as_ref().is_some_and(|installed| installed.last_log.1 > self.at)
    }

    fn at(core: &'a Core<C, D, T>, folder: Folder, at: u64) -> Self {
        let last_snapshot_cut = folder.machine().policy().cut_number();
        core.set_folded(at, last_snapshot_cut);
        core.set_needs(Vec::new());
        Self {
            core,
            folder,
            at,
            blocked: false,
            unsynced: VecDeque::new(),
            unsynced_records: 0,
            own: BTreeMap::new(),
            candidate: None,
            last_snapshot_cut,
        }
    }

    /// Folds what there is. Returns whether there may be more at once.
    pub(crate) fn turn(&mut self) -> Result<bool, NodeError> {
        if self.blocked {
            let pushed = self.folder.poll()?;
            if !self.took(pushed)? {
                return Ok(false);
            }
        }
        let to = self.core.front.lock().applied_index();
        if self.at >= to {
            self.publish()?;
            return Ok(false);
        }
        let from = self.at.saturating_add(1);
        let entries = match self.core.store.committed_entries(from, to, READ_BYTES) {
            // A snapshot has come in just now: the fold goes on from there.
            Err(StoreError::Purged { .. }) if self.is_snapshot_there() => return Ok(true),
            read => read?,
        };
        if entries.is_empty() {
            return Ok(false);
        }
        for (index, payload) in entries {
            let Some(payload) = payload else {
                self.at = index;
                continue;
            };
            let pushed = match self.folder.push(index, &payload.0) {
                // The front machine waits for the file as well, and says so.
                Err(FoldError::Machine(MachineError::ConfigMissing { .. })) => return Ok(false),
                pushed => pushed?,
            };
            self.at = index;
            if !self.took(pushed)? {
                break;
            }
            if self.is_sync_due() {
                self.publish()?;
            }
        }
        self.publish()?;
        Ok(!self.blocked)
    }

    /// Takes note of what an entry did; false where the folder waits.
    fn took(&mut self, pushed: Pushed) -> Result<bool, NodeError> {
        let (effects, cut) = match pushed {
            Pushed::Waits(needs) => {
                self.blocked = true;
                self.core.set_needs(needs);
                self.publish()?;
                return Ok(false);
            }
            Pushed::Taken { effects, cut } => (effects, cut),
        };
        if std::mem::take(&mut self.blocked) {
            self.core.set_needs(Vec::new());
        }
        self.hear(&effects);
        if let Some(cut) = cut {
            self.own.insert(cut.statement.cut, cut.statement.clone());
            while self.own.len() > MAX_KEPT_STATEMENTS {
                self.own.pop_first();
            }
            if self.is_anchor(&cut.statement) {
                let from_ms = self.core.runtime_ms();
                let machine = self.folder.machine().snapshot();
                self.anchor(&cut.statement, cut.statement.log_index, &machine, from_ms);
            }
            self.consider_snapshot(&cut.statement)?;
            self.unsynced_records = self.unsynced_records.saturating_add(cut.records);
            self.unsynced.push_back(cut.statement);
        }
        Ok(true)
    }

    /// Others wait for the signatures of cuts that nothing has certified yet; of the rest nobody does,
    /// and a node that catches up loses only time with each sync.
    fn is_sync_due(&self) -> bool {
        let reaches =
            |cuts, records| self.unsynced.len() >= cuts || self.unsynced_records >= records;
        // Asked at every entry, and the log's lock is not taken for most of them.
        if !reaches(SYNC_EVERY_CUTS, SYNC_EVERY_RECORDS) {
            return false;
        }
        let certified = {
            let front = self.core.front.lock();
            front.machine.latest_certificate().map(|it| it.statement.cut)
        };
        let waits = self.unsynced.back().is_some_and(|last| Some(last.cut) > certified);
        waits || reaches(SYNC_CERTIFIED_CUTS, SYNC_CERTIFIED_RECORDS)
    }

    fn hear(&mut self, effects: &Effects) {
        for event in &effects.events {
            match event {
                MachineEvent::Certified(certificate) => {
                    let cut = certificate.statement.cut;
                    if let Some(own) = self.own.remove(&cut)
                        && own != certificate.statement
                    {
                        tracing::error!(cut, ?own, certified = ?certificate.statement,
                            "this node has folded another result than was certified: it signs no more");
                        self.core.end_signing(Signing::Diverged { cut });
                    }
                    self.save_snapshot(certificate);
                }
                MachineEvent::Split { cut } => {
                    tracing::error!(
                        cut,
                        "the committee is split: no result of the cut can have a quorum"
                    );
                    self.core.end_signing(Signing::Split { cut: *cut });
                }
                _ => {}
            }
            (self.core.listener)(self.at, event);
        }
    }

    /// Makes the output durable, and gives what was folded to be signed.
    fn publish(&mut self) -> Result<(), NodeError> {
        if !self.unsynced.is_empty() {
            self.folder.sync()?;
            self.core.facts().output = Some(self.folder.output());
            self.core.give_to_sign(self.unsynced.drain(..));
            self.unsynced_records = 0;
        }
        let cut = self.folder.machine().policy().cut_number();
        self.core.set_folded(self.at, cut);
        self.consider_config();
        Ok(())
    }

    /// Whether the fold could go on with the config that is offered: what is said to be held can be
    /// taken up.
    fn consider_config(&self) {
        let Some(offered) = self.folder.machine().offered_config() else { return };
        let Some(organism) = self.core.configs.organism(&offered) else { return };
        let could = match self.folder.may_take_up(&organism) {
            Ok(()) => Some(offered),
            Err(error) => {
                tracing::warn!(%error, %offered, "the offered config cannot be taken up here");
                None
            }
        };
        if std::mem::replace(&mut self.core.facts().could_take_up, could) != could {
            self.core.front.wakes.duty.notify_one();
        }
    }

    /// At every so many cuts the state is put aside, until a certificate names it.
    fn consider_snapshot(&mut self, statement: &CutStatement) -> Result<(), NodeError> {
        let due = statement.cut.saturating_sub(self.last_snapshot_cut)
            >= self.core.settings.snapshot_every_cuts;
        if !due || self.candidate.is_some() {
            return Ok(());
        }
        let folded = self.folder.snapshot()?;
        self.candidate = Some(Candidate {
            cut: folded.cut,
            log_index: folded.log_index,
            machine: folded.machine,
            replay: folded.replay,
        });
        Ok(())
    }

    fn save_snapshot(&mut self, certificate: &holobiont_committee::Certificate) {
        let certified = certificate.statement.cut;
        let Some(candidate) = self.candidate.take_if(|candidate| candidate.cut <= certified) else {
            return;
        };
        // A later cut was certified first: the one put aside may never be.
        if candidate.cut != certified || self.core.signing_failed() {
            return;
        }
        match self.save(candidate, certificate) {
            Ok(true) => self.core.snapshot_made(),
            Ok(false) => {}
            // The log behind it stays: nothing is lost but space.
            Err(error) => tracing::error!(%error, cut = certified, "no snapshot could be saved"),
        }
    }

    /// False where it is of no use.
    fn save(
        &mut self,
        candidate: Candidate,
        certificate: &holobiont_committee::Certificate,
    ) -> Result<bool, NodeError> {
        let Some(log_id) = self.core.store.log_id(candidate.log_index) else { return Ok(false) };
        let membership = self.core.front.lock().membership_at(candidate.log_index);
        let Some(membership) = membership else { return Ok(false) };
        let membership = postcard::to_allocvec(&membership)
            .map_err(|error| NodeError::Stopped { why: error.to_string() })?;
        let snapshot = NodeSnapshot {
            last_log: bounds::pair(&log_id),
            membership,
            machine: candidate.machine,
            replay: candidate.replay,
            certificate: certificate.encode(),
        };
        // A node that was started again between the cut and its signature has signed with a key that
        // is not in the snapshot: nobody would take it. A later one will do.
        if let Err(why) = snapshot::check(&snapshot, &*self.core.configs) {
            tracing::info!(%why, cut = candidate.cut, "no snapshot of this cut");
            return Ok(false);
        }
        // The fold begins there after a restart, so its output must have come as far.
        self.folder.sync()?;
        self.core.front.snapshots.save(&snapshot)?;
        self.last_snapshot_cut = candidate.cut;
        // Nothing before the snapshot is folded again, so nothing before it is signed.
        let mut journal = self.core.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.prune(candidate.cut)?;
        Ok(true)
    }
}

const fn start_of(from: &NodeSnapshot) -> FolderStart<'_> {
    FolderStart::Snapshot { machine: from.machine.as_slice(), replay: from.replay.as_slice() }
}

/// Folds until the node stops.
pub(crate) async fn run<C: Committee, D: Disk, T: Transport>(core: &Core<C, D, T>) {
    let folded = async {
        let mut folding = Folding::open(core)?;
        while !core.is_stopping() {
            folding = folding.follow_snapshot()?;
            if !folding.turn()? {
                core.front.wakes.fold.notified().await;
            }
            // Others run in between where the fold is a task among them.
            core.breathe().await;
        }
        Ok::<(), NodeError>(())
    };
    if let Err(error) = folded.await {
        tracing::error!(%error, "the fold has stopped");
        core.fail(error.to_string());
    }
}
