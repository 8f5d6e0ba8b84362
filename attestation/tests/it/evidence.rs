use holobiont_attestation::{
    Batch, Evidence, EvidenceError, InspectBinding, MAX_EVENT_LOG_BYTES, MAX_EVIDENCE_BYTES,
    MAX_QUOTE_BYTES,
};
use proptest::prelude::*;

/// Name and bytes of each vector.
fn vectors() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    include_str!("../vectors/evidence.txt").lines().map(|line| {
        let (name, digits) = line.split_once(' ').unwrap();
        (name, hex::decode(digits).unwrap())
    })
}

fn batch_of(count: u8) -> Batch {
    let leaf = |at| InspectBinding { simulated: false, challenge: [at; 32] }.leaf();
    Batch::new((0..count).map(leaf).collect(), false).unwrap()
}

#[test]
fn the_golden_vectors_decode_and_encode_to_themselves() {
    for (name, bytes) in vectors() {
        let evidence = Evidence::decode(&bytes).unwrap();
        assert_eq!(evidence.encode().unwrap(), bytes, "{name}");
        let (quote, log) = match name {
            "bare" => (vec![4, 0], None),
            _ => ((0..200).collect(), Some(b"[]".to_vec())),
        };
        assert_eq!((evidence.quote, evidence.event_log), (quote, log), "{name}");
        assert_eq!(evidence.batch.is_some(), name == "full");
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let (_, mut bytes) = vectors().next().unwrap();
    bytes[0] = 2;
    assert_eq!(Evidence::decode(&bytes), Err(EvidenceError::Version { got: 2 }));
}

#[test]
fn nothing_may_follow_and_nothing_may_lack() {
    for (_, bytes) in vectors() {
        for end in 0..bytes.len() {
            assert!(Evidence::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(Evidence::decode(&longer), Err(EvidenceError::Malformed));
    }
}

#[test]
fn what_is_too_large_is_neither_sent_nor_read() {
    let small = Evidence { quote: vec![], event_log: None, batch: None };
    let part = |evidence: &Evidence| match evidence.encode() {
        Err(EvidenceError::TooLong { part, .. }) => part,
        other => panic!("{other:?}"),
    };
    let quote = Evidence { quote: vec![0; MAX_QUOTE_BYTES + 1], ..small.clone() };
    assert_eq!(part(&quote), "quote");
    let log = Evidence { event_log: Some(vec![0; MAX_EVENT_LOG_BYTES + 1]), ..small };
    assert_eq!(part(&log), "event log");
    let both = Evidence { event_log: Some(vec![0; MAX_EVENT_LOG_BYTES]), ..quote };
    let both = Evidence { quote: vec![0; MAX_QUOTE_BYTES], ..both };
    assert_eq!(part(&both), "evidence");

    let bytes = vec![1; MAX_EVIDENCE_BYTES + 1];
    let (got, limit) = (bytes.len(), MAX_EVIDENCE_BYTES);
    let refused = EvidenceError::TooLong { part: "evidence", got, limit };
    assert_eq!(Evidence::decode(&bytes), Err(refused));
}

proptest! {
    #[test]
    fn evidence_comes_back_as_it_was_sent(
        quote in prop::collection::vec(any::<u8>(), 0..600),
        event_log in prop::option::of(prop::collection::vec(any::<u8>(), 0..600)),
        batch in prop::option::of((1..=40_u8, any::<u8>())),
    ) {
        let batch = batch.and_then(|(count, at)| batch_of(count).path(usize::from(at % count)));
        let evidence = Evidence { quote, event_log, batch };
        let bytes = evidence.encode().unwrap();
        prop_assert_eq!(Evidence::decode(&bytes), Ok(evidence));
    }

    /// What decodes at all is the one encoding of what it decodes to.
    #[test]
    fn arbitrary_bytes_have_one_reading_or_none(
        mut bytes in prop::collection::vec(any::<u8>(), 1..400),
    ) {
        bytes[0] = 1;
        if let Ok(evidence) = Evidence::decode(&bytes) {
            prop_assert_eq!(evidence.encode().unwrap(), bytes);
        }
    }
}
