//! Boot keys: who speaks for a node.

use holobiont_committee::{Dropped, LogCommand, Machine, MachineEvent, enrolment_digest};
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{Command, Offer};

use crate::signed_log::{HELD, boot_key, node_id};
use crate::world::{World, dropped};

#[test]
fn a_key_is_active_when_a_majority_of_the_others_admits_it() {
    let mut it = World::new();
    let key = it.key(0);
    assert_eq!(*dropped(&it.tick(0)), Dropped::NotActive { node: 0 });
    for node in 0..3 {
        it.boot(node);
    }
    let key_now = it.key(0);
    assert_ne!(key, key_now);
    // Of two others both are the majority.
    assert!(it.admit(1, 0).events.is_empty());
    assert_eq!((it.machine.active_key(0), it.machine.admitted_by(0)), (None, vec![1]));
    assert_eq!(*dropped(&it.tick(0)), Dropped::NotActive { node: 0 }, "pending is not active");
    let effects = it.admit(2, 0);
    assert_eq!(effects.events, [MachineEvent::KeyActive { node: 0, key: key_now }]);
    assert_eq!((it.machine.active_key(0), it.machine.pending_key(0)), (Some(&key_now), None));
    assert!(it.tick(0).command.is_some());
}

/// The log is pruned, and an admitting node may have to verify a quote after a snapshot.
#[test]
fn the_boots_evidence_is_kept_while_the_key_is_pending_and_its_hash_afterwards() {
    let mut it = World::started();
    it.boots[1] += 1;
    let (key, quote) = (it.key(1), b"evidence".to_vec());
    it.by(1, LogCommand::Key { key, enrolment: Vec::new(), quote: quote.clone() });
    it.machine = Machine::restore(&it.machine.snapshot(), &*HELD).unwrap();
    assert_eq!(it.machine.pending_quote(1), Some(quote.as_slice()));
    it.admit(0, 1);
    it.admit(2, 1);
    it.machine = Machine::restore(&it.machine.snapshot(), &*HELD).unwrap();
    assert_eq!(it.machine.pending_quote(1), None);
    assert_eq!(it.machine.active_quote(1), Some(&Digest::of(quote)));
}

/// What a boot's quote binds for the enrolment names the organism.
#[test]
fn golden_enrolment_digest() {
    let organism = UniqueId::from_name("organism");
    let golden = include_str!("../vectors/enrolment-digest.txt").trim_end();
    assert_eq!(enrolment_digest(&organism, b"leave").to_string(), golden);
}

#[test]
fn in_a_committee_of_five_three_others_admit() {
    let mut it = World::of("", 5);
    it.boot(4);
    for by in [0, 1] {
        assert!(it.admit(by, 4).events.is_empty());
    }
    assert_eq!(it.admit(3, 4).events.len(), 2, "active, and the older one fenced");
}

#[test]
fn a_newer_admitted_boot_fences_the_older_one_for_good() {
    let mut it = World::started();
    let old = it.key(2);
    it.boot(2);
    let new = it.key(2);
    // Until it is admitted the older boot is the node.
    assert_eq!(it.machine.active_key(2), Some(&old));
    it.admit(0, 2);
    let effects = it.admit(1, 2);
    let (active, fenced) = (
        MachineEvent::KeyActive { node: 2, key: new },
        MachineEvent::KeyFenced { node: 2, key: old },
    );
    assert_eq!(effects.events, [active, fenced]);
    assert!(it.machine.is_fenced(&node_id(2), &old));
    // The sleeper wakes up: a tick, and its own key once more.
    it.boots[2] -= 1;
    assert_eq!(*dropped(&it.tick(2)), Dropped::Fenced { node: 2 });
    let again = LogCommand::Key { key: old, enrolment: Vec::new(), quote: Vec::new() };
    assert_eq!(*dropped(&it.by(2, again)), Dropped::Fenced { node: 2 });
    assert_eq!(it.machine.active_key(2), Some(&new));
}

#[test]
fn a_newer_pending_key_takes_the_place_of_an_older_one_and_of_its_admits() {
    let mut it = World::started();
    it.boot(0);
    it.admit(1, 0);
    let first = it.key(0);
    it.boot(0);
    assert!(it.machine.admitted_by(0).is_empty());
    let admit = LogCommand::Admit { node: 0, key: first };
    assert_eq!(*dropped(&it.by(2, admit)), Dropped::NotPending { node: 0 });
}

#[test]
fn when_all_start_together_pending_keys_admit_each_other() {
    let mut it = World::started();
    it.start_all();
    assert!(it.tick(1).command.is_some());
}

#[test]
fn an_admit_of_oneself_or_twice_counts_nothing() {
    let mut it = World::started();
    it.boot(0);
    assert_eq!(*dropped(&it.admit(0, 0)), Dropped::AdmitAgain { node: 0, by: 0 });
    it.admit(1, 0);
    assert_eq!(*dropped(&it.admit(1, 0)), Dropped::AdmitAgain { node: 0, by: 1 });
    let other = LogCommand::Admit { node: 9, key: it.key(0) };
    assert_eq!(*dropped(&it.by(2, other)), Dropped::UnknownNode { node: 9 });
    assert!(it.machine.pending_key(0).is_some());
}

#[test]
fn a_key_is_presented_by_who_has_it() {
    let mut it = World::started();
    // Node 1's boot signs, but the key is another one.
    let key = boot_key(1, 99);
    let key = holobiont_committee::Signer::public(&key);
    let effects = it.by(1, LogCommand::Key { key, enrolment: Vec::new(), quote: Vec::new() });
    assert_eq!(*dropped(&effects), Dropped::BadSignature { node: 1 });
    let known = LogCommand::Key { key: it.key(1), enrolment: Vec::new(), quote: Vec::new() };
    assert_eq!(*dropped(&it.by(1, known)), Dropped::KeyKnown { node: 1 });
}

#[test]
fn the_signer_speaks_for_itself_only() {
    let mut it = World::started();
    let offer = LogCommand::Policy(Command::Offer(Offer { node: 1, heads: Vec::new() }));
    assert_eq!(*dropped(&it.by(0, offer.clone())), Dropped::OtherNode { node: 0, named: 1 });
    // The same, in an envelope with node 1's place.
    let mut entry = it.entry(0, offer);
    assert_eq!(entry[1], 0, "the place is the first field");
    entry[1] = 1;
    assert_eq!(*dropped(&it.apply(&entry)), Dropped::BadSignature { node: 1 });
    entry[1] = 7;
    assert_eq!(*dropped(&it.apply(&entry)), Dropped::UnknownNode { node: 7 });
}

#[test]
fn another_organisms_command_is_no_command_here() {
    let (mut it, text) =
        (World::started(), crate::signed_log::config("").replace("fuzzed\"", "other\""));
    let other = holobiont_identity::Organism::parse(&text).unwrap();
    let tick = LogCommand::Policy(Command::Tick);
    let key = boot_key(0, it.boots[0]);
    let signed = holobiont_committee::Signed::make(other.stable_id(), &node_id(0), 0, tick, &key);
    assert_eq!(*dropped(&it.apply(&signed.encode())), Dropped::BadSignature { node: 0 });
}

#[test]
fn a_lonely_node_needs_nobody() {
    let mut it = World::of("", 1);
    assert!(it.tick(0).command.is_some());
}
