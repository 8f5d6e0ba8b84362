use super::{SOON_MS, scene};
use crate::world::{Plan, World};

fn pruned() -> Plan {
    Plan { snapshot_every_cuts: 5, keep_entries: 30, ..Plan::new(700, 3) }
}

/// Whether the node has dropped the log's first entries.
fn has_pruned(world: &World, number: usize, before: u64) -> bool {
    world.node(number).store().log_id(before).is_none()
        && world.status(number).last_log.is_some_and(|(_, index)| index > before)
}

#[test]
fn a_node_that_was_down_while_the_log_was_pruned_goes_on_from_a_certified_snapshot() {
    scene(pruned(), async |world| {
        let away = (world.leader().expect("a leader") + 1) % 3;
        world.kill(away, false).await;
        let end = world.places.iter().flat_map(|place| &place.boots);
        let end = end.filter_map(|boot| boot.node.status().last_log).map(|(_, index)| index).max();
        let end = end.expect("a log") + 1;
        let others: Vec<usize> = (0..3).filter(|number| *number != away).collect();
        let gone = world
            .run_until(SOON_MS, |world| others.iter().all(|number| has_pruned(world, *number, end)))
            .await;
        assert!(gone, "{:?}", world.watched().broken);
        world.start(away).await;
        world.well(&[0, 1, 2]).await;
        // It never saw those entries.
        assert!(world.node(away).store().log_id(end).is_none());
    });
}

#[test]
fn a_node_restarts_from_its_own_snapshot_and_its_log() {
    scene(pruned(), async |world| {
        for number in [0, 1, 2, 1] {
            let newest = |world: &World| world.node(number).newest_snapshot().expect("it reads");
            let has = world.run_until(SOON_MS, |world| newest(world).is_some()).await;
            assert!(has, "{:?}", world.watched().broken);
            world.kill(number, true).await;
            world.start(number).await;
            world.well(&[0, 1, 2]).await;
        }
    });
}
