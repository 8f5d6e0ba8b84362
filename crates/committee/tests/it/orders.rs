//! Operators' orders: who may give them.

use holobiont_committee::{Dropped, LogCommand, OrderError, SignedOrder};
use holobiont_identity::{OrderAction, UniqueId};
use holobiont_policy::{Command, Ignored, Order};

use crate::signed_log::{boot_key, operator_key};
use crate::world::{World, dropped};

#[test]
fn an_order_needs_as_many_operators_as_the_config_says() {
    let mut it = World::started();
    let order = it.signed_order(OrderAction::Pause, &[1]);
    let too_few = OrderError::TooFew { got: 1, need: 2 };
    assert_eq!(*dropped(&it.by(0, LogCommand::Order(order))), Dropped::Order(too_few));
    assert!(!it.machine.policy().is_paused());
    let order = it.signed_order(OrderAction::Pause, &[1, 2]);
    let effects = it.by(0, LogCommand::Order(order));
    assert!(matches!(effects.command, Some(Command::Order(_))));
    assert!(it.machine.policy().is_paused());
}

#[test]
fn signatures_of_one_operator_count_once() {
    let mut it = World::started();
    let one = it.signed_order(OrderAction::Pause, &[1]);
    let merged = one.clone().merge(one.clone()).unwrap();
    assert_eq!(merged.signatures.len(), 1);
    let twice = SignedOrder { signatures: vec![one.signatures[0].clone(); 2], ..one };
    let effects = it.by(0, LogCommand::Order(twice));
    assert_eq!(*dropped(&effects), Dropped::Order(OrderError::Unordered));
}

#[test]
fn an_altered_order_and_a_stranger_are_refused() {
    let mut it = World::started();
    let organism = it.machine.organism().clone();
    let good = it.signed_order(OrderAction::Retire { member: 1, last_clock: 9 }, &[0, 1]);
    assert_eq!(good.check(&organism), Ok(()));
    let mut other = good.clone();
    other.order.action = OrderAction::Retire { member: 2, last_clock: 9 };
    assert_eq!(other.check(&organism), Err(OrderError::BadSignature { operator: 0 }));
    let stranger = SignedOrder::sign(good.order.clone(), None, 7, &operator_key(0));
    let merged = good.clone().merge(stranger).unwrap();
    let unknown = OrderError::UnknownOperator { operator: 7, operators: 3 };
    assert_eq!(merged.check(&organism), Err(unknown));
    let elsewhere = Order { organism: UniqueId::from_name("other"), ..good.order.clone() };
    let elsewhere = SignedOrder::sign(elsewhere, None, 0, &operator_key(0));
    assert!(matches!(elsewhere.check(&organism), Err(OrderError::OtherOrganism { .. })));
    assert_eq!(good.merge(elsewhere), Err(OrderError::Different));
}

#[test]
fn an_order_is_brought_by_anybody_in_the_roster_and_counts_once() {
    let mut it = World::started();
    // A node that has just started may bring it.
    it.boot(1);
    let order = LogCommand::Order(it.signed_order(OrderAction::Pause, &[0, 1]));
    assert!(it.by(1, order.clone()).command.is_some());
    let again = it.by(2, order.clone());
    assert_eq!(again.applied.ignored, [Ignored::OldOrder(1)]);
    // But not by a stranger, and not without its signatures.
    let organism = it.machine.organism().stable_id();
    let node = crate::signed_log::node_id(0);
    let key = boot_key(0, 77);
    let entry = holobiont_committee::Signed::make(organism, &node, 0, order, &key);
    assert_eq!(*dropped(&it.apply(&entry.encode())), Dropped::BadSignature { node: 0 });
    let bare = it.signed_order(OrderAction::Resume, &[0, 1]).order;
    let bare = LogCommand::Policy(Command::Order(bare));
    assert_eq!(*dropped(&it.by(0, bare)), Dropped::UnsignedOrder { node: 0 });
}

#[test]
fn an_order_travels_as_a_file() {
    let mut it = World::started();
    let order =
        it.signed_order(OrderAction::Roster { nodes: vec![UniqueId::from_name("n")] }, &[2]);
    let text = order.to_json();
    assert_eq!(SignedOrder::from_json(&text).unwrap(), order);
    let refusals = [
        (text.replace("\"version\": 1", "\"version\": 2"), "version 2 is not known"),
        (text.replace("replaces", "replaced"), "replaced"),
        (text[..text.len() - 3].to_owned(), "EOF"),
        (" ".repeat(holobiont_committee::MAX_ORDER_FILE_BYTES + 1), "are over"),
    ];
    for (text, why) in refusals {
        let error = SignedOrder::from_json(&text).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
