use proptest::prelude::*;

use super::{sample::Sample, *};

const KINDS: [(QuoteVersion, BodyKind); 4] = [
    (QuoteVersion::V4, BodyKind::Td10),
    (QuoteVersion::V5, BodyKind::Td10),
    (QuoteVersion::V5, BodyKind::Td15),
    (QuoteVersion::V5, BodyKind::Td15Extended),
];

fn sample() -> Sample {
    Sample::new(QuoteVersion::V4, BodyKind::Td10)
}

fn parsed(change: impl FnOnce(&mut Sample)) -> Result<Quote, QuoteError> {
    let mut sample = sample();
    change(&mut sample);
    Quote::parse(&sample.bytes())
}

#[test]
fn every_form_is_read_and_later_fields_are_there_from_tdx_1_5_on() {
    for (version, kind) in KINDS {
        let sample = Sample::new(version, kind);
        let quote = Quote::parse(&sample.bytes()).unwrap();
        assert_eq!((quote.version(), quote.body_kind()), (version, kind));
        assert_eq!(quote.signed(), sample.signed());
        let later = quote.measurements();
        let expected = kind != BodyKind::Td10;
        assert_eq!(
            (later.tee_tcb_svn2.is_some(), later.mrservicetd.is_some()),
            (expected, expected)
        );
    }
}

#[test]
fn a_quote_that_is_cut_anywhere_is_refused() {
    for (version, kind) in KINDS {
        let bytes = Sample::new(version, kind).bytes();
        for end in 0..bytes.len() {
            let cut = Quote::parse(&bytes[..end]);
            assert!(matches!(cut, Err(QuoteError::Truncated { .. })), "{end}: {cut:?}");
        }
    }
}

#[test]
fn a_quote_without_a_chain_is_read_and_has_none() {
    for kind in [1, 2, 3, 4, 7] {
        let quote = parsed(|sample| sample.certification_kind = kind).unwrap();
        assert_eq!((quote.certification_kind(), quote.pck_chain_pem()), (kind, None));
    }
    for kind in [0, 6, 8, u16::MAX] {
        let refused = parsed(|sample| sample.certification_kind = kind);
        assert_eq!(refused, Err(QuoteError::CertificationKind { got: kind }));
    }
}

#[test]
fn nothing_may_be_left_over_in_a_section() {
    let bytes = sample().bytes();
    // The certification data's length lies 128 bytes and a type into the signature section.
    let section = sample().signed().len();
    let lengthened = |at: usize, mut bytes: Vec<u8>| {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) + 1;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let longer = lengthened(section, [bytes.as_slice(), &[0]].concat());
    let left = QuoteError::LeftOver { section: "signature section", left: 1 };
    assert_eq!(Quote::parse(&longer), Err(left));
    let longer = lengthened(section + 4 + 130, longer);
    let left = QuoteError::LeftOver { section: "QE certification data", left: 1 };
    assert_eq!(Quote::parse(&longer), Err(left));
}

#[test]
fn the_identity_follows_the_leaf_and_not_its_writing() {
    let pem = |text: &str| {
        let text = text.to_owned();
        parsed(move |sample| sample.certification = text.into_bytes()).unwrap().identity()
    };
    let one = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    let windows = one.replace('\n', "\r\n");
    let other = one.replace("AQID", "AQIE");
    assert_eq!(pem(one), pem(&windows));
    assert_eq!(pem(one), pem(&format!("{one}\0")));
    assert_ne!(pem(one), pem(&other));
    assert_ne!(pem("no certificate"), pem("none either"));
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        which in 0..KINDS.len(),
        signature: [u8; 64],
        attestation_key: [u8; 64],
        authentication in prop::collection::vec(any::<u8>(), 0..80),
        certification in prop::collection::vec(any::<u8>(), 0..300),
        padding in 0..50_usize,
    ) {
        let (version, kind) = KINDS[which];
        let mut sample = Sample::new(version, kind);
        sample.signature = signature;
        sample.attestation_key = attestation_key;
        sample.qe_authentication_data = authentication;
        sample.certification = certification;
        let bytes = sample.bytes();
        let quote = Quote::parse(&[bytes.as_slice(), &vec![0; padding]].concat()).unwrap();
        prop_assert_eq!(quote.bytes(), bytes);
        prop_assert_eq!(quote.signature(), &sample.signature);
        prop_assert_eq!(quote.attestation_key(), &sample.attestation_key);
        prop_assert_eq!(quote.qe_report(), sample.qe_report);
        prop_assert_eq!(quote.qe_authentication_data(), sample.qe_authentication_data);
        prop_assert_eq!(quote.pck_chain_pem(), Some(sample.certification.as_slice()));
    }
}
