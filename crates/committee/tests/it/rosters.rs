//! Another roster, by an order.

use holobiont_committee::{
    Dropped, LogCommand, Machine, MachineError, MachineEvent, OrderError, SignedOrder,
};
use holobiont_identity::{OrderAction, Organism, UniqueId};
use holobiont_policy::Roster;

use crate::signed_log::{CONFIGS, config, node_id, operator_key};
use crate::world::{World, certificates, dropped};

fn roster_of(nodes: &[u8]) -> OrderAction {
    OrderAction::Roster { nodes: nodes.iter().map(|node| node_id(*node)).collect() }
}

#[test]
fn who_stays_goes_on_and_who_comes_is_admitted() {
    let mut it = World::started();
    let effects = it.order(roster_of(&[3, 2, 0]));
    assert_eq!(effects.roster.as_ref(), Some(it.machine.roster()));
    assert!(effects.events.contains(&MachineEvent::RosterChanged { number: 1 }));
    assert_eq!(it.machine.roster_number(), 1);
    assert_eq!(it.machine.place_of(&node_id(0)), Some(2));
    assert_eq!(it.machine.active_key(2), Some(&it.key(0)), "keys go by the node, not its place");
    assert!(it.tick(0).command.is_some());
    assert_eq!(it.machine.place_of(&node_id(1)), None);
    // Node 3 has come, at place 0.
    it.boot(3);
    let admit = LogCommand::Admit { node: 0, key: it.key(3) };
    it.by(0, admit.clone());
    it.by(2, admit);
    assert_eq!(it.machine.active_key(0), Some(&it.key(3)));
    // One who has left may come back only with a new admission.
    it.order(roster_of(&[0, 1, 2]));
    assert_eq!(it.machine.active_key(1), None);
}

#[test]
fn rosters_are_a_chain() {
    let mut it = World::started();
    let first = *it.machine.roster_digest();
    it.order(roster_of(&[0, 1, 2, 3]));
    let order = it.signed_order(roster_of(&[0, 1]), &[0]).order;
    let [one, two] = [0, 1].map(|operator| {
        let key = operator_key(operator);
        SignedOrder::sign(order.clone(), Some(first), u16::from(operator), &key)
    });
    let effects = it.by(0, LogCommand::Order(one.merge(two).unwrap()));
    let expected = *it.machine.roster_digest();
    let reason = Dropped::Order(OrderError::OtherRoster { expected, got: first });
    assert_eq!(*dropped(&effects), reason);
    assert_eq!(it.machine.roster().nodes().len(), 4);
}

#[test]
fn a_cut_is_judged_by_the_roster_that_it_was_made_under() {
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    it.sign(1, &statement);
    it.order(roster_of(&[0, 1, 2, 3, 4]));
    it.boot(3);
    for by in [0, 1, 2] {
        it.admit(by, 3);
    }
    let reason = Dropped::NotOfItsRoster { node: 3, cut };
    assert_eq!(*dropped(&it.sign(3, &statement)), reason);
    assert_eq!(it.statement(cut), statement);
    // Two of its three nodes are enough; of the new roster it would be three.
    assert_eq!(certificates(&it.sign(2, &statement)).len(), 1);
    let next = it.cut(0);
    assert_ne!(it.statement(next).roster_digest, statement.roster_digest);
    let statement = it.statement(next);
    it.sign(0, &statement);
    assert!(certificates(&it.sign(2, &statement)).is_empty());
    assert_eq!(certificates(&it.sign(3, &statement)).len(), 1);
}

#[test]
fn admits_of_who_has_left_count_no_more_and_a_smaller_majority_admits() {
    let mut it = World::of("", 5);
    it.boot(0);
    it.admit(1, 0);
    it.admit(2, 0);
    assert_eq!(it.machine.pending_key(0), Some(&it.key(0)));
    // One of three others has admitted it now.
    it.order(roster_of(&[0, 2, 3, 4]));
    assert_eq!(it.machine.admitted_by(0), [1]);
    assert!(it.machine.pending_key(0).is_some());
    let effects = it.order(roster_of(&[0, 2]));
    assert!(effects.events.contains(&MachineEvent::KeyActive { node: 0, key: it.key(0) }));
}

#[test]
fn what_is_no_roster_is_dropped() {
    let mut it = World::started();
    for nodes in [vec![], vec![node_id(0), node_id(0)]] {
        let effects = it.order(OrderAction::Roster { nodes });
        let reason = dropped(&effects);
        assert!(matches!(reason, Dropped::Order(OrderError::Roster { .. })), "{reason}");
    }
    // The replicated log would take these for one.
    let mut alike = *node_id(1).as_bytes();
    alike[31] ^= 1;
    let alike = UniqueId::from_bytes(alike);
    let effects = it.order(OrderAction::Roster { nodes: vec![node_id(0), node_id(1), alike] });
    assert!(matches!(dropped(&effects), Dropped::Order(OrderError::Roster { .. })));
    let roster = Roster::new(vec![node_id(1), alike]).unwrap();
    let error = Machine::new(CONFIGS[0].clone(), roster).unwrap_err();
    assert!(matches!(error, MachineError::NodesAlike { .. }));
}

#[test]
fn the_first_roster_is_the_configs() {
    let roster = Roster::new(vec![node_id(0), node_id(1)]).unwrap();
    let with = |digest| {
        let acl = format!("orders_need = 2\nfirst_roster = \"{digest}\"");
        let text = config("").replace("orders_need = 2", &acl);
        Organism::parse(&text).unwrap().into()
    };
    assert!(Machine::new(with(roster.digest()), roster.clone()).is_ok());
    let other = Roster::replay().digest();
    let error = MachineError::OtherRoster { expected: other, got: roster.digest() };
    assert_eq!(Machine::new(with(other), roster).unwrap_err(), error);
}
