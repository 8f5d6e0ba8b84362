//! Which exit code a failure has.

use holobiont_attestation::Fault;
use holobiont_attestation_pccs::{FetchError, StoreError};
use holobiont_bench::BenchError;
use holobiont_committee::{ExportError, MachineError};
use holobiont_committee_fold::FoldError;
use holobiont_committee_raft::NodeError;
use holobiont_replay::{LogError, ReplayError};
use holobiont_surface::SurfaceError;

use super::Failure;
use crate::exit::Exit;

impl Failure {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Config { .. } | Self::Program { .. } | Self::Policy { .. } => Exit::Configuration,
            Self::Replay(error) => of_replay(error),
            Self::Surface(error) => of_surface(error),
            Self::Evidence(_) | Self::Describe(_) | Self::Input { .. } => Exit::Untrusted,
            Self::Io { .. } | Self::Output(_) => Exit::Unavailable,
            Self::Differs { .. } => Exit::Divergence,
            Self::Bench(error) => of_bench(error),
            Self::Regressed { .. } => Exit::Regression,
            Self::Provider(_) | Self::Registers(_) => Exit::Unavailable,
            Self::Fetch(FetchError::Url { .. }) => Exit::Usage,
            Self::Fetch(error) if error.is_unavailable() => Exit::Unavailable,
            Self::Fetch(_) => Exit::Untrusted,
            Self::Store(error) => of_store(error),
            Self::Download { .. } | Self::NotReady { .. } => Exit::Unavailable,
            Self::Verdict { fault: Fault::Policy, .. } => Exit::Policy,
            Self::Verdict { fault: Fault::Unavailable, .. } => Exit::Unavailable,
            Self::Verdict { .. } => Exit::Untrusted,
            Self::Usage { .. } => Exit::Usage,
            Self::Listen { .. } | Self::Silent { .. } | Self::Stopped { .. } => Exit::Unavailable,
            Self::Node(error) => of_node(error),
            Self::Fold(error) => of_fold(error),
            Self::Machine(error) => of_machine(error),
            Self::Export(error) => of_export(error),
            Self::Certificate(_) | Self::Format(_) | Self::Order(_) => Exit::Untrusted,
            Self::Answer { status: 400..=499, .. } => Exit::Untrusted,
            Self::Answer { .. } => Exit::Unavailable,
            Self::Fenced => Exit::Fenced,
            Self::Contradicted { .. } | Self::Diverged { .. } => Exit::Diverged,
            Self::Split { .. } => Exit::Split,
            #[cfg(feature = "simulated")]
            Self::Interrupted => Exit::Interrupted,
            Self::Reported(failure) => failure.exit(),
            Self::Unexpected(_) => Exit::Unexpected,
        }
    }
}

fn of_replay(error: &ReplayError) -> Exit {
    match error {
        ReplayError::HeadDiffers { .. } | ReplayError::Differs { .. } => Exit::Divergence,
        ReplayError::Member { source, .. }
        | ReplayError::SurfacesUnreadable(source)
        | ReplayError::ReadPool(source)
        | ReplayError::Output(source) => of_surface(source),
        ReplayError::SurfacesMissing { .. }
        | ReplayError::SurfaceEnds { .. }
        | ReplayError::Log(LogError::Io { .. }) => Exit::Unavailable,
        ReplayError::MemoryBudget { .. } | ReplayError::Log(LogError::OtherOrganism { .. }) => {
            Exit::Configuration
        }
        ReplayError::Program { .. } | ReplayError::Poisoned => Exit::Unexpected,
        _ => Exit::Untrusted,
    }
}

fn of_node(error: &NodeError) -> Exit {
    use holobiont_committee_store::StoreError as LogError;
    match error {
        NodeError::Store(LogError::Io { .. } | LogError::Locked { .. })
        | NodeError::NoLeader { .. }
        | NodeError::Stopped { .. } => Exit::Unavailable,
        NodeError::Store(_) => Exit::Untrusted,
        NodeError::Machine(error) => of_machine(error),
        NodeError::Fold(error) => of_fold(error),
        NodeError::Settings { .. } => Exit::Configuration,
        _ => Exit::Unexpected,
    }
}

fn of_fold(error: &FoldError) -> Exit {
    match error {
        FoldError::Copy { source, .. } => of_surface(source),
        FoldError::Io { .. } => Exit::Unavailable,
        FoldError::OtherSurface { .. } | FoldError::OtherGenesis { .. } | FoldError::Program(_) => {
            Exit::Configuration
        }
        FoldError::Machine(error) => of_machine(error),
        FoldError::Replay(error) => of_replay(error),
        FoldError::OutputDiffers { .. } | FoldError::OutputForked { .. } => Exit::Divergence,
        _ => Exit::Unexpected,
    }
}

fn of_machine(error: &MachineError) -> Exit {
    match error {
        MachineError::ConfigMissing { .. } => Exit::Unavailable,
        MachineError::OtherRoster { .. } | MachineError::NodesAlike { .. } => Exit::Configuration,
        _ => Exit::Untrusted,
    }
}

const fn of_export(error: &ExportError) -> Exit {
    match error {
        ExportError::Io { .. } | ExportError::File { .. } => Exit::Unavailable,
        _ => Exit::Untrusted,
    }
}

fn of_surface(error: &SurfaceError) -> Exit {
    let is_missing = matches!(
        error,
        SurfaceError::NotASurface { .. }
            | SurfaceError::Gap { .. }
            | SurfaceError::NotYet { .. }
            | SurfaceError::Locked { .. }
            | SurfaceError::AlreadyExists { .. }
    );
    match error {
        SurfaceError::MemoryBudget { .. } => Exit::Configuration,
        SurfaceError::Threads { .. } => Exit::Unavailable,
        _ if error.is_io() || is_missing => Exit::Unavailable,
        _ => Exit::Untrusted,
    }
}

fn of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Io { .. }
        | StoreError::Missing { .. }
        | StoreError::NoneValid { .. }
        | StoreError::Unknown { .. }
        | StoreError::Full { .. } => Exit::Unavailable,
        _ => Exit::Untrusted,
    }
}

fn of_bench(error: &BenchError) -> Exit {
    match error {
        BenchError::Io { .. } | BenchError::NoRoom { .. } | BenchError::NothingKept { .. } => {
            Exit::Unavailable
        }
        BenchError::NotOurs { .. } | BenchError::Setting { .. } => Exit::Usage,
        BenchError::Differs { .. } => Exit::Divergence,
        BenchError::Rates { .. } | BenchError::Json { .. } | BenchError::Damaged { .. } => {
            Exit::Untrusted
        }
        BenchError::Surface(error) => of_surface(error),
        BenchError::Replay(error) => of_replay(error),
        _ => Exit::Unexpected,
    }
}
