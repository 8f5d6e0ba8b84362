use std::{path::PathBuf, sync::Once};

use holobiont_attestation::{BodyKind, MAX_QUOTE_BYTES, Quote, QuoteError, QuoteVersion};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

static SKIPPED: Once = Once::new();

/// A file of the real data, which is not part of the project; none, said once, where it is absent.
#[expect(clippy::disallowed_methods, reason = "where the data is, is the machine's matter")]
pub(crate) fn real(path: &str) -> Option<Vec<u8>> {
    let set = std::env::var_os("HOLOBIONT_TDX_VECTORS").map(PathBuf::from);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/tdx");
    let file = set.unwrap_or_else(|| root.into()).join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            SKIPPED.call_once(|| {
                println!("skipped what needs real TDX data: {}: {error}", file.display());
            });
            None
        }
    }
}

/// File, version, body, zero bytes after it.
const REAL: [(&str, QuoteVersion, BodyKind, usize); 9] = [
    ("derived/near-mpc.quote.bin", QuoteVersion::V4, BodyKind::Td10, 70),
    ("go-tdx-guest/cos-113-tdx-quote.dat", QuoteVersion::V4, BodyKind::Td10, 3065),
    ("dcap-qvl/tdx_quote", QuoteVersion::V4, BodyKind::Td10, 70),
    ("trustee/tdx_quote_4.dat", QuoteVersion::V4, BodyKind::Td10, 0),
    ("trustee-az/td-quote.bin", QuoteVersion::V4, BodyKind::Td10, 70),
    ("dcap-qvl/tdx_quote_td15ex", QuoteVersion::V5, BodyKind::Td15Extended, 0),
    ("go-tdx-guest/quote_v5_sample.dat", QuoteVersion::V5, BodyKind::Td15, 0),
    ("dcap-qvl/tdx_quote_outdated", QuoteVersion::V5, BodyKind::Td15, 0),
    ("automata/alibaba_quote_5.dat", QuoteVersion::V5, BodyKind::Td15, 0),
];

fn real_quotes() -> impl Iterator<Item = (&'static str, Vec<u8>, Quote)> {
    REAL.iter().filter_map(|(path, ..)| {
        let bytes = real(path)?;
        let quote = Quote::parse(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        Some((*path, bytes, quote))
    })
}

#[test]
fn real_quotes_are_read() {
    for (path, version, kind, padding) in REAL {
        let Some(bytes) = real(path) else { continue };
        let quote = Quote::parse(&bytes).unwrap();
        assert_eq!((quote.version(), quote.body_kind()), (version, kind), "{path}");
        assert_eq!(quote.bytes(), &bytes[..bytes.len() - padding], "{path}");
        assert_eq!(quote.certification_kind(), 5, "{path}");
        let chain = std::str::from_utf8(quote.pck_chain_pem().unwrap()).unwrap();
        assert_eq!(chain.matches("-----BEGIN CERTIFICATE-----").count(), 3, "{path}");
        assert_eq!(quote.qe_authentication_data().len(), 32, "{path}");
    }
}

/// The quoting enclave's report binds the attestation key: all three were found where they are.
#[test]
fn the_parts_of_a_real_quote_fit_together() {
    for (path, _, quote) in real_quotes() {
        let bound = Sha256::new()
            .chain_update(quote.attestation_key())
            .chain_update(quote.qe_authentication_data())
            .finalize();
        assert_eq!(&quote.qe_report()[320..352], &bound[..], "{path}");
        assert!(quote.bytes().starts_with(quote.signed()), "{path}");
    }
}

#[test]
fn a_real_quote_has_the_registers_that_its_operator_published() {
    let (Some(quote), Some(published)) =
        (real("derived/near-mpc.quote.bin"), real("near-mpc/tcb_info.json"))
    else {
        return;
    };
    let quote = Quote::parse(&quote).unwrap();
    let measurements = quote.measurements();
    let published: serde_json::Value = serde_json::from_slice(&published).unwrap();
    assert_eq!(hex::encode(measurements.mrtd), published["mrtd"]);
    for (at, rtmr) in measurements.rtmr.iter().enumerate() {
        assert_eq!(hex::encode(rtmr), published[format!("rtmr{at}")], "RTMR{at}");
    }
    assert_eq!(measurements.td_attributes, [0, 0, 0, 0x10, 0, 0, 0, 0]);
    assert_eq!((measurements.tee_tcb_svn2, measurements.mrservicetd), (None, None));
}

#[test]
fn a_real_quote_binds_the_nonce_it_was_asked_with() {
    let (Some(quote), Some(nonce)) =
        (real("go-tdx-guest/cos-113-tdx-quote.dat"), real("go-tdx-guest/nonce.dat"))
    else {
        return;
    };
    assert_eq!(Quote::parse(&quote).unwrap().measurements().report_data[..], nonce[..]);
}

#[test]
fn the_service_guest_of_a_real_quote_is_seen() {
    let Some(bytes) = real("automata/alibaba_quote_5.dat") else { return };
    let quote = Quote::parse(&bytes).unwrap();
    assert!(quote.measurements().mrservicetd.is_some_and(|service| service != [0; 48]));
}

#[test]
fn padding_is_stripped_and_anything_else_after_a_quote_refused() {
    for (path, _, quote) in real_quotes() {
        let padded = [quote.bytes(), &[0; 500]].concat();
        assert_eq!(Quote::parse(&padded).as_ref(), Ok(&quote), "{path}");
        for at in [0, 1, 499] {
            let mut wrong = padded.clone();
            wrong[quote.bytes().len() + at] = 1;
            let at = quote.bytes().len() + at;
            assert_eq!(Quote::parse(&wrong), Err(QuoteError::Trailing { at }), "{path}");
        }
    }
}

#[test]
fn a_quote_that_is_cut_short_is_refused_and_says_where() {
    for (path, _, quote) in real_quotes() {
        for end in 0..quote.bytes().len() {
            match Quote::parse(&quote.bytes()[..end]) {
                Err(QuoteError::Truncated { .. }) => (),
                other => panic!("{path} cut to {end}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_a_sender_can_vary_does_not_change_the_identity() {
    for (path, bytes, quote) in real_quotes() {
        let end = quote.bytes().len();
        let at = quote.signed().len() + 4;
        let changed = |at: usize, by: u8| {
            let mut other = bytes.clone();
            other[at] ^= by;
            Quote::parse(&other).unwrap().identity()
        };
        assert_ne!(changed(100, 1), quote.identity(), "{path}: the signed region");
        assert_eq!(changed(at + 63, 1), quote.identity(), "{path}: the signature");
        assert_ne!(changed(at + 64, 1), quote.identity(), "{path}: the attestation key");
        // White space at the end of the chain's last line: "\n" to "\v".
        let newline = end - if bytes[end - 1] == 0 { 2 } else { 1 };
        assert_eq!(bytes[newline], b'\n');
        assert_eq!(changed(newline, 1), quote.identity(), "{path}: white space in the chain");
    }
}

#[test]
fn each_front_field_is_refused_by_name() {
    for (path, bytes, quote) in real_quotes() {
        let with = |at: usize, value: u8| {
            let mut other = bytes.clone();
            other[at] = value;
            Quote::parse(&other).unwrap_err()
        };
        assert_eq!(with(0, 3), QuoteError::Version { got: 3 }, "{path}");
        assert_eq!(with(2, 3), QuoteError::AttestationKeyKind { got: 3 }, "{path}");
        assert_eq!(with(4, 0), QuoteError::NotTdx { got: 0 }, "{path}");
        assert!(matches!(with(12, 0), QuoteError::Vendor { .. }), "{path}");
        let certification = quote.signed().len() + 4 + 128;
        assert_eq!(with(certification, 5), QuoteError::NoQeReport { got: 5 }, "{path}");
        if quote.version() == QuoteVersion::V5 {
            assert_eq!(with(48, 1), QuoteError::BodyKind { got: 1 }, "{path}: an SGX body");
            assert!(matches!(with(50, 0), QuoteError::BodySize { .. }), "{path}");
        }
    }
}

/// One more or less in any of the nested lengths: never a quote that says something else.
#[test]
fn every_length_must_be_the_exact_one() {
    for (path, bytes, quote) in real_quotes() {
        let section = quote.signed().len();
        let certification = section + 4 + 128 + 2;
        let authentication = certification + 4 + 384 + 64;
        let chain = authentication + 2 + 32 + 2;
        for at in [section, certification, authentication, chain] {
            for by in [1, 0xff] {
                let mut other = bytes.clone();
                other[at] = other[at].wrapping_add(by);
                assert!(Quote::parse(&other).is_err(), "{path}: length at {at}");
            }
        }
    }
}

#[test]
fn a_quote_above_the_limit_is_not_read() {
    let bytes = vec![0; MAX_QUOTE_BYTES + 1];
    let refused = QuoteError::TooLong { got: bytes.len(), limit: MAX_QUOTE_BYTES };
    assert_eq!(Quote::parse(&bytes), Err(refused));
}

/// The second reader of every v4 quote, on what real clouds make.
#[cfg(feature = "second-opinion")]
#[test]
fn the_second_opinion_reads_the_same_registers() {
    for (path, _, quote) in real_quotes().filter(|(_, _, q)| q.version() == QuoteVersion::V4) {
        let other = tdx_quote::Quote::from_bytes(quote.bytes()).unwrap();
        let ours = quote.measurements();
        assert_eq!(other.mrtd(), ours.mrtd, "{path}");
        assert_eq!(
            [other.rtmr0(), other.rtmr1(), other.rtmr2(), other.rtmr3()],
            ours.rtmr,
            "{path}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A quote with anything changed is read as what it is, or refused.
    #[test]
    fn a_damaged_quote_never_panics(
        which in 0..REAL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        if let Some(mut bytes) = real(REAL[which].0) {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if cut {
                bytes.truncate(end.index(bytes.len()));
            }
            if let Ok(quote) = Quote::parse(&bytes) {
                prop_assert!(bytes.starts_with(quote.bytes()));
                prop_assert_eq!(Quote::parse(quote.bytes()), Ok(quote));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Quote::parse(&bytes).is_err());
    }
}
