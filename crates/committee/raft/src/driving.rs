use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use holobiont_committee::{LogCommand, Signed};
use holobiont_committee_store::{Committee, Disk, Payload, raft_id};
use holobiont_identity::Digest;
use holobiont_policy::Command;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::impls::EmptyNode;
use openraft::storage::RaftLogStorage as _;
use openraft::type_config::TypeConfigExt as _;
use openraft::{ChangeMembers, Config, SnapshotPolicy};

use crate::core::{Core, Engine};
use crate::duty::{Duty, Held, Own};
use crate::network::Peers;
use crate::rpc::{Answer, Request};
use crate::{Gate, NodeError, Signing, Transport, asking, node, recall};

/// How long a node waits for one answer, in milliseconds.
pub(crate) const ANSWER_MS: u64 = 2_000;

/// How long a leader waits before it calls a node again that did not answer. Short: to a node that
/// comes back every wait is time in which it lacks the log, and one that is not there costs no call
/// while the transport rests.
const BACKOFF: &str = "25ms 50ms 100ms ...100ms";

/// How long a leader waits for a new node to come as far as its log, before it looks again, in milliseconds.
const LEARNS_MS: u64 = 60_000;

/// The node's life: recall, then engine, fold, ticks and duty.
pub(crate) async fn run<C: Committee, D: Disk, T: Transport>(core: &Arc<Core<C, D, T>>) {
    let Some(heard) = recall::recall(core).await else { return };
    let own = core.last_log();
    if let Err(error) = forget_no_term(core, heard.term).await {
        core.fail(format!("the term that others know of could not be kept: {error}"));
        return;
    }
    let gate = Gate::new(&heard, own);
    if gate.is_rolled_back() {
        tracing::error!(
            ?heard,
            ?own,
            "this node's disk is an older copy than it had: it follows, and neither votes for less nor signs until its log is there again"
        );
    }
    {
        let mut facts = core.facts();
        facts.gate = Some(gate);
        facts.anchors.begin(own.map_or(0, |(_, index)| index));
    }
    let is_first_start = own.is_none() && heard.last.is_none();
    if let Err(error) = start_engine(core, is_first_start).await {
        core.fail(error.to_string());
        return;
    }
    node::spawn_fold(core);
    let asking = core.enter();
    drop(C::spawn(async move { asking::run(&asking.0).await }));
    let ticking = core.enter();
    drop(C::spawn(async move { tick(&ticking.0).await }));
    duty(core).await;
    // A node that has failed leads no more; nor does one that was ended while its engine started.
    if let Some(engine) = core.engine.get()
        && let Err(error) = engine.shutdown().await
    {
        tracing::warn!(%error, "the replicated log did not end cleanly");
    }
}

/// A disk that is an older copy has lost what this node voted and whom it followed. In a term that others
/// know of it neither votes again nor follows an older leader: as if it had voted for itself, which the
/// leader of that very term overrides.
async fn forget_no_term<C: Committee, D: Disk, T>(
    core: &Core<C, D, T>,
    heard: u64,
) -> std::io::Result<()> {
    if heard <= core.store.marks().vote_term {
        return Ok(());
    }
    let vote = openraft::Vote::new(heard, raft_id(&core.settings.node));
    core.store.clone().save_vote(&vote).await
}

async fn start_engine<C: Committee, D: Disk, T: Transport>(
    core: &Arc<Core<C, D, T>>,
    is_first_start: bool,
) -> Result<(), NodeError> {
    let settings = &core.settings;
    let config = Config {
        cluster_name: core.organism.stable_id().to_string(),
        heartbeat_interval: settings.heartbeat_ms,
        election_timeout_min: settings.election_ms.0,
        election_timeout_max: settings.election_ms.1,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: settings.keep_entries,
        backoff: BACKOFF.to_owned(),
        // The gate decides when it may campaign.
        enable_elect: false,
        enable_pre_vote: Some(true),
        // An old leader asks again; a disk that was rolled back is refilled behind the gate.
        enable_leader_restore: Some(false),
        allow_log_reversion: Some(true),
        ..Config::default()
    };
    let config =
        config.validate().map_err(|error| NodeError::Settings { why: error.to_string() })?;
    let peers = Peers { core: Arc::clone(core) };
    let number = raft_id(&settings.node);
    let stopped = |why: String| NodeError::Stopped { why };
    let engine =
        Engine::new(number, Arc::new(config), peers, core.store.clone(), core.front.clone())
            .await
            .map_err(|error| stopped(error.to_string()))?;
    let in_roster = core.roster.nodes().contains(&settings.node);
    if is_first_start && in_roster {
        let voters: BTreeSet<u64> = core.roster.nodes().iter().map(raft_id).collect();
        // Every node of the first roster begins with the same entry; one that another has reached
        // already need not.
        if let Err(error) = engine.initialize(voters).await {
            tracing::info!(%error, "the log was begun by another node");
        }
    }
    core.engine.set(engine).map_err(|_| stopped("the engine was started twice".to_owned()))?;
    core.tell();
    Ok(())
}

/// The organism's tick, from whoever leads.
async fn tick<C: Committee, D: Disk, T: Transport>(core: &Core<C, D, T>) {
    let mut next_ms = core.runtime_ms();
    while !core.is_stopping() {
        let tick_ms = core.front.lock().machine.organism().ticks.tick_ms;
        let now_ms = core.runtime_ms();
        // A process that was paused does not make up for it.
        next_ms = next_ms.saturating_add(u64::from(tick_ms)).max(now_ms);
        C::sleep(Duration::from_millis(next_ms.saturating_sub(now_ms))).await;
        let Some(engine) = core.engine.get().filter(|engine| engine.is_leader()) else { continue };
        let key = core.signer.public();
        let place = {
            let front = core.front.lock();
            let place = front.machine.place_of(&core.settings.node);
            place.filter(|place| front.machine.active_key(*place) == Some(&key))
        };
        if let Some(place) = place {
            let payload = sign(core, place, LogCommand::Policy(Command::Tick));
            let _ = engine.client_write_ff(Payload(payload), None).await;
        }
    }
}

/// Looks at what there is to propose whenever something has changed, and proposes it.
async fn duty<C: Committee, D: Disk, T: Transport>(core: &Arc<Core<C, D, T>>) {
    let mut duty = Duty::default();
    let look_every = Duration::from_millis(core.settings.look_every_ms);
    let mut is_changing_members = None;
    while !core.is_stopping() {
        let _ = C::timeout(look_every, core.front.wakes.duty.notified()).await;
        let Some(engine) = core.engine.get() else { return };
        if let Err(fatal) = running(engine) {
            core.fail(fatal);
            return;
        }
        open_gate(core, engine);
        if std::mem::take(&mut core.facts().snapshot_made) {
            let _ = engine.trigger().snapshot().await;
        }
        {
            let metrics = engine.metrics();
            let metrics = metrics.borrow_watched();
            duty.led_by(metrics.current_term, metrics.current_leader);
        }
        match look(core, engine, &mut duty) {
            Ok((place, commands)) if !commands.is_empty() => {
                let payloads = commands.into_iter().map(|command| sign(core, place, command));
                if let Err(error) = propose(core, payloads.collect()).await {
                    tracing::debug!(%error, "not proposed now");
                    duty.propose_again();
                }
            }
            Ok(_) => {}
            Err(error) => {
                core.fail(error.to_string());
                return;
            }
        }
        change_members(core, engine, &mut is_changing_members);
        core.tell();
    }
}

fn running<C: Committee, D: Disk>(engine: &Engine<C, D>) -> Result<(), String> {
    let metrics = engine.metrics();
    let running = metrics.borrow_watched().running_state.clone();
    running.map_err(|fatal| fatal.to_string())
}

/// Once the log has come as far as it may have been, the node may lead and sign.
fn open_gate<C: Committee, D: Disk, T: Transport>(core: &Core<C, D, T>, engine: &Engine<C, D>) {
    let last = core.last_log();
    let roster = core.front.lock().machine.roster().clone();
    let mut facts = core.facts();
    let is_alone = facts.anchors.is_alone(&core.settings.node, &roster);
    if let Some(gate) = &mut facts.gate
        && gate.open(last)
    {
        engine.runtime_config().elect(!is_alone);
        engine.runtime_config().heartbeat(!is_alone);
    }
}

/// What there is to propose. Disks are asked without a lock: the log must not wait for them.
fn look<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    engine: &Engine<C, D>,
    duty: &mut Duty,
) -> Result<(u16, Vec<LogCommand>), NodeError> {
    let own = Own {
        node: &core.settings.node,
        key: core.signer.public(),
        now_ms: core.runtime_ms(),
        retry_ms: core.settings.retry_ms,
    };
    let front = core.front.lock();
    let machine = &front.machine;
    if duty.is_fenced(machine, own) {
        drop(front);
        core.end_signing(Signing::Fenced);
        let why = "another boot of this node id was admitted after this one: run one only";
        return Err(NodeError::Stopped { why: why.to_owned() });
    }
    let Some(place) = machine.place_of(own.node) else { return Ok((0, Vec::new())) };
    let mut facts = core.facts();
    let (shows, judges) = ((&*core.enrolment, &*core.quote), (&core.enrolments, &core.quotes));
    let mut commands = duty.keys(machine, own, shows, &facts.verified, judges);
    if machine.active_key(place) != Some(&own.key) {
        return Ok((place, commands));
    }
    commands.extend(duty.hold(machine, own, facts.could_take_up));
    let may_sign = facts.signing(true) == Signing::Signs;
    let unsigned = &mut facts.unsigned;
    let mut to_sign =
        if may_sign { duty.due_signatures(machine, own, unsigned) } else { Vec::new() };
    let (unavailable, gaps) = (facts.unavailable.clone(), facts.gaps.clone());
    let policy = machine.policy().clone();
    drop(facts);
    drop(front);
    if !to_sign.is_empty() {
        let mut journal = core.journal.lock().unwrap_or_else(PoisonError::into_inner);
        // A later cut has a snapshot by now, and what was signed before it is forgotten.
        to_sign.retain(|statement| statement.cut >= journal.first_cut());
        // What is signed is on disk before the signature leaves.
        let digests: Vec<(u64, Digest)> = to_sign.iter().map(|it| (it.cut, it.digest())).collect();
        journal.record_all(&digests)?;
    }
    if !to_sign.is_empty() {
        let signed = to_sign.iter().map(|statement| statement.sign(&*core.signer)).collect();
        commands.push(LogCommand::Sign(signed));
    }
    let held = Held {
        copies: &core.copies,
        unavailable: &unavailable,
        gaps: &gaps,
        leads: engine.is_leader(),
        patience_ms: core.settings.patience_ms,
        wall_ms: (core.now_ms)(),
    };
    commands.extend(duty.members(&policy, place, own, &held));
    Ok((place, commands))
}

fn sign<C: Committee, D: Disk, T>(
    core: &Core<C, D, T>,
    place: u16,
    command: LogCommand,
) -> Vec<u8> {
    let organism = core.organism.stable_id();
    Signed::make(organism, &core.settings.node, place, command, &*core.signer).encode()
}

/// Gives signed commands to whoever leads.
pub(crate) async fn propose<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    payloads: Vec<Vec<u8>>,
) -> Result<(), NodeError> {
    let no_leader = |why: &str| NodeError::NoLeader { why: why.to_owned() };
    let engine = core.engine.get().ok_or_else(|| no_leader("this node has just started"))?;
    if engine.is_leader() {
        for payload in payloads {
            let written = engine.client_write_ff(Payload(payload), None).await;
            written.map_err(|error| NodeError::Stopped { why: error.to_string() })?;
        }
        return Ok(());
    }
    let leader = engine.metrics().borrow_watched().current_leader;
    let leader = leader.and_then(|number| core.name_of(number));
    let leader = leader.ok_or_else(|| no_leader("none is known"))?;
    let within = Duration::from_millis(ANSWER_MS);
    match core.ask(leader, &Request::Propose(payloads), within).await {
        Ok(Answer::Proposed) => Ok(()),
        Ok(_) => Err(no_leader("it answered something else than was asked")),
        Err(why) => Err(no_leader(&why)),
    }
}

/// The node that is nearest to this leader, to lead after it.
pub(crate) fn successor<C: Committee, D: Disk>(engine: &Engine<C, D>) -> Option<u64> {
    let metrics = engine.metrics();
    let metrics = metrics.borrow_watched();
    let voters: BTreeSet<u64> = metrics.membership_config.voter_ids().collect();
    let replication = metrics.replication.as_ref()?;
    let others =
        replication.iter().filter(|(number, _)| **number != metrics.id && voters.contains(number));
    others.max_by_key(|(_, log_id)| log_id.map(|log_id| log_id.index())).map(|(number, _)| *number)
}

/// The leader makes the log's voters those of the roster that the operators have ordered.
fn change_members<C: Committee, D: Disk, T: Transport>(
    core: &Arc<Core<C, D, T>>,
    engine: &Engine<C, D>,
    changing: &mut Option<Arc<AtomicBool>>,
) {
    if changing.as_ref().is_some_and(|done| !done.load(Ordering::Acquire)) || !engine.is_leader() {
        return;
    }
    let wanted: BTreeSet<u64> =
        core.front.lock().machine.roster().nodes().iter().map(raft_id).collect();
    let now = engine.metrics().borrow_watched().membership_config.clone();
    let voters: BTreeSet<u64> = now.voter_ids().collect();
    if voters == wanted && now.membership().get_joint_config().len() <= 1 {
        return;
    }
    let done = Arc::new(AtomicBool::new(false));
    *changing = Some(Arc::clone(&done));
    let engine = engine.clone();
    drop(C::spawn(async move {
        for number in wanted.difference(&voters) {
            // One that never comes must not keep the operators from ordering another roster.
            let added = engine.add_learner(*number, EmptyNode {}, true);
            match C::timeout(Duration::from_millis(LEARNS_MS), added).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, number, "a new node of the roster cannot be added yet");
                }
                Err(_) => {
                    tracing::warn!(number, "a new node of the roster does not follow yet");
                    done.store(true, Ordering::Release);
                    return;
                }
            }
        }
        let wanted = ChangeMembers::ReplaceAllVoters(wanted.clone());
        let changed = engine.change_membership(wanted, false).await;
        if let Err(error) = changed {
            tracing::warn!(%error, "the log's voters are not those of the roster yet");
        }
        done.store(true, Ordering::Release);
    }));
}
