//! Between a node's snapshot and the engine's.

use holobiont_committee::{Certificate, Configs, CutStatement, Machine};
use holobiont_committee_store::{Committee, NodeSnapshot, Term};
use openraft::LogId;
use openraft::storage::{Snapshot, SnapshotMeta};
use openraft::type_config::alias::{SnapshotOf, StoredMembershipOf};

/// Why a snapshot is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotRefusal {
    #[error("its membership is not readable")]
    Membership,
    #[error("its machine: {0}")]
    Machine(#[from] holobiont_committee::MachineError),
    #[error("its certificate is not readable")]
    Certificate,
    #[error("its fold is not readable: {0}")]
    Replay(holobiont_committee_fold::FoldError),
    #[error("its certificate is for log entry {certified}, it is of entry {is}")]
    OtherEntry { certified: u64, is: u64 },
    #[error("its certificate is not one of the committee that it describes: {0}")]
    NotCertified(#[from] holobiont_committee::CertificateError),
    #[error("its state is not the one that its certificate names")]
    OtherState,
}

/// The same for the engine.
pub(crate) fn to_raft<C: Committee>(
    from: &NodeSnapshot,
) -> Result<SnapshotOf<C, Vec<u8>>, SnapshotRefusal> {
    let (term, index) = from.last_log;
    let last_membership: StoredMembershipOf<C> =
        postcard::from_bytes(&from.membership).map_err(|_| SnapshotRefusal::Membership)?;
    let last_log_id = Some(LogId::new(Term::new(term), index));
    Ok(Snapshot { meta: SnapshotMeta { last_log_id, last_membership }, snapshot: from.encode() })
}

/// Whether a snapshot that a peer sent is what the committee has certified: its entry, its state,
/// and a quorum of the keys that were active there. Gives the statement that is certified.
pub(crate) fn check(
    from: &NodeSnapshot,
    configs: &dyn Configs,
) -> Result<CutStatement, SnapshotRefusal> {
    let machine = Machine::restore(&from.machine, configs)?;
    let certificate =
        Certificate::decode(&from.certificate).map_err(|_| SnapshotRefusal::Certificate)?;
    let (certified, is) = (certificate.statement.log_index, from.last_log.1);
    if certified != is {
        return Err(SnapshotRefusal::OtherEntry { certified, is });
    }
    certificate.verify(machine.certificate_quorum(), &|node, key| {
        machine.place_of(node).is_some_and(|place| machine.active_key(place) == Some(key))
    })?;
    let digest =
        holobiont_committee_fold::state_digest(&from.replay).map_err(SnapshotRefusal::Replay)?;
    // The machine beside it must be of that cut as well: config, roster, log and time.
    let CutStatement { cut, output, .. } = certificate.statement;
    let own = machine.statement(cut, output, digest);
    if own.as_ref() != Some(&certificate.statement) || machine.log_index() != is {
        return Err(SnapshotRefusal::OtherState);
    }
    Ok(certificate.statement)
}
