use holobiont_identity::{Coalition, UniqueId};

use crate::vectors::assert_frozen;

pub(crate) const EXAMPLE: &str = include_str!("../vectors/coalition.toml");

pub(crate) fn example() -> Coalition {
    Coalition::parse(EXAMPLE).expect("the example is right")
}

fn refusal(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example has {from}");
    Coalition::parse(&EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_fingerprints_are_frozen() {
    let coalition = example();
    let now = [
        ("coalition_id", coalition.coalition_id().to_string()),
        ("root", coalition.root().to_string()),
        ("document", hex::encode(coalition.document_bytes())),
        ("document_fingerprint", coalition.document_fingerprint().to_string()),
        ("module_root atlas", coalition.module_root("atlas").to_string()),
        ("ticket_issuer_root", coalition.ticket_issuer_root().to_string()),
    ];
    assert_frozen("coalition.txt", include_str!("../vectors/coalition.txt"), &now);
}

#[test]
fn the_root_is_that_of_the_specification() {
    let coalition = example();
    let id = blake3::hash(b"coalition|\x01|euro-signals");
    assert_eq!(coalition.coalition_id().as_bytes(), id.as_bytes());
    let mut bytes = id.as_bytes().to_vec();
    for name in ["builders-east.example", "ecb.euro-fx.USD"] {
        bytes.extend(blake3::hash(name.as_bytes()).as_bytes());
    }
    bytes.extend(coalition.organisms[1].stable_id.as_bytes());
    let mut with_issuer = bytes.clone();
    with_issuer.extend([0x66; 32]);
    assert_eq!(coalition.root().as_bytes(), blake3::hash(&with_issuer).as_bytes());

    let without = Coalition { ticket_issuer: None, ..coalition };
    assert_eq!(without.root().as_bytes(), blake3::hash(&bytes).as_bytes());
    assert_eq!(without.ticket_issuer_root(), without.root().derive("tickets"));
}

#[test]
fn only_the_document_follows_a_new_contact() {
    let coalition = example();
    let moved = Coalition::parse(&EXAMPLE.replace("ops@acme", "team@acme")).unwrap();
    assert_eq!(moved.root(), coalition.root());
    assert_ne!(moved.document_fingerprint(), coalition.document_fingerprint());
}

#[test]
fn the_root_follows_what_is_listed() {
    let changed = EXAMPLE.replace("builders-east.example", "builders-west.example");
    let changed = Coalition::parse(&changed).unwrap();
    assert_eq!(changed.coalition_id(), example().coalition_id());
    assert_ne!(changed.root(), example().root());
    assert_eq!(changed.lattices[0].stable_id, UniqueId::from_name("builders-west.example"));
}

#[test]
fn references_must_be_listed() {
    let said = refusal("operator = \"acme\"", "operator = \"acne\"");
    assert!(said.contains("`builders-east` is run by `acne`, who is not listed"), "{said}");
    let said = refusal("\"builders-east\"]", "\"signals\"]");
    assert!(said.contains("`signals` spans `signals`, which is no other listed entry"), "{said}");
}

#[test]
fn each_module_is_stated() {
    let said = refusal("compute = false\n", "");
    assert!(said.contains("`compute` is missing in [modules]"), "{said}");
}

#[test]
fn entries_are_listed_once() {
    let said = refusal("name = \"signals\"", "name = \"euro-fx\"");
    assert!(said.contains("name `euro-fx` is listed twice, on lines 33 and 41"), "{said}");
    let said = refusal("stable_id = \"ecb.euro-fx.USD\"", "stable_id = \"builders-east.example\"");
    assert!(said.contains("stable id `"), "{said}");
}

#[test]
fn a_handshake_is_an_https_address() {
    for bad in ["http://acme.example", "https://", "https:///x", "https://acme example"] {
        let said = refusal("https://acme.example/handshake.json", bad);
        assert!(said.contains("`handshake` in lattice `builders-east`"), "{bad}: {said}");
    }
}

#[test]
fn only_composite_organisms_span() {
    let said = refusal("composite = true\n", "");
    assert!(said.contains("goes only with `composite = true`"), "{said}");
    let said = refusal("role = \"block building\"", "role = \"x\"\ncomposite = false");
    assert!(said.contains("`composite` is no key of lattice `builders-east`"), "{said}");
}

#[test]
fn an_empty_coalition_is_refused() {
    let head = EXAMPLE.split("[[lattice]]").next().unwrap();
    let said = Coalition::parse(head).unwrap_err().to_string();
    assert!(said.contains("neither a lattice nor an organism"), "{said}");
}
