use holobiont_committee_store::{Committee, Disk};
use openraft::ServerState;

use crate::core::Core;
use crate::{MemberStatus, Role, Status};

/// What the node is, knows and does now.
pub(crate) fn status<C: Committee, D: Disk, T>(core: &Core<C, D, T>) -> Status {
    let engine = core.engine.get().map(|engine| {
        use openraft::async_runtime::watch::WatchReceiver as _;
        let metrics = engine.metrics();
        let metrics = metrics.borrow_watched();
        let role = match (&metrics.running_state, metrics.state) {
            (Err(_), _) | (_, ServerState::Shutdown) => Role::Stopped,
            (_, ServerState::Learner) => Role::Learner,
            (_, ServerState::Follower) => Role::Follower,
            (_, ServerState::Candidate) => Role::Candidate,
            (_, ServerState::Leader) => Role::Leader,
        };
        let committed = metrics.local_committed.map_or(0, |log_id| log_id.index());
        (role, metrics.current_term, metrics.current_leader, committed)
    });
    let (role, term, leader, committed) = engine.unwrap_or((Role::Recalling, 0, None, 0));
    let leader = leader.and_then(|number| core.name_of(number));
    let front = core.front.lock();
    let (applied, machine) = (front.applied_index(), &front.machine);
    let policy = machine.policy();
    let place = machine.place_of(&core.settings.node);
    let members = (0_u16..)
        .zip(machine.organism().members.iter().zip(policy.members()))
        .map(|(member, (config, state))| MemberStatus {
            name: config.name.clone(),
            status: state.status,
            since_tick: state.since_tick,
            frontier: state.frontier,
            resume_from: state.resume_from,
            copy_next_seq: core.copies.next_seq(member),
            copy_durable: core.copies.durable(member),
            open_offer: state.open_offer.is_some(),
            flagged_nodes: state.flagged_nodes.clone(),
        })
        .collect();
    let active_keys = (0_u16..)
        .zip(machine.roster().nodes())
        .map(|(node, _)| machine.active_key(node).is_some())
        .collect();
    let key = core.signer.public();
    let is_active = place.is_some_and(|place| machine.active_key(place) == Some(&key));
    let facts = core.facts();
    Status {
        node: core.settings.node,
        place,
        role: if core.is_stopping() { Role::Stopped } else { role },
        term,
        leader,
        last_log: core.store.marks().last_log,
        committed,
        applied,
        folded: facts.folded,
        cut: policy.cut_number(),
        folded_cut: facts.folded_cut,
        certified_cut: machine.latest_certificate().map_or(0, |it| it.statement.cut),
        watermark: policy.watermark(),
        time_ms: policy.time_ms(),
        tick: policy.tick(),
        paused: policy.is_paused(),
        halted: policy.is_halted(),
        roster_number: machine.roster_number(),
        members,
        signing: facts.signing(is_active),
        rolled_back: facts.gate.as_ref().is_some_and(crate::Gate::is_rolled_back),
        contradicted_by: facts.anchors.contradicted_by(),
        active_keys,
        needs: facts.needs.clone(),
        log_entries: core.store.figures().entries,
        log_bytes: core.store.size_bytes(),
        failed: facts.failed.clone(),
    }
}
