//! What `tdx-quote` reads in a v4 quote, compared with what we read.
//!
//! `tdx_quote::Quote::from_bytes` also checks the attestation key's signature of the body and the
//! key's hash in the QE report. It follows no certificate, so its cost is one P-256 verification
//! and three copies, whatever a sender put into the chain.

use tdx_quote::{
    AttestionKeyType, CertificationData, CertificationDataInner, QeReportCertificationData,
    TDXVersion, TEEType, encode_verifying_key,
};

use crate::{
    Quote, QuoteVersion,
    quote::{Disagreement, compare},
};

/// Below this many bytes `tdx-quote` 0.0.5 panics on a v4 quote: it slices header and body before
/// it looks at the length. No quote that we have parsed is that short.
const MIN_BYTES: usize = 632;

/// Why the second opinion is no yes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecondOpinionError {
    /// It refuses what we read.
    #[error("the second opinion (tdx-quote) refuses the quote: {why}")]
    Refuses {
        /// In its words.
        why: String,
    },
    /// It reads something else than we.
    #[error("the second opinion (tdx-quote) differs: {0}")]
    Disagrees(#[from] Disagreement),
}

/// Asks for the second opinion on a v4 quote; of v5 ones `tdx-quote` has none.
pub(crate) fn second_opinion(quote: &Quote) -> Result<(), SecondOpinionError> {
    if quote.version() != QuoteVersion::V4 {
        return Ok(());
    }
    if quote.bytes().len() < MIN_BYTES {
        return Err(SecondOpinionError::Refuses { why: "it is too short".to_owned() });
    }
    let other = tdx_quote::Quote::from_bytes(quote.bytes())
        .map_err(|error| SecondOpinionError::Refuses { why: error.to_string() })?;
    header_agrees(quote, &other)?;
    body_agrees(quote, &other)?;
    signatures_agree(quote, &other)?;
    Ok(())
}

fn header_agrees(quote: &Quote, other: &tdx_quote::Quote) -> Result<(), Disagreement> {
    let theirs = &other.header;
    if theirs.attestation_key_type != AttestionKeyType::ECDSA256WithP256 {
        return Err(Disagreement { field: "attestation key type" });
    }
    if theirs.tee_type != TEEType::TDX {
        return Err(Disagreement { field: "TEE type" });
    }
    compare(&[
        ("version", &4_u16.to_le_bytes(), &theirs.version.to_le_bytes()),
        ("QE SVN", &quote.qe_svn().to_le_bytes(), &theirs.reserved1),
        ("PCE SVN", &quote.pce_svn().to_le_bytes(), &theirs.reserved2),
        ("QE vendor id", &dcap_qvl::INTEL_QE_VENDOR_ID, &theirs.qe_vendor_id),
        ("user data", quote.user_data(), &theirs.user_data),
    ])
}

fn body_agrees(quote: &Quote, other: &tdx_quote::Quote) -> Result<(), Disagreement> {
    let (ours, theirs) = (quote.measurements(), &other.body);
    if theirs.tdx_version != TDXVersion::One {
        return Err(Disagreement { field: "body type" });
    }
    if theirs.tee_tcb_svn_2 != ours.tee_tcb_svn2 || theirs.mrservicetd != ours.mrservicetd {
        return Err(Disagreement { field: "TDX 1.5 fields" });
    }
    let [rtmr0, rtmr1, rtmr2, rtmr3] = &ours.rtmr;
    compare(&[
        ("TEE TCB SVN", &ours.tee_tcb_svn, &theirs.tee_tcb_svn),
        ("MRSEAM", &ours.mrseam, &theirs.mrseam),
        ("MRSIGNERSEAM", &ours.mrsignerseam, &theirs.mrsignerseam),
        ("SEAM attributes", &ours.seam_attributes, &theirs.seamattributes),
        ("TD attributes", &ours.td_attributes, &theirs.tdattributes),
        ("XFAM", &ours.xfam, &theirs.xfam),
        ("MRTD", &ours.mrtd, &theirs.mrtd),
        ("MRCONFIGID", &ours.mrconfigid, &theirs.mrconfigid),
        ("MROWNER", &ours.mrowner, &theirs.mrowner),
        ("MROWNERCONFIG", &ours.mrownerconfig, &theirs.mrownerconfig),
        ("RTMR0", rtmr0, &theirs.rtmr0),
        ("RTMR1", rtmr1, &theirs.rtmr1),
        ("RTMR2", rtmr2, &theirs.rtmr2),
        ("RTMR3", rtmr3, &theirs.rtmr3),
        ("report data", &ours.report_data, &theirs.reportdata),
    ])
}

fn signatures_agree(quote: &Quote, other: &tdx_quote::Quote) -> Result<(), Disagreement> {
    let CertificationData::QeReportCertificationData(theirs) = &other.certification_data else {
        return Err(Disagreement { field: "certification data type" });
    };
    let QeReportCertificationData { qe_report, signature, qe_authentication_data, .. } = &**theirs;
    let (kind, certification) = match &theirs.certification_data {
        CertificationDataInner::PckIdPpidPlainCpusvnPcesvn(data) => (1, data),
        CertificationDataInner::PckIdPpidRSA2048CpusvnPcesvn(data) => (2, data),
        CertificationDataInner::PckIdPpidRSA3072CpusvnPcesvn(data) => (3, data),
        CertificationDataInner::PckLeafCert(data) => (4, data),
        CertificationDataInner::PckCertChain(data) => (5, data),
        CertificationDataInner::PlatformManifest(data) => (7, data),
        _ => return Err(Disagreement { field: "PCK certification data type" }),
    };
    if quote.certification_kind() != kind {
        return Err(Disagreement { field: "PCK certification data type" });
    }
    let key = encode_verifying_key(&other.attestation_key)
        .map_err(|_| Disagreement { field: "attestation key" })?;
    compare(&[
        ("signature", quote.signature(), &other.signature.to_bytes()),
        ("attestation key", &compressed(quote.attestation_key()), &key),
        ("QE report", quote.qe_report(), qe_report),
        ("QE report signature", quote.qe_signature(), &signature.to_bytes()),
        ("QE authentication data", quote.qe_authentication_data(), qe_authentication_data),
        ("PCK certification data", quote.certification(), certification),
    ])
}

/// SEC 1's compressed form of a point: 2 or 3 for an even or odd y, then x.
fn compressed(point: &[u8; 64]) -> Vec<u8> {
    let (x, y) = point.split_at(32);
    let odd = y.last().is_some_and(|byte| byte & 1 == 1);
    let mut out = vec![if odd { 3 } else { 2 }];
    out.extend(x);
    out
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{BodyKind, quote::sample::Sample};

    /// A quote that a key of ours signed: all that `from_bytes` looks at is right.
    fn signed(change: impl FnOnce(&mut Sample)) -> Quote {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        let mut sample = Sample::new(QuoteVersion::V4, BodyKind::Td10);
        sample.attestation_key.copy_from_slice(&key.public_key().as_ref()[1..]);
        let signature = key.sign(&random, &sample.signed()).unwrap();
        sample.signature.copy_from_slice(signature.as_ref());
        let bound = Sha256::new()
            .chain_update(sample.attestation_key)
            .chain_update(&sample.qe_authentication_data)
            .finalize();
        sample.qe_report[320..352].copy_from_slice(&bound);
        change(&mut sample);
        Quote::parse(&sample.bytes()).unwrap()
    }

    #[test]
    fn a_quote_that_both_read_alike_passes() {
        // Keys with an even and with an odd y, sooner or later.
        for _ in 0..8 {
            assert_eq!(second_opinion(&signed(|_| ())), Ok(()));
        }
    }

    #[test]
    fn every_kind_of_certification_data_is_compared() {
        for kind in [1, 2, 3, 4, 7] {
            assert_eq!(second_opinion(&signed(|s| s.certification_kind = kind)), Ok(()), "{kind}");
        }
    }

    #[test]
    fn what_it_refuses_is_refused() {
        let changes: [fn(&mut Sample); 4] = [
            |s| s.signature[40] ^= 1,
            |s| s.qe_report[330] ^= 1,
            |s| s.qe_authentication_data.push(1),
            |s| s.attestation_key = [0; 64],
        ];
        for change in changes {
            let refused = second_opinion(&signed(change)).unwrap_err();
            assert!(matches!(refused, SecondOpinionError::Refuses { .. }), "{refused}");
        }
    }

    #[test]
    fn it_is_not_asked_about_version_5() {
        let sample = Sample::new(QuoteVersion::V5, BodyKind::Td15);
        assert_eq!(second_opinion(&Quote::parse(&sample.bytes()).unwrap()), Ok(()));
    }

    #[test]
    fn the_shortest_quote_is_longer_than_what_makes_it_panic() {
        let quote = signed(|s| {
            s.qe_authentication_data.clear();
            s.certification.clear();
        });
        assert!(quote.bytes().len() > MIN_BYTES);
        assert!(second_opinion(&quote).is_err(), "nothing binds the key any more");
    }
}
