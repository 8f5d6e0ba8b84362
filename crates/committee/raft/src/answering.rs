use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_committee::MAX_SIGNED_BYTES;
use holobiont_committee_store::{
    Committee, Disk, LogStore, MAX_SNAPSHOT_BYTES, NodeSnapshot, Payload, raft_id,
};
use holobiont_identity::UniqueId;
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::raft::{AppendEntriesRequest, VoteRequest};
use openraft::type_config::TypeConfigExt as _;

use crate::anchors::Anchor;
use crate::boots::Boot;
use crate::core::{Core, Engine};
use crate::rpc::{self, Answer, Piece, Request, Told};
use crate::{FoldOn, LastLog, Marks, Transport, bounds, recall, snapshot};

/// The most commands in one call.
const MAX_PROPOSALS: usize = 256;

/// Snapshots on their way, by sender.
#[derive(Debug, Default)]
pub(crate) struct Incoming(Mutex<BTreeMap<UniqueId, Vec<u8>>>);

/// The key of the boot that says this; attested TLS knows which it is.
pub(crate) fn speaker(body: &[u8]) -> Option<[u8; 32]> {
    body.get(1..).and_then(|body| body.first_chunk::<32>()).copied()
}

/// Answers a peer that attested TLS has verified to be `from`.
pub(crate) async fn answer<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    from: UniqueId,
    body: &[u8],
) -> Vec<u8> {
    let answer = match rpc::decode::<Request<C>>(body) {
        None => Answer::Refused("your request is not readable by this build".to_owned()),
        Some((boot, request)) => match respond(core, (from, boot), request).await {
            Ok(answer) => answer,
            Err(why) => Answer::Refused(why),
        },
    };
    rpc::encode(core.boot(), &answer)
}

async fn respond<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    (from, boot): (UniqueId, Boot),
    request: Request<C>,
) -> Result<Answer<C>, String> {
    if core.name_of(raft_id(&from)) != Some(from) {
        // Unless there is a roster by now that this node has not heard of.
        core.facts().stranger = true;
        return Err("you are not in this committee's roster".to_owned());
    }
    bounds::request(boot, &request).map_err(|error| error.to_string())?;
    let asks = matches!(request, Request::Recall { .. }) && boot.number == 0;
    if !asks && boot.number == 0 {
        return Err("ask first what your node may have promised".to_owned());
    }
    if !asks && !core.hears(&from, boot) {
        return Ok(Answer::Outdated);
    }
    if let Request::Recall { enrolment, anchors } = &request {
        if !(core.enrolments)(&from, enrolment) {
            return Err("your enrolment is not this organism's operators' for that node".to_owned());
        }
        let answer = tell(core, &from, anchors);
        recall::compare(core, from, anchors);
        return Ok(Answer::Marks(answer));
    }
    if core.is_stopping() {
        return Err("this node is stopping".to_owned());
    }
    let Some(engine) = core.engine.get() else {
        return Err("this node is still asking what it may have promised before".to_owned());
    };
    let sender = raft_id(&from);
    match request {
        Request::Recall { .. } => Err("asked already".to_owned()),
        Request::Append(append) => {
            by_sender(append.vote.leader_id().voted_for, sender)?;
            agrees(&core.store, &append)?;
            let response = engine.append_entries(append).await;
            response.map(Answer::Append).map_err(|error| error.to_string())
        }
        Request::Vote(vote) => {
            by_sender(vote.vote.leader_id().voted_for, sender)?;
            may_vote(core, &vote)?;
            engine.vote(vote).await.map(Answer::Vote).map_err(|error| error.to_string())
        }
        Request::PreVote(vote) => {
            by_sender(vote.vote.leader_id().voted_for, sender)?;
            may_vote(core, &vote)?;
            engine.pre_vote(vote).await.map(Answer::Vote).map_err(|error| error.to_string())
        }
        Request::Snapshot(piece) => {
            by_sender(piece.vote.leader_id().voted_for, sender)?;
            take_piece(core, engine, from, piece).await
        }
        Request::TransferLeader(transfer) => {
            by_sender(transfer.from_leader().leader_id().voted_for, sender)?;
            // To lead is to campaign, which the gate forbids until the log is there.
            if !core.facts().gate.as_ref().is_some_and(crate::Gate::is_open) {
                return Err(
                    "this node's log has not come as far yet as it may have been".to_owned()
                );
            }
            let response = engine.handle_transfer_leader(transfer).await;
            response.map(Answer::TransferLeader).map_err(|error| error.to_string())
        }
        Request::Propose(payloads) => propose(engine, payloads).await,
    }
}

fn by_sender(named: u64, sender: u64) -> Result<(), String> {
    match named == sender {
        true => Ok(()),
        false => Err("you speak for another node".to_owned()),
    }
}

/// Whether a leader's log is this node's own where that is committed: the engine takes it for granted.
/// Only a leader whose disk, or this node's, is not what it was is refused. One of an earlier term is
/// left to the engine, which tells it of the later one.
fn agrees<C: Committee, D: Disk>(
    store: &LogStore<C, D>,
    append: &AppendEntriesRequest<C>,
) -> Result<(), String> {
    let marks = store.marks();
    let Some(committed) = marks.committed.max(marks.purged) else { return Ok(()) };
    if store.vote().is_some_and(|own| append.vote < own) {
        return Ok(());
    }
    let entries = append.entries.iter().map(|entry| &entry.log_id);
    for log_id in append.prev_log_id.iter().chain(entries) {
        let (term, index) = bounds::pair(log_id);
        if index > committed.1 {
            break;
        }
        // What is purged is known by its end alone: no entry before that is of a later term.
        let own = store.log_id(index).map(|own| bounds::pair(&own).0);
        if own.map_or(term > committed.0, |own| term != own) {
            let own = own.unwrap_or(committed.0);
            return Err(format!(
                "your log contradicts what is committed here: your entry {index} is of term {term}, \
                 the committed one of term {own}; one of the two nodes' disks is not what it was"
            ));
        }
    }
    Ok(())
}

/// What another node that has restarted is told.
fn tell<C: Committee, D: Disk, T>(core: &Core<C, D, T>, node: &UniqueId, asked: &[Anchor]) -> Told {
    let marks = marks_for(core, node);
    let (boots, anchors) = {
        let facts = core.facts();
        (facts.boots.clone(), facts.anchors.tell(asked))
    };
    let front = core.front.lock();
    let machine = &front.machine;
    Told {
        marks,
        roster_number: machine.roster_number(),
        roster: machine.roster().nodes().to_vec(),
        boots,
        anchors,
    }
}

/// What this node knows of another that has restarted.
fn marks_for<C: Committee, D: Disk, T>(core: &Core<C, D, T>, node: &UniqueId) -> Marks {
    let (own, last) = (core.store.marks(), core.last_log());
    let acknowledged = core.engine.get().and_then(|engine| {
        let metrics = engine.metrics();
        let metrics = metrics.borrow_watched();
        let matching = metrics.replication.as_ref()?.get(&raft_id(node))?.as_ref()?.index();
        Some(matching)
    });
    let committed = own.committed.max(own.purged);
    let own = Marks { term: own.vote_term, last, committed, acknowledged };
    core.facts().gate.as_ref().map_or(own, |gate| gate.tells(own))
}

/// A restarted node's rule, in front of the engine's own.
fn may_vote<C: Committee, D: Disk, T>(
    core: &Core<C, D, T>,
    request: &VoteRequest<C>,
) -> Result<(), String> {
    let last: LastLog = request.last_log_id.as_ref().map(bounds::pair);
    let term = request.vote.leader_id().term;
    let facts = core.facts();
    match &facts.gate {
        Some(gate) if gate.may_vote(term, last) || gate.knew(term) => Ok(()),
        _ => Err("this node has restarted and may have promised more than it has now".to_owned()),
    }
}

async fn take_piece<C: Committee, D: Disk, T: Transport>(
    core: &Core<C, D, T>,
    engine: &Engine<C, D>,
    from: UniqueId,
    piece: Piece<C>,
) -> Result<Answer<C>, String> {
    if piece.size_bytes > MAX_SNAPSHOT_BYTES {
        return Err(format!("a snapshot of {} bytes is more than is taken", piece.size_bytes));
    }
    let size_bytes = usize::try_from(piece.size_bytes).unwrap_or(usize::MAX);
    let whole = {
        let mut incoming = core.incoming.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One at a time: what a leader before has left half sent is not kept.
        if piece.offset == 0 {
            incoming.clear();
        }
        let so_far = incoming.entry(from).or_default();
        if u64::try_from(so_far.len()).ok() != Some(piece.offset) {
            return Err("a piece of the snapshot is missing: begin again".to_owned());
        }
        so_far.extend_from_slice(&piece.bytes);
        if so_far.len() < size_bytes {
            return Ok(Answer::Snapshot(None));
        }
        incoming.remove(&from).unwrap_or_default()
    };
    let configs = Arc::clone(&core.configs);
    let read = move || {
        let received = NodeSnapshot::decode(&whole).map_err(|error| error.to_string())?;
        snapshot::check(&received, &*configs).map_err(|error| error.to_string())?;
        let snapshot = snapshot::to_raft::<C>(&received).map_err(|error| error.to_string())?;
        Ok::<_, String>((received.last_log, snapshot))
    };
    // It may be large, and others wait for what this thread does.
    let read = match core.settings.fold {
        FoldOn::Thread => C::spawn_blocking(read).await.map_err(|error| error.to_string())?,
        FoldOn::Task => read(),
    };
    let ((term, index), snapshot) = read?;
    // The engine takes both for granted, and panics.
    if term > piece.vote.leader_id().term {
        return Err("the snapshot is of a later term than its sender leads in".to_owned());
    }
    let committed = core.store.marks().committed;
    if committed.is_some_and(|known| term > known.0 && index <= known.1) {
        return Err("the snapshot contradicts what is committed here".to_owned());
    }
    let installed = engine.install_full_snapshot(piece.vote, snapshot).await;
    installed.map(|response| Answer::Snapshot(Some(response))).map_err(|error| error.to_string())
}

async fn propose<C: Committee, D: Disk>(
    engine: &Engine<C, D>,
    payloads: Vec<Vec<u8>>,
) -> Result<Answer<C>, String> {
    if !engine.is_leader() {
        return Err("this node does not lead".to_owned());
    }
    // One that the log cannot hold would end the leader, and the next one.
    if payloads.iter().any(|payload| payload.len() > MAX_SIGNED_BYTES) {
        return Err("a command is larger than any can be".to_owned());
    }
    for payload in payloads.into_iter().take(MAX_PROPOSALS) {
        let written = engine.client_write_ff(Payload(payload), None).await;
        written.map_err(|error| error.to_string())?;
    }
    Ok(Answer::Proposed)
}
