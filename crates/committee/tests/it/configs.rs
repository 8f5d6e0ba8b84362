//! Another config, by an order, at one index everywhere.

use holobiont_committee::{Configs, Dropped, LogCommand, MachineError, MachineEvent};
use holobiont_identity::{Digest, OrderAction};

use crate::signed_log::{CONFIGS, HELD, node_id};
use crate::world::{World, dropped};

struct Nothing;

impl Configs for Nothing {
    fn organism(&self, _: &Digest) -> Option<std::sync::Arc<holobiont_identity::Organism>> {
        None
    }
}

fn offer(it: &mut World, config: usize) -> Digest {
    let content_hash = CONFIGS[config].content_hash();
    let effects = it.order(OrderAction::Config { content_hash });
    assert_eq!(effects.events, [MachineEvent::ConfigOffered { content_hash }]);
    assert_eq!(it.machine.offered_config(), Some(content_hash));
    content_hash
}

#[test]
fn it_is_taken_up_where_a_majority_holds_it() {
    let mut it = World::started();
    let config = offer(&mut it, 1);
    let digest = it.machine.log_digest();
    assert!(it.by(2, LogCommand::Hold { config }).take_up.is_none());
    assert!(it.machine.holds_offered(2) && !it.machine.holds_offered(0));
    let again = Dropped::NotOffered { node: 2 };
    assert_eq!(*dropped(&it.by(2, LogCommand::Hold { config })), again);
    let effects = it.by(0, LogCommand::Hold { config });
    assert_eq!(effects.take_up.as_deref(), Some(&*CONFIGS[1]));
    assert_eq!(effects.events, [MachineEvent::ConfigTaken { content_hash: config }]);
    assert_eq!(*it.machine.content_hash(), config);
    assert_eq!((it.machine.offered_config(), it.machine.log_digest()), (None, digest));
    let cut = it.cut(0);
    assert_eq!(it.statement(cut).content_hash, config);
    let order = it.order(OrderAction::Config { content_hash: config });
    assert_eq!(*dropped(&order), Dropped::ConfigInForce { content_hash: config });
}

#[test]
fn a_node_that_lacks_the_file_waits_and_changes_nothing() {
    let mut it = World::started();
    let config = offer(&mut it, 1);
    it.by(1, LogCommand::Hold { config });
    let entry = it.entry(0, LogCommand::Hold { config });
    let (index, before) = (it.machine.log_index() + 1, it.machine.snapshot());
    let missing = Err(MachineError::ConfigMissing { content_hash: config });
    for _ in 0..2 {
        assert_eq!(it.machine.apply(index, &entry, &Nothing), missing);
        assert_eq!(it.machine.snapshot(), before);
    }
    assert!(it.machine.apply(index, &entry, &*HELD).unwrap().take_up.is_some());
}

#[test]
fn what_the_organism_cannot_become_is_dropped_everywhere() {
    for (config, program) in [(2, true), (3, false)] {
        let mut it = World::started();
        let content_hash = offer(&mut it, config);
        it.by(1, LogCommand::Hold { config: content_hash });
        let effects = it.by(2, LogCommand::Hold { config: content_hash });
        match dropped(&effects) {
            Dropped::OtherProgram { .. } => assert!(program),
            Dropped::TakeUp { .. } => assert!(!program),
            other => panic!("{other:?}"),
        }
        assert_eq!(it.machine.offered_config(), None);
        assert_eq!(*it.machine.content_hash(), CONFIGS[0].content_hash());
    }
}

#[test]
fn after_a_change_of_the_roster_nodes_say_again_what_they_hold() {
    let mut it = World::started();
    let config = offer(&mut it, 1);
    it.by(0, LogCommand::Hold { config });
    it.order(OrderAction::Roster { nodes: [0, 1, 2, 3].map(node_id).to_vec() });
    assert!(!it.machine.holds_offered(0));
    for node in [0, 1] {
        assert!(it.by(node, LogCommand::Hold { config }).take_up.is_none());
    }
    assert!(it.by(2, LogCommand::Hold { config }).take_up.is_some());
}
