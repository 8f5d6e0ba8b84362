//! Signatures of cuts: certificates, splits, and who differs.

use holobiont_committee::{
    CertificateError, Dropped, MAX_CUT_SIGNATURES, MachineEvent, OPEN_CUTS_BEHIND,
    certificate_quorum,
};
use holobiont_identity::{Digest, UniqueId};

use crate::signed_log::{boot_key, node_id};
use crate::world::{World, certificates, dropped};

#[test]
fn a_majority_of_equal_signatures_makes_the_certificate() {
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    assert!(it.sign(2, &statement).events.is_empty());
    assert!(it.machine.has_signed(cut, 2) && !it.machine.has_signed(cut, 0));
    let effects = it.sign(0, &statement);
    let [certificate] = certificates(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(certificate.statement, statement);
    let nodes: Vec<UniqueId> = certificate.signatures.iter().map(|it| it.node).collect();
    assert_eq!(nodes, [node_id(0), node_id(2)], "in the roster's order");
    assert_eq!(it.machine.latest_certificate(), Some(certificate));
    assert_eq!(it.machine.certificate(cut), Some(certificate));
    assert_eq!(it.machine.open_cuts().count(), 0);
    // The last one's comes late and agrees.
    assert!(it.sign(1, &statement).events.is_empty());
    assert!(it.machine.has_signed(cut, 1));
    let again = Dropped::AlreadySigned { node: 1, cut };
    assert_eq!(*dropped(&it.sign(1, &statement)), again);
}

#[test]
fn a_certificate_is_checked_by_anybody_who_knows_the_keys() {
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    it.sign(0, &statement);
    let effects = it.sign(1, &statement);
    let certificate = certificates(&effects)[0].clone();
    let keys: Vec<_> = (0..3).map(|node| (node_id(node), it.key(node))).collect();
    let known = |node: &UniqueId, key: &[u8; 32]| keys.contains(&(*node, *key));
    assert_eq!(certificate.verify(2, &known), Ok(()));
    let too_few = CertificateError::TooFew { got: 2, quorum: 3 };
    assert_eq!(certificate.verify(3, &known), Err(too_few));
    let nobody = holobiont_committee::Certificate { signatures: Vec::new(), ..certificate.clone() };
    assert!(nobody.verify(0, &known).is_err(), "a quorum of none certifies nothing");
    let unknown = CertificateError::UnknownKey { node: node_id(0) };
    assert_eq!(certificate.verify(2, &|_, _| false), Err(unknown));
    let mut other = certificate.clone();
    other.statement.state_digest = Digest::of([1]);
    let bad = CertificateError::BadSignature { node: node_id(0) };
    assert_eq!(other.verify(2, &known), Err(bad));
    let mut twice = certificate;
    twice.signatures[1] = twice.signatures[0].clone();
    let error = CertificateError::NodeTwice { node: node_id(0) };
    assert_eq!(twice.verify(2, &known), Err(error));
}

#[test]
fn who_differs_from_the_certificate_is_named_before_and_after() {
    let mut it = World::started();
    let cut = it.cut(0);
    let (statement, other) = (it.statement(cut), it.other_statement(cut, 1));
    it.sign(1, &other);
    it.sign(0, &statement);
    let effects = it.sign(2, &statement);
    assert_eq!(certificates(&effects)[0].signatures.len(), 2);
    assert_eq!(effects.events[1..], [MachineEvent::SignedOther { node: Some(1), cut }]);
    // The next one is certified before it signs.
    let cut = it.cut(0);
    let (statement, other) = (it.statement(cut), it.other_statement(cut, 1));
    it.sign(0, &statement);
    it.sign(2, &statement);
    let named = MachineEvent::SignedOther { node: Some(1), cut };
    assert_eq!(it.sign(1, &other).events, [named]);
}

#[test]
fn a_split_is_told_as_soon_as_no_quorum_is_possible() {
    let mut it = World::of("", 5);
    let cut = it.cut(0);
    let [one, two, three] = [1, 2, 3].map(|other| it.other_statement(cut, other));
    for (node, statement) in [(0, &one), (1, &two), (2, &one)] {
        assert!(it.sign(node, statement).events.is_empty());
    }
    // Two for the first, two others, one to come: three may still say the same.
    assert!(it.sign(3, &two).events.is_empty());
    assert_eq!(it.sign(4, &three).events, [MachineEvent::Split { cut }]);
    assert!(it.machine.open_cuts().next().unwrap().is_split());

    let cut = it.cut(0);
    let all = [1, 2, 3, 4].map(|other| it.other_statement(cut, other));
    let mut events = Vec::new();
    for (node, statement) in (0..4).zip(&all) {
        events.push(it.sign(node, statement).events);
    }
    assert_eq!(events, [vec![], vec![], vec![], vec![MachineEvent::Split { cut }]]);
    assert!(it.sign(4, &all[0]).events.is_empty(), "told once");
}

#[test]
fn leaked_keys_raise_the_quorum() {
    assert_eq!([1, 2, 3, 4, 5, 7].map(|n| certificate_quorum(n, 0)), [1, 2, 2, 3, 3, 4]);
    assert_eq!([3, 4, 5, 7].map(|n| certificate_quorum(n, 1)), [3, 3, 4, 5]);
    // More than a committee can give: then nothing is certified, which is safe.
    assert!(certificate_quorum(3, u32::MAX) > 3);
    let mut it = World::of("stall_after = 4\n[certificate]\ntolerate_leaked_keys = 1", 3);
    assert_eq!(it.machine.certificate_quorum(), 3);
    let cut = it.cut(0);
    let statement = it.statement(cut);
    it.sign(0, &statement);
    assert!(certificates(&it.sign(1, &statement)).is_empty());
    assert_eq!(certificates(&it.sign(2, &statement)).len(), 1);
}

#[test]
fn what_is_not_the_cuts_statement_counts_nothing() {
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    let mut other = statement.clone();
    other.time_ms += 1;
    let bad = Dropped::BadCutSignature { node: 0, cut };
    assert_eq!(*dropped(&it.sign(0, &other)), bad);
    // Another node's signature in its own envelope.
    let borrowed = statement.sign(&boot_key(1, it.boots[1]));
    assert_eq!(*dropped(&it.say(0, vec![borrowed])), bad);
    let mut unknown = statement;
    unknown.cut = cut + 1;
    let reason = Dropped::UnknownCut { node: 0, cut: cut + 1 };
    assert_eq!(*dropped(&it.sign(0, &unknown)), reason);
    assert!(!it.machine.has_signed(cut, 0));
}

#[test]
fn one_bad_signature_of_a_batch_is_dropped_alone() {
    let mut it = World::started();
    let (one, two) = (it.cut(0), it.cut(0));
    let key = boot_key(1, it.boots[1]);
    let mut bad = it.statement(one).sign(&key);
    bad.signature[0] ^= 1;
    let effects = it.say(1, vec![bad, it.statement(two).sign(&key)]);
    assert_eq!(effects.events.len(), 1, "{effects:?}");
    assert!(!it.machine.has_signed(one, 1) && it.machine.has_signed(two, 1));
    let many = vec![it.statement(two).sign(&key); MAX_CUT_SIGNATURES + 1];
    assert!(matches!(dropped(&it.say(1, many)), Dropped::Unreadable(_)));
}

#[test]
fn a_cut_far_behind_a_certified_one_is_forgotten() {
    let mut it = World::started();
    let first = it.cut(0);
    let last = (0..OPEN_CUTS_BEHIND + 1).map(|_| it.cut(0)).last().unwrap();
    let statement = it.statement(last);
    it.sign(0, &statement);
    let effects = it.sign(1, &statement);
    assert!(effects.events.contains(&MachineEvent::CutForgotten { cut: first }), "{effects:?}");
    let open: Vec<u64> = it.machine.open_cuts().map(|open| open.cut()).collect();
    assert_eq!((open[0], open.len() as u64), (first + 1, OPEN_CUTS_BEHIND));
}

#[test]
fn a_signature_of_an_older_boot_still_counts_for_its_cut() {
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    let old = it.key(2);
    it.sign(2, &statement);
    it.boot(2);
    it.admit(0, 2);
    it.admit(1, 2);
    let effects = it.sign(0, &statement);
    assert_eq!(certificates(&effects)[0].signatures[1].key, old);
}
