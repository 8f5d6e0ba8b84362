//! The power fails at every operation of long scripts: nothing that was acknowledged is lost, and
//! nothing is made up.

use holobiont_committee_store::{Flush, LogOptions, SimulatedDisk};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use holobiont_committee_store::Live;

use crate::common::{Numbers, SMALL, all, entry, open};
use crate::model::{Model, Node, Op};

const SEEDS: u64 = 60;
const SCRIPT_OPS: usize = 40;

struct Round {
    options: LogOptions,
    numbers: Numbers,
    script: Vec<Op>,
}

/// What a round did: whether the script came to its end, and whether a tail was torn.
struct Outcome {
    ended: bool,
    torn: bool,
}

impl Round {
    async fn run(&mut self, disk_seed: u64, fails_after: u64) -> Outcome {
        let disk = SimulatedDisk::new(disk_seed);
        disk.fail_after(fails_after);
        let (mut sure, mut in_flight) = (Model::default(), None);
        if let Ok(mut node) = Node::open(&disk, self.options) {
            for op in &self.script {
                if node.run(op).await.is_err() {
                    in_flight = Some(op);
                    break;
                }
                sure.apply(op);
            }
            if in_flight.is_none() {
                return Outcome { ended: true, torn: false };
            }
        }
        let mut disk = restarted(&mut self.numbers, &disk);
        // Some recoveries are cut short too.
        while self.numbers.below(2) == 0 {
            disk.fail_after(self.numbers.below(14));
            drop(Node::open(&disk, self.options));
            disk = restarted(&mut self.numbers, &disk);
        }
        let mut node = Node::open(&disk, self.options).unwrap();
        let found = node.check(&sure, in_flight).await;
        let torn = node.recovery.torn.is_some();
        // It goes on from there, and comes back once more.
        let mut sure = found.clone();
        for op in found.script_on(disk_seed, 8) {
            node.run(&op).await.unwrap();
            sure.apply(&op);
        }
        let disk = restarted(&mut self.numbers, &disk);
        drop(node);
        let mut node = Node::open(&disk, self.options).unwrap();
        assert_eq!((&node.recovery.torn, node.recovery.removed.is_empty()), (&None, true));
        node.check(&sure, None).await;
        Outcome { ended: false, torn }
    }
}

/// The power was gone, or only the process.
fn restarted(numbers: &mut Numbers, disk: &SimulatedDisk) -> SimulatedDisk {
    match numbers.below(4) {
        0 => disk.kill(),
        _ => disk.crash(),
    }
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_was_acknowledged() {
    let (mut rounds, mut torn) = (0_u64, 0_u64);
    Live::run(async {
        for seed in 0..SEEDS {
            let script = Model::script(seed, SCRIPT_OPS);
            let cache_bytes = if seed % 2 == 0 { 300 } else { 0 };
            let options = LogOptions { cache_bytes, ..SMALL };
            let mut round = Round { options, numbers: Numbers(seed), script };
            for fails_after in 0.. {
                let outcome = round.run(seed << 16 | fails_after, fails_after).await;
                rounds += 1;
                torn += u64::from(outcome.torn);
                if outcome.ended {
                    break;
                }
            }
        }
    });
    // The scripts reach what they are for.
    assert!(rounds > SEEDS * 100 && torn > rounds / 100, "{rounds} rounds, {torn} torn tails");
}

#[test]
fn what_a_flushing_thread_has_acknowledged_survives() {
    let options = LogOptions { flush: Flush::Thread, ..SMALL };
    for seed in 0..150_u64 {
        let disk = SimulatedDisk::new(seed);
        let mut numbers = Numbers(seed);
        let told = Live::run(async {
            let (mut store, _) = open(&disk, options).unwrap();
            disk.fail_after(numbers.below(60));
            let (mut waiting, mut told) = (Vec::new(), Vec::new());
            for index in 0..60 {
                let (sender, receiver) = Live::oneshot();
                let new = entry(1 + index / 20, index);
                if store.append([new.clone()], IOFlushed::<Live>::signal(sender)).await.is_err() {
                    break;
                }
                told.push(new);
                waiting.push(receiver);
                if numbers.below(10) == 0 {
                    Live::yield_now().await;
                }
            }
            let mut acknowledged = Vec::new();
            for receiver in waiting {
                acknowledged.push(matches!(receiver.await, Ok(Ok(()))));
            }
            // In order: what comes after a failure has failed.
            assert!(acknowledged.is_sorted_by(|a, b| a >= b));
            (acknowledged.iter().filter(|it| **it).count(), told)
        });
        let (acknowledged, told) = told;
        let (mut store, _) = open(&disk.crash(), options).unwrap();
        let found = Live::run(all(&mut store)).unwrap();
        assert!(found.len() >= acknowledged && told.starts_with(&found), "seed {seed}");
    }
}
