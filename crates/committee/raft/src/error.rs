use holobiont_committee::MachineError;
use holobiont_committee_fold::FoldError;
use holobiont_committee_store::StoreError;

/// Why a node does not run, or does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Its log, vote or snapshots.
    #[error("the node's own log: {0}")]
    Store(#[from] StoreError),
    /// The committee's state.
    #[error("the committee's state: {0}")]
    Machine(#[from] MachineError),
    /// Copies of members' surfaces, or the fold over them.
    #[error("the fold: {0}")]
    Fold(#[from] FoldError),
    /// A snapshot on its disk.
    #[error(
        "this node's own snapshot is not what a certificate names ({why}): move its data folder away \
         and start it empty"
    )]
    Snapshot {
        /// What is wrong with it.
        why: String,
    },
    /// The engine's settings.
    #[error("the settings do not fit together: {why}")]
    Settings {
        /// What does not.
        why: String,
    },
    /// The engine has stopped.
    #[error("the replicated log has stopped: {why}")]
    Stopped {
        /// Why.
        why: String,
    },
    /// There is no leader to take a command.
    #[error("no leader takes it ({why}): ask again when the committee has one")]
    NoLeader {
        /// What was tried.
        why: String,
    },
}
