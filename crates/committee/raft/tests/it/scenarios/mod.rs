//! What the issue names, one by one.

mod configs;
mod disks;
mod forged;
mod keys;
mod leaders;
mod lies;
mod old_disks;
mod rosters;
mod signing;
mod snapshots;
mod sources;
mod spoken;

use holobiont_committee_raft::Signing;
use openraft::AsyncRuntime as _;

use crate::host::Host;
use crate::world::{Plan, World};

/// Long enough for anything that a healthy committee does, in virtual milliseconds.
const SOON_MS: u64 = 20_000;

/// Plays a scene with a committee that has started, and looks at the whole of it at the end.
fn scene(plan: Plan, play: impl AsyncFnOnce(&mut World)) {
    let mut host = Host::with_seed(plan.seed);
    host.block_on(async {
        let mut world = World::new(plan);
        world.start_all().await;
        world.certify(3).await;
        play(&mut world).await;
        assert_eq!(world.watched().broken, None);
        assert_eq!(world.settle().await, Ok(()));
    });
}

/// Three disks of yesterday at once are more than any committee can bear: that the run notices shows
/// that it looks.
#[test]
fn the_run_notices_what_must_not_be() {
    let plan = Plan::new(1, 3);
    let mut host = Host::with_seed(plan.seed);
    let broken = host.block_on(async {
        let mut world = World::new(plan);
        world.start_all().await;
        world.certify(3).await;
        let backups: Vec<_> = (0..3).map(|number| world.backup(number)).collect();
        world.certify(10).await;
        for (number, backup) in backups.iter().enumerate() {
            world.kill(number, false).await;
            world.roll_back(number, backup);
        }
        world.start_all().await;
        world.run(SOON_MS).await;
        world.watched().broken.clone()
    });
    assert!(broken.is_some_and(|why| why.contains("different") || why.contains("another")));
}

impl World {
    /// The newest cut that a client has seen the certificate of.
    fn certified(&self) -> u64 {
        self.watched().invariants.acknowledged.newest().map_or(0, |newest| newest.cut)
    }

    /// Waits until so many more cuts are certified.
    async fn certify(&mut self, more: u64) {
        let goal = self.certified() + more;
        let done = self.run_until(SOON_MS, |world| world.certified() >= goal).await;
        assert!(done, "no {more} more cuts are certified: {:?}", self.watched().broken);
    }

    /// Waits until these nodes sign, and have folded all that a client has seen certified.
    async fn well(&mut self, nodes: &[usize]) {
        let goal = self.certified() + 2;
        let done = self
            .run_until(SOON_MS, |world| {
                nodes.iter().all(|number| {
                    let status = world.status(*number);
                    status.signing == Signing::Signs
                        && status.folded_cut >= goal
                        && status.certified_cut >= goal
                })
            })
            .await;
        let statuses: Vec<_> = nodes.iter().map(|number| self.status(*number)).collect();
        assert!(done, "not well: {:?}\n{statuses:#?}", self.watched().broken);
    }

    /// Waits for a leader other than this node.
    async fn other_leader(&mut self, than: usize) -> usize {
        let led =
            self.run_until(SOON_MS, |world| world.leader().is_some_and(|it| it != than)).await;
        assert!(led, "nobody else leads: {:?}", self.watched().broken);
        self.leader().expect("somebody leads")
    }
}
