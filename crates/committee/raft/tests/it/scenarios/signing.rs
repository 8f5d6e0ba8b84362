use holobiont_committee::{LogCommand, Signed};
use holobiont_identity::Digest;

use super::{SOON_MS, scene};
use crate::byzantine::Lie;
use crate::host::Host;
use crate::world::{Plan, World};

/// The cut of a node's newest snapshot.
fn snapshot_cut(world: &World, number: usize) -> u64 {
    let newest = world.node(number).newest_snapshot().expect("it reads");
    newest.map_or(0, |newest| {
        let certificate = holobiont_committee::Certificate::decode(&newest.certificate);
        certificate.expect("a certificate").statement.cut
    })
}

#[test]
fn a_node_whose_signature_was_lost_goes_on_when_a_later_cut_has_a_snapshot() {
    let plan = Plan { snapshot_every_cuts: 2, keep_entries: 60, ..Plan::new(900, 3) };
    scene(plan, async |world| {
        let leader = world.leader().expect("a leader");
        let (liar, node) = ((leader + 1) % 3, (leader + 2) % 3);
        // It hears all that is decided, and nobody hears it.
        world.net.cut(world.places[node].id, world.places[leader].id);
        let cut = world.status(leader).cut + 1;
        while world.status(leader).cut < cut {
            Host::wait_us(50).await;
            world.look();
        }
        // Another result, signed with the real key before the node itself comes to it: now that cut is
        // certified by those other two, or never.
        let lie = world.node(leader).with_machine(|machine| {
            let statement = machine.statement(cut, None, Digest::of("another result"));
            let place = machine.place_of(&world.places[liar].id);
            statement.zip(place).expect("the cut is open")
        });
        world.plan.liar = Some((liar, Lie::SignsOther));
        let key = &*world.places[liar].boots[0].key;
        let lie = (LogCommand::Sign(vec![lie.0.sign(key)]), lie.1);
        let (organism, id) = (world.organism.stable_id(), &world.places[liar].id);
        let lie = Signed::make(organism, id, lie.1, lie.0, key).encode();
        world.node(leader).clone().propose_raw(lie).await.expect("it leads");
        let later = |world: &World| snapshot_cut(world, node) > cut;
        assert!(world.run_until(SOON_MS, later).await, "{:?}", world.watched().broken);
        let certified = world.node(node).with_machine(|machine| machine.certificate(cut).is_some());
        assert!(!certified, "its signature was not lost");
        world.run(500).await;
        world.net.heal();
        world.well(&[0, 1, 2]).await;
    });
}

#[test]
fn nodes_that_restart_between_a_cut_and_its_signatures_make_no_snapshot_that_nobody_takes() {
    const CUT: u64 = 12;
    let plan = Plan { snapshot_every_cuts: CUT, keep_entries: 10, ..Plan::new(910, 3) };
    scene(plan, async |world| {
        let leader = world.leader().expect("a leader");
        let others: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
        let backup = world.backup(others[0]);
        while world.status(leader).cut < CUT {
            Host::wait_us(50).await;
            world.look();
        }
        let signed = world
            .node(leader)
            .with_machine(|machine| (0..3).filter(|place| machine.has_signed(CUT, *place)).count());
        assert_eq!(signed, 0, "too late: another seed may do");
        for number in &others {
            world.kill(*number, true).await;
        }
        for number in &others {
            world.start(*number).await;
        }
        let goal = |world: &World| world.certified() >= CUT + 2;
        assert!(world.run_until(SOON_MS, goal).await, "{:?}", world.watched().broken);
        // Of its signers two have keys that came into the log after the cut.
        assert!((0..3).all(|number| snapshot_cut(world, number) != CUT));
        // One with next to no log is filled up, by the log or by a later snapshot.
        world.kill(others[0], false).await;
        world.roll_back(others[0], &backup);
        world.start(others[0]).await;
        world.well(&[0, 1, 2]).await;
    });
}
