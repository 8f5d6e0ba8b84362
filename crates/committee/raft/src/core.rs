use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use holobiont_committee::{Configs, CutStatement, MAX_OPEN_CUTS, Signer};
use holobiont_committee_fold::{Copies, FolderOptions, Need};
use holobiont_committee_store::{Committee, Disk, LogStore, SignedJournal, raft_id};
use holobiont_identity::{Digest, Organism, UniqueId};
use holobiont_policy::{OfferedHead, Roster, Unavailable};
use holobiont_surface::Surface;
use openraft::Raft;
use openraft::async_runtime::Instant as _;
use openraft::type_config::TypeConfigExt as _;
use openraft::type_config::alias::InstantOf;
use tokio::sync::watch;

use crate::anchors::{Anchors, Worth};
use crate::boots::{Boot, Boots};
use crate::front::Front;
use crate::rpc::{self, Answer, Request};
use crate::settings::{BootQuotes, Enrolments, Listener};
use crate::{FoldOn, Gate, LastLog, Settings, Signing, Transport};

pub(crate) type Engine<C, D> = Raft<C, Front<C, D>>;

/// What the node's loops and its handle share.
pub(crate) struct Core<C: Committee, D: Disk, T> {
    pub(crate) settings: Settings,
    pub(crate) organism: Arc<Organism>,
    pub(crate) roster: Roster,
    pub(crate) configs: Arc<dyn Configs>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) enrolment: Vec<u8>,
    pub(crate) enrolments: Enrolments,
    pub(crate) quote: Vec<u8>,
    pub(crate) quotes: BootQuotes,
    pub(crate) transport: T,
    pub(crate) copies: Arc<Copies>,
    pub(crate) folder: FolderOptions,
    pub(crate) now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) listener: Listener,
    pub(crate) disk: Arc<D>,
    pub(crate) store: LogStore<C, D>,
    pub(crate) journal: Mutex<SignedJournal<D>>,
    pub(crate) front: Front<C, D>,
    pub(crate) engine: OnceLock<Engine<C, D>>,
    facts: Mutex<Facts>,
    pub(crate) incoming: crate::answering::Incoming,
    stopping: AtomicBool,
    /// How many of the node's loops run.
    loops: watch::Sender<usize>,
    changed: watch::Sender<u64>,
    began: InstantOf<C>,
}

/// What the node knows that is not in the log.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// None before the others have answered.
    pub(crate) gate: Option<Gate>,
    /// Boot keys that attested TLS has verified, newest last: of a node that was started twice both.
    pub(crate) verified: BTreeMap<UniqueId, Vec<[u8; 32]>>,
    pub(crate) boots: Boots,
    /// Of this boot; 0 before the others have answered.
    pub(crate) boot_number: u64,
    pub(crate) anchors: Anchors,
    /// The number and nodes of the roster that each other node has told of.
    pub(crate) rosters: BTreeMap<UniqueId, (u64, Roster)>,
    /// A node that is in no roster known here has asked for something.
    pub(crate) stranger: bool,
    pub(crate) unavailable: BTreeMap<u16, Unavailable>,
    pub(crate) gaps: BTreeMap<u16, OfferedHead>,
    pub(crate) unsigned: VecDeque<CutStatement>,
    pub(crate) folded: u64,
    pub(crate) folded_cut: u64,
    pub(crate) needs: Vec<Need>,
    /// What ended its signing for good.
    pub(crate) signing_ended: Option<Signing>,
    pub(crate) failed: Option<String>,
    pub(crate) snapshot_made: bool,
    /// The offered config, where its file is here and the fold could go on with it.
    pub(crate) could_take_up: Option<Digest>,
    /// The organism's own surface, at the last time that it was made durable.
    pub(crate) output: Option<Surface>,
}

impl Facts {
    /// Whether the node signs, where its boot's key is active or not: what is shown is what it does.
    pub(crate) fn signing(&self, is_active: bool) -> Signing {
        if let Some(ended) = &self.signing_ended {
            return ended.clone();
        }
        let is_open = self.gate.as_ref().map(Gate::is_open);
        match is_open {
            None => Signing::Waits("the others have not told yet what this node may have promised"),
            Some(_) if !is_active => {
                Signing::Waits("a majority of the others has not admitted this boot's key yet")
            }
            Some(false) => {
                Signing::Waits("its log has not come as far yet as it may have been before")
            }
            Some(true) if !self.anchors.is_held() => {
                Signing::Waits("its state has not been held against the others' yet")
            }
            Some(true) => Signing::Signs,
        }
    }
}

/// Everything of a core that is not made on the way.
pub(crate) struct Start<C: Committee, D: Disk, T> {
    pub(crate) parts: crate::Parts<D, T>,
    pub(crate) store: LogStore<C, D>,
    pub(crate) journal: SignedJournal<D>,
    pub(crate) front: Front<C, D>,
}

impl<C: Committee, D: Disk, T> Core<C, D, T> {
    pub(crate) fn new(start: Start<C, D, T>) -> Self {
        let Start { parts, store, journal, front } = start;
        Self {
            settings: parts.settings,
            organism: parts.organism,
            roster: parts.roster,
            configs: parts.configs,
            signer: parts.signer,
            enrolment: parts.enrolment,
            enrolments: parts.enrolments,
            quote: parts.quote,
            quotes: parts.quotes,
            transport: parts.transport,
            copies: parts.copies,
            folder: parts.folder,
            now_ms: parts.now_ms,
            listener: parts.listener,
            disk: parts.disk,
            store,
            journal: Mutex::new(journal),
            front,
            engine: OnceLock::new(),
            facts: Mutex::default(),
            incoming: crate::answering::Incoming::default(),
            stopping: AtomicBool::new(false),
            loops: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            began: C::now(),
        }
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runtime's time since the node began, in milliseconds.
    pub(crate) fn runtime_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.front.wakes.stop();
    }

    /// A loop of the node runs until what this gives is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Running<C, D, T> {
        self.loops.send_modify(|count| *count = count.saturating_add(1));
        Running(Arc::clone(self))
    }

    /// Waits until the node's loops have ended.
    pub(crate) async fn ended(&self) {
        let mut loops = self.loops.subscribe();
        // The sender is `self`: it cannot be gone.
        let _ = loops.wait_for(|count| *count == 0).await;
    }

    /// Ends the node's work, and says why.
    pub(crate) fn fail(&self, why: String) {
        self.facts().failed.get_or_insert(why);
        self.stop();
        self.tell();
    }

    /// Tells whoever watches that something has changed.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn set_folded(&self, index: u64, cut: u64) {
        let mut facts = self.facts();
        (facts.folded, facts.folded_cut) = (index, cut);
        drop(facts);
        self.tell();
    }

    pub(crate) fn set_needs(&self, needs: Vec<Need>) {
        self.facts().needs = needs;
        self.tell();
    }

    pub(crate) fn give_to_sign(&self, statements: impl Iterator<Item = CutStatement>) {
        let mut facts = self.facts();
        facts.unsigned.extend(statements);
        // A node that may not sign goes on folding; the log forgets as many.
        let over = facts.unsigned.len().saturating_sub(MAX_OPEN_CUTS);
        facts.unsigned.drain(..over);
        drop(facts);
        self.front.wakes.duty.notify_one();
    }

    /// What ends signing for good stays.
    pub(crate) fn end_signing(&self, why: Signing) {
        self.facts().signing_ended.get_or_insert(why);
        self.tell();
    }

    pub(crate) fn signing_failed(&self) -> bool {
        self.facts().signing_ended.is_some()
    }

    pub(crate) fn snapshot_made(&self) {
        self.facts().snapshot_made = true;
        self.front.wakes.duty.notify_one();
    }

    /// The end of what is durable: of the log, or of a snapshot that has not taken its place yet.
    pub(crate) fn last_log(&self) -> LastLog {
        let snapshot_end = self.front.lock().snapshot_end;
        self.store.marks().last_log.max(snapshot_end)
    }

    /// The node id behind the engine's number: of the present roster, of the first, or of a newer one.
    pub(crate) fn name_of(&self, number: u64) -> Option<UniqueId> {
        let is_it = |node: &&UniqueId| raft_id(node) == number;
        let present = self.front.lock().machine.roster().clone();
        let known = present.nodes().iter().chain(self.roster.nodes()).find(is_it).copied();
        known.or_else(|| self.heard_nodes().into_iter().find(|node| is_it(&node)))
    }

    /// Nodes of rosters that others have told of and that this node's log has not come to: one of
    /// them may lead by now, and give this node the very order. One node's word is enough, since it
    /// opens no door by itself: whoever comes in has shown measured code that the committee's pins
    /// accept, on a machine of its own, and gets no further than the log's rules let it.
    pub(crate) fn heard_nodes(&self) -> BTreeSet<UniqueId> {
        let number = self.front.lock().machine.roster_number();
        let facts = self.facts();
        let newer = facts.rosters.values().filter(|(theirs, _)| *theirs > number);
        newer.flat_map(|(_, roster)| roster.nodes()).copied().collect()
    }

    /// Holds this node's state against what others have told of theirs.
    pub(crate) fn weigh(&self) {
        let roster = self.front.lock().machine.roster().clone();
        let worth = {
            let mut facts = self.facts();
            if facts.anchors.is_held() || facts.failed.is_some() {
                return;
            }
            let folded = facts.folded;
            facts.anchors.weigh(&self.settings.node, &roster, folded)
        };
        match worth {
            Worth::Unknown => {}
            Worth::Held => {
                tracing::info!("this node's state is the committee's");
                self.front.wakes.duty.notify_one();
            }
            Worth::Contradicted { cut, by } => {
                let by: Vec<String> = by.iter().map(ToString::to_string).collect();
                self.end_signing(Signing::Contradicted { cut });
                self.fail(format!(
                    "this node's disk differs from what the committee has: at cut {cut} nodes {} have \
                     another state; move its data folder away and start it empty",
                    by.join(", ")
                ));
            }
        }
    }

    /// Asks another node.
    pub(crate) async fn ask(
        &self,
        to: UniqueId,
        request: &Request<C>,
        within: Duration,
    ) -> Result<Answer<C>, String>
    where
        T: Transport,
    {
        let call = self.transport.call(to, rpc::encode(self.boot(), request));
        let body = match C::timeout(within, call).await {
            Err(_) => return Err(format!("no answer within {} ms", within.as_millis())),
            Ok(answered) => answered.map_err(|error| error.to_string())?,
        };
        let decoded = rpc::decode(&body);
        let (boot, answer) = decoded.ok_or("its answer is not readable by this build")?;
        // One that is still asking itself has no part in anything, and tells what it knows.
        let is_heard = boot.number == 0 || self.hears(&to, boot);
        match answer {
            _ if !is_heard => {
                Err("it was started again: this boot of it is heard no more".to_owned())
            }
            Answer::Outdated => {
                self.is_outdated();
                Err("a later boot of this node is heard in its place".to_owned())
            }
            Answer::Refused(why) => Err(why),
            answer => Ok(answer),
        }
    }

    /// Another boot of this node has taken its place.
    pub(crate) fn is_outdated(&self) {
        self.end_signing(Signing::Fenced);
        self.fail(
            "another boot of this node id was started after this one: run one only".to_owned(),
        );
    }

    /// Whether this node takes anything from a boot of another: not once a later one is known.
    pub(crate) fn hears(&self, node: &UniqueId, boot: Boot) -> bool {
        let is_fenced = self.front.lock().machine.is_fenced(node, &boot.key);
        !is_fenced && self.facts().boots.hears(*node, boot)
    }

    /// This boot, as it names itself.
    pub(crate) fn boot(&self) -> Boot {
        Boot { key: self.signer.public(), number: self.facts().boot_number }
    }

    /// Lets other tasks run, where the fold is one among them.
    pub(crate) async fn breathe(&self) {
        if self.settings.fold == FoldOn::Task {
            C::sleep(Duration::from_micros(1)).await;
        }
    }
}

/// One of the node's loops, running.
pub(crate) struct Running<C: Committee, D: Disk, T>(pub(crate) Arc<Core<C, D, T>>);

impl<C: Committee, D: Disk, T> Drop for Running<C, D, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a part of the node has panicked: its log says where".to_owned());
        }
        self.0.loops.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Marks;

    #[test]
    fn a_node_signs_only_where_nothing_stands_against_it() {
        let (node, last) = (UniqueId::from_name("node"), Some((1, 5)));
        let mut facts = Facts::default();
        let waits = |facts: &Facts, is_active, why: &str| {
            let signing = facts.signing(is_active);
            assert!(matches!(signing, Signing::Waits(says) if says.contains(why)), "{signing:?}");
        };
        waits(&facts, true, "have not told yet");
        let mut gate = Gate::new(&Marks { last, ..Marks::default() }, None);
        facts.gate = Some(gate.clone());
        waits(&facts, false, "has not admitted");
        waits(&facts, true, "has not come as far");
        gate.open(last);
        facts.gate = Some(gate);
        waits(&facts, true, "has not been held");
        // In a committee of its own.
        let roster = Roster::new(vec![node]).expect("a roster");
        assert_eq!(facts.anchors.weigh(&node, &roster, 0), Worth::Held);
        assert_eq!(facts.signing(true), Signing::Signs);
        waits(&facts, false, "has not admitted");
        facts.signing_ended = Some(Signing::Split { cut: 4 });
        assert_eq!(facts.signing(true), Signing::Split { cut: 4 });
    }
}
