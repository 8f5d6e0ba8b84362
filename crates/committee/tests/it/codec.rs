//! Every format: one encoding, refusals by name, and no bytes that panic.

use holobiont_committee::{
    Certificate, CutSignature, CutStatement, ExportReader, ExportStart, ExportWriter, FormatError,
    LogCommand, MAX_BOOT_QUOTE_BYTES, MAX_ENROLMENT_BYTES, MAX_SIGNED_BYTES, Machine,
    NodeSignature, OperatorSignature, Signed, SignedOrder,
};
use holobiont_identity::{Digest, OrderAction, UniqueId};
use holobiont_policy::{Command, MAX_HEADS, Offer, OfferRef, OfferedHead, Opinion, Order, Vote};
use holobiont_surface::Head;
use proptest::array::uniform32;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::signed_log::{CONFIGS, HELD, boot_key, config, first_machine, node_id};

fn digest() -> impl Strategy<Value = Digest> {
    uniform32(any::<u8>()).prop_map(Digest::from_bytes)
}

fn head() -> impl Strategy<Value = Option<Head>> {
    proptest::option::of((any::<u64>(), digest()).prop_map(|(seq, hash)| Head { seq, hash }))
}

fn signature() -> impl Strategy<Value = [u8; 64]> {
    (uniform32(any::<u8>()), uniform32(any::<u8>())).prop_map(|(head, tail)| {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&head);
        both[32..].copy_from_slice(&tail);
        both
    })
}

fn policy() -> impl Strategy<Value = Command> {
    let heads = vec((any::<u16>(), any::<u64>(), digest()), 0..4).prop_map(|heads| {
        let head =
            |(member, seq, head)| OfferedHead { member, seq, head, closed: None, advance: 1 };
        heads.into_iter().map(head).collect()
    });
    let offer = (any::<u16>(), heads).prop_map(|(node, heads)| Offer { node, heads });
    let vote = (any::<u16>(), any::<u64>(), digest(), any::<u64>()).prop_map(|it| Vote {
        node: it.0,
        offer: OfferRef { index: it.1, hash: it.2 },
        opinions: vec![(it.0, Opinion::Mismatch { head: it.2 })],
        time_ms: it.3,
    });
    prop_oneof![Just(Command::Tick), offer.prop_map(Command::Offer), vote.prop_map(Command::Vote)]
}

fn order() -> impl Strategy<Value = SignedOrder> {
    let action = prop_oneof![
        Just(OrderAction::Pause),
        vec(uniform32(any::<u8>()).prop_map(UniqueId::from_bytes), 0..4)
            .prop_map(|nodes| OrderAction::Roster { nodes }),
        digest().prop_map(|content_hash| OrderAction::Config { content_hash }),
    ];
    let signatures = vec((any::<u16>(), signature()), 0..4).prop_map(|listed| {
        let one = |(operator, signature)| OperatorSignature { operator, signature };
        listed.into_iter().map(one).collect()
    });
    let numbers = (any::<u64>(), any::<Option<u64>>());
    (action, numbers, proptest::option::of(digest()), signatures).prop_map(
        |(action, (sequence, expires_ms), replaces, signatures)| SignedOrder {
            order: Order { organism: UniqueId::from_name("o"), sequence, expires_ms, action },
            replaces,
            signatures,
        },
    )
}

fn command() -> impl Strategy<Value = LogCommand> {
    let said = (any::<u64>(), head(), digest(), signature()).prop_map(
        |(cut, output, state_digest, signature)| CutSignature {
            cut,
            output,
            state_digest,
            signature,
        },
    );
    prop_oneof![
        (uniform32(any::<u8>()), vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40))
            .prop_map(|(key, enrolment, quote)| LogCommand::Key { key, enrolment, quote }),
        (any::<u16>(), uniform32(any::<u8>()))
            .prop_map(|(node, key)| LogCommand::Admit { node, key }),
        policy().prop_map(LogCommand::Policy),
        vec(said, 0..4).prop_map(LogCommand::Sign),
        order().prop_map(LogCommand::Order),
        digest().prop_map(|config| LogCommand::Hold { config }),
    ]
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let statement = ((digest(), digest(), digest(), digest()), any::<[u64; 3]>(), head());
    let statement = statement.prop_map(|(digests, [cut, log_index, time_ms], output)| {
        let (content_hash, roster_digest, log_digest, state_digest) = digests;
        CutStatement {
            content_hash,
            roster_digest,
            cut,
            log_index,
            time_ms,
            log_digest,
            output,
            state_digest,
        }
    });
    let signatures = vec((uniform32(any::<u8>()), signature()), 0..5).prop_map(|listed| {
        let one =
            |(key, signature)| NodeSignature { node: UniqueId::from_bytes(key), key, signature };
        listed.into_iter().map(one).collect()
    });
    (statement, signatures)
        .prop_map(|(statement, signatures)| Certificate { statement, signatures })
}

proptest! {
    #[test]
    fn an_entry_is_what_it_was(node: u16, command in command(), signature in signature()) {
        let signed = Signed { node, command, signature };
        let bytes = signed.encode();
        prop_assert_eq!(Signed::decode(&bytes), Ok(signed));
        for end in 0..bytes.len() {
            prop_assert!(Signed::decode(&bytes[..end]).is_err());
        }
        prop_assert!(Signed::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_certificate_is_what_it_was(certificate in certificate()) {
        let bytes = certificate.encode();
        for end in 0..bytes.len() {
            prop_assert!(Certificate::decode(&bytes[..end]).is_err());
        }
        prop_assert_eq!(Certificate::decode(&bytes), Ok(certificate));
    }

    #[test]
    fn an_order_file_is_what_it_was(order in order()) {
        prop_assert_eq!(SignedOrder::from_json(&order.to_json()), Ok(order));
    }

    #[test]
    fn an_export_is_what_it_was(entries in vec((1_u64..99, vec(any::<u8>(), 0..60)), 0..8)) {
        let roster = first_machine().roster().clone();
        let start = ExportStart::First { content_hash: CONFIGS[0].content_hash(), roster };
        let mut writer = ExportWriter::new(Vec::new(), &start).unwrap();
        writer.config(&CONFIGS[0].content_hash(), &config("")).unwrap();
        let mut written = Vec::new();
        for (step, payload) in entries {
            let index = written.last().map_or(0, |(index, _)| *index) + step;
            writer.entry(index, &payload).unwrap();
            written.push((index, payload));
        }
        let bytes = writer.finish().unwrap();
        let mut reader = ExportReader::new(bytes.as_slice()).unwrap();
        prop_assert_eq!(reader.start(), &start);
        for entry in written {
            prop_assert_eq!(reader.entry().unwrap(), Some(entry));
        }
        prop_assert_eq!(reader.entry().unwrap(), None);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Signed::decode(&bytes);
        let _ = Certificate::decode(&bytes);
        let _ = Machine::restore(&bytes, &*HELD);
        let _ = Machine::restore(&[&[2], &bytes[..]].concat(), &*HELD);
        let _ = SignedOrder::from_json(&String::from_utf8_lossy(&bytes));
        for start in [&b""[..], b"HBCL\x02\0\0\0"] {
            let export = [start, &bytes].concat();
            let _ = ExportReader::new(&export[..]).and_then(|mut reader| reader.entry());
        }
        prop_assert!(first_machine().apply(1, &bytes, &*HELD).is_ok());
    }
}

#[test]
fn an_unknown_version_is_named() {
    let version = FormatError::UnknownVersion { what: "signed command", version: 9 };
    assert_eq!(Signed::decode(&[9, 0]), Err(version));
    let version = FormatError::UnknownVersion { what: "certificate", version: 3 };
    assert_eq!(Certificate::decode(&[3]), Err(version));
    let error = Machine::restore(&[1], &*HELD).unwrap_err();
    assert!(error.to_string().contains("version 1"), "{error}");
}

#[test]
fn lists_past_their_limits_are_refused() {
    let sign = |command| {
        Signed::make(UniqueId::from_name("o"), &node_id(0), 0, command, &boot_key(0, 0)).encode()
    };
    let key = [1; 32];
    let enrolment = vec![0; MAX_ENROLMENT_BYTES + 1];
    let head = OfferedHead { member: 0, seq: 1, head: Digest::of("h"), closed: None, advance: 0 };
    let offer = Offer { node: 0, heads: vec![head; MAX_HEADS + 1] };
    let leave = |enrolment, quote| LogCommand::Key { key, enrolment, quote };
    let largest = leave(vec![0; MAX_ENROLMENT_BYTES], vec![0; MAX_BOOT_QUOTE_BYTES]);
    assert!(Signed::decode(&sign(largest)).is_ok(), "what is within its limits fits an entry");
    for command in [
        leave(enrolment, Vec::new()),
        leave(Vec::new(), vec![0; MAX_BOOT_QUOTE_BYTES + 1]),
        LogCommand::Policy(Command::Offer(offer)),
    ] {
        let malformed = FormatError::Malformed { what: "signed command" };
        assert_eq!(Signed::decode(&sign(command)), Err(malformed));
    }
    let large = vec![1; MAX_SIGNED_BYTES + 1];
    assert!(matches!(Signed::decode(&large), Err(FormatError::TooLarge { .. })));
}
