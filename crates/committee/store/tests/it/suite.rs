//! The engine's own suite of what a log storage must do.

use std::path::Path;
use std::sync::Arc;

use holobiont_committee_store::{
    Committee, Directory, Disk, Flush, Live, LogOptions, LogStore, Payload, SimulatedDisk,
};
use openraft::StorageError;
use openraft::impls::EmptyNode;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft_rt_sim::SimRuntime;
use tempfile::TempDir;

use crate::machine::Machine;

openraft::declare_raft_types!(
    /// A committee in simulated time.
    Simulated:
        D = Payload,
        R = (),
        Node = EmptyNode,
        LeaderId = holobiont_committee_store::Leader,
        AsyncRuntime = SimRuntime,
);

struct Simulations(LogOptions);

impl<C: Committee> StoreBuilder<C, LogStore<C, SimulatedDisk>, Machine> for Simulations {
    async fn build(&self) -> Result<((), LogStore<C, SimulatedDisk>, Machine), StorageError<C>> {
        let disk = SimulatedDisk::new(5);
        Ok(((), opened(disk, self.0), Machine::default()))
    }
}

struct Directories(LogOptions);

impl<C: Committee> StoreBuilder<C, LogStore<C, Directory>, Machine, TempDir> for Directories {
    async fn build(&self) -> Result<(TempDir, LogStore<C, Directory>, Machine), StorageError<C>> {
        let folder = tempfile::tempdir().unwrap();
        let disk = Directory::open(&folder.path().join("log")).unwrap();
        Ok((folder, opened(disk, self.0), Machine::default()))
    }
}

fn opened<C: Committee, D: Disk>(disk: D, options: LogOptions) -> LogStore<C, D> {
    LogStore::open_with(Arc::new(disk), options).unwrap().0
}

type OnSimulated<C> = Suite<C, LogStore<C, SimulatedDisk>, Machine, Simulations, ()>;
type OnDirectory<C> = Suite<C, LogStore<C, Directory>, Machine, Directories, TempDir>;

fn sizes(flush: Flush) -> [LogOptions; 2] {
    [LogOptions::new(flush), LogOptions { flush, segment_bytes: 200, cache_bytes: 0 }]
}

#[test]
fn the_engines_suite_passes_in_simulated_time() {
    for options in sizes(Flush::Inline) {
        Simulated::run(OnSimulated::<Simulated>::test_all(Simulations(options))).unwrap();
        Simulated::run(OnDirectory::<Simulated>::test_all(Directories(options))).unwrap();
    }
}

#[test]
fn the_engines_suite_passes_with_a_flushing_thread_on_a_simulated_disk() {
    for options in sizes(Flush::Thread) {
        Live::run(OnSimulated::<Live>::test_all(Simulations(options))).unwrap();
    }
}

#[test]
fn the_engines_suite_passes_with_a_flushing_thread_on_a_directory() {
    for options in sizes(Flush::Thread) {
        Live::run(OnDirectory::<Live>::test_all(Directories(options))).unwrap();
    }
}

#[test]
fn a_directory_is_one_processs_own() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = folder.path();
    let held = Directory::open(path).unwrap();
    assert!(Directory::open(path).unwrap_err().to_string().contains("in use"));
    drop(held);
    Directory::open(path).unwrap();
}
