//! Golden vectors: another implementation can be checked against them.

use holobiont_committee::{
    Certificate, CutStatement, ExportReader, ExportStart, ExportWriter, LogCommand, Machine, Signed,
};
use holobiont_identity::{Digest, OrderAction};
use holobiont_policy::{Command, Offer, OfferRef, OfferedHead, Opinion, Vote};
use holobiont_surface::Head;

use crate::signed_log::{CONFIGS, HELD, boot_key, config, first_machine, node_id, operator_key};
use crate::world::{World, certificates};

/// A started committee with a cut, and one command of every kind.
fn samples() -> (World, Vec<(&'static str, Vec<u8>)>) {
    let mut it = World::started();
    let cut = it.cut(0);
    let heads =
        vec![OfferedHead { member: 1, seq: 7, head: Digest::of("7"), closed: Some(9), advance: 2 }];
    let offer = Command::Offer(Offer { node: 1, heads });
    let offered = OfferRef { index: 30, hash: offer.hash() };
    let opinions = vec![(1, Opinion::Have)];
    let vote = Vote { node: 2, offer: offered, opinions, time_ms: 1_700_000_000_000 };
    let said = vec![it.statement(cut).sign(&boot_key(0, it.boots[0]))];
    let pause = it.signed_order(OrderAction::Pause, &[0, 2]);
    let nodes = [0, 1, 3].map(node_id).to_vec();
    let roster = it.signed_order(OrderAction::Roster { nodes }, &[0, 1]);
    let content_hash = CONFIGS[1].content_hash();
    let new_config = it.signed_order(OrderAction::Config { content_hash }, &[1, 2]);
    let key = it.key(0);
    let commands = [
        ("key", 0, LogCommand::Key { key, enrolment: b"leave".to_vec(), quote: b"quote".to_vec() }),
        ("admit", 1, LogCommand::Admit { node: 0, key }),
        ("tick", 0, LogCommand::Policy(Command::Tick)),
        ("offer", 1, LogCommand::Policy(offer)),
        ("vote", 2, LogCommand::Policy(Command::Vote(vote))),
        ("sign", 0, LogCommand::Sign(said)),
        ("order_pause", 0, LogCommand::Order(pause)),
        ("order_roster", 1, LogCommand::Order(roster)),
        ("order_config", 2, LogCommand::Order(new_config)),
        ("hold", 2, LogCommand::Hold { config: content_hash }),
    ];
    let entries = commands.map(|(name, node, command)| (name, it.entry(node, command)));
    (it, entries.to_vec())
}

#[test]
fn golden_entries() {
    let (it, entries) = samples();
    let written: String =
        entries.iter().map(|(name, entry)| format!("{name} {}\n", hex::encode(entry))).collect();
    assert_eq!(written, include_str!("../vectors/signed.txt"), "that needs a new version byte");
    for (name, entry) in &entries {
        let signed = Signed::decode(entry).unwrap();
        assert_eq!(&signed.encode(), entry);
        let mut machine = it.machine.clone();
        let effects = machine.apply(machine.log_index() + 1, entry, &*HELD).unwrap();
        let is_dropped =
            effects.events.iter().any(|event| format!("{event:?}").contains("Dropped"));
        assert!(!is_dropped, "{name}: {effects:?}");
    }
}

#[test]
fn golden_statements() {
    let statement = CutStatement {
        content_hash: Digest::of("content"),
        roster_digest: Digest::of("roster"),
        cut: 3,
        log_index: 900,
        time_ms: 1_700_000_000_000,
        log_digest: Digest::of("log"),
        output: Some(Head { seq: 12, hash: Digest::of("output") }),
        state_digest: Digest::of("state"),
    };
    let mut written = format!("statement {}\n", hex::encode(statement.bytes()));
    let first = CutStatement { output: None, ..statement };
    written += &format!("statement_without_output {}\n", hex::encode(first.bytes()));
    let mut it = World::started();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    it.sign(0, &statement);
    let certificate = certificates(&it.sign(2, &statement))[0].clone();
    written += &format!("certificate {}\n", hex::encode(certificate.encode()));
    assert_eq!(written, include_str!("../vectors/certificates.txt"), "that needs a new version");
    assert_eq!(Certificate::decode(&certificate.encode()).unwrap(), certificate);
}

#[test]
fn golden_orders() {
    let mut it = World::started();
    let nodes = [0, 1, 3].map(node_id).to_vec();
    let order = it.signed_order(OrderAction::Roster { nodes }, &[0, 2]);
    let golden = include_str!("../vectors/order.json");
    assert_eq!(order.to_json(), golden.trim_end(), "a new form needs a new version");
    // What is signed: no other bytes verify.
    let signed: Vec<u8> = hex::decode(include_str!("../vectors/order-bytes.hex").trim()).unwrap();
    let key = holobiont_committee::Signer::sign(&operator_key(0), &signed);
    assert_eq!(order.signatures[0].signature, key);
}

#[test]
fn golden_machine() {
    let (mut it, _) = samples();
    it.boot(2);
    it.admit(0, 2);
    let content_hash = CONFIGS[1].content_hash();
    it.order(OrderAction::Config { content_hash });
    it.by(1, LogCommand::Hold { config: content_hash });
    let (one, two) = (it.cut(0), it.cut(0));
    for node in [0, 1] {
        let statement = it.statement(one);
        it.sign(node, &statement);
    }
    let other = it.other_statement(two, 1);
    it.sign(0, &other);
    let bytes = it.machine.snapshot();
    let golden = include_str!("../vectors/machine.hex").trim();
    assert_eq!(hex::encode(&bytes), golden, "that needs a new version byte");
    let restored = Machine::restore(&bytes, &*HELD).unwrap();
    assert_eq!(restored.snapshot(), bytes);
    for end in 0..bytes.len() {
        assert!(Machine::restore(&bytes[..end], &*HELD).is_err());
    }
}

#[test]
fn golden_export() {
    let roster = first_machine().roster().clone();
    let start = ExportStart::First { content_hash: CONFIGS[0].content_hash(), roster };
    let mut writer = ExportWriter::new(Vec::new(), &start).unwrap();
    writer.config(&CONFIGS[0].content_hash(), &config("")).unwrap();
    for (index, (_, entry)) in (1..).zip(&samples().1) {
        writer.entry(index, entry).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let golden = include_str!("../vectors/export.hex").trim();
    assert_eq!(hex::encode(&bytes), golden, "that needs a new version");
    for end in 0..bytes.len() {
        let read = ExportReader::new(&bytes[..end]).and_then(|mut reader| {
            while reader.entry()?.is_some() {}
            Ok(())
        });
        assert!(read.is_err(), "cut at {end}");
    }
}
