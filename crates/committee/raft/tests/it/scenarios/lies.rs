use holobiont_policy::Status;

use super::{SOON_MS, scene};
use crate::byzantine::{LIES, Lie};
use crate::world::{Plan, World};

#[test]
fn one_node_that_lies_neither_stops_the_committee_nor_makes_it_certify_anything_else() {
    for (seed, lie) in (500..).zip(LIES) {
        let plan = Plan { liar: Some((2, lie)), ..Plan::new(seed, 3) };
        scene(plan, async |world| {
            world.certify(15).await;
            world.well(&[0, 1]).await;
            // One that offers what nobody has keeps honest offers waiting, and can do no more.
            let members = world.status(0).members;
            let live = members.iter().all(|member| member.status == Status::Live);
            assert!(live || lie == Lie::OffersNothing, "{lie:?}");
        });
    }
}

#[test]
fn a_member_that_tells_one_node_another_history_is_taken_as_the_majority_has_it() {
    scene(Plan::new(513, 3), async |world| {
        world.lie(1, &[2]);
        let flagged = |world: &World| world.status(0).members[1].flagged_nodes == [2];
        assert!(world.run_until(SOON_MS, flagged).await, "{:?}", world.watched().broken);
        world.certify(10).await;
        // Node 2 folds what the others agreed on, with their records.
        world.well(&[0, 1, 2]).await;
        assert_eq!(world.status(0).members[1].status, Status::Live);
    });
}
