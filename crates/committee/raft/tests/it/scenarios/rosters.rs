use super::configs::{change_roster, roster_of};
use super::scene;
use crate::world::{Plan, World};

/// A node that knows nothing of it hears of the roster in force, and of who leads by it.
#[test]
fn a_node_that_missed_a_roster_follows_a_leader_that_it_never_heard_of() {
    for (seed, is_down) in [(800, true), (801, false)] {
        scene(Plan::new(seed, 5), async |world| {
            let (away, gone, new) = (0, 1, 5);
            match is_down {
                true => world.kill(away, false).await,
                false => world.isolate(&[away]),
            }
            replace(world, [2, 3, 4, new].as_slice(), away).await;
            world.kill(gone, false).await;
            let others = [2, 3, 4, new];
            lead(world, new, &others).await;
            match is_down {
                true => world.start(away).await,
                false => world.heal(),
            }
            world.run(2_000).await;
            // It is needed for the quorum now.
            for other in [2, 3] {
                world.kill(other, false).await;
            }
            world.certify(3).await;
            world.start(2).await;
            world.start(3).await;
            world.well(&[away, 2, 3, 4, new]).await;
        });
    }
}

/// Orders a roster of these nodes and one that is away.
async fn replace(world: &mut World, nodes: &[usize], away: usize) {
    world.start(5).await;
    world.certify(1).await;
    change_roster(world, roster_of(world, &[&[away], nodes].concat())).await;
    world.well(&[2, 3, 4, 5]).await;
}

/// Ends who leads again and again until this one does.
async fn lead(world: &mut World, number: usize, others: &[usize]) {
    for _ in 0..16 {
        let leader = world.leader().expect("a leader");
        if leader == number {
            return;
        }
        world.kill(leader, false).await;
        world.other_leader(leader).await;
        world.start(leader).await;
        world.well(others).await;
    }
    panic!("node {number} never leads");
}
