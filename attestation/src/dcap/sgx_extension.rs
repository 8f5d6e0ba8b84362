//! Which machine a PCK certificate is for, by its SGX extension.
//!
//! Source of the format: Intel, "SGX PCK Certificate and Certificate Revocation List Profile
//! Specification", 1.5, section 1.3.5: a sequence of pairs, object identifier and value.

use dcap_qvl::{
    config::{ParsedCert as _, X509Codec as _},
    oids,
};
use x509_cert::der::{
    self, Decode as _, Reader as _, SliceReader,
    asn1::{AnyRef, ObjectIdentifier},
};

use crate::{Platform, codec::ExtensionWalk};

/// What the extension says, read once: `dcap-qvl`'s own reader looks through it for each of ten
/// items, which costs a quarter of a signature check. None where something is missing or has another
/// length.
pub(super) fn platform(leaf_der: &[u8]) -> Option<Platform> {
    let certificate = ExtensionWalk::from_der(leaf_der).ok()?;
    let extension = certificate.extension(oids::SGX_EXTENSION.as_bytes()).ok()??;
    let items = items(&extension).ok()?;
    let value = |wanted| items.iter().find(|(oid, _)| *oid == wanted).map(|(_, value)| *value);
    let piid = match value(oids::PLATFORM_INSTANCE_ID) {
        Some(piid) => Some(piid.try_into().ok()?),
        None => None,
    };
    Some(Platform {
        piid,
        fmspc: value(oids::FMSPC)?.try_into().ok()?,
        pce_id: value(oids::PCEID)?.try_into().ok()?,
        ppid: value(oids::PPID)?.to_vec(),
    })
}

fn items(extension: &[u8]) -> der::Result<Vec<(ObjectIdentifier, &[u8])>> {
    let mut items = Vec::new();
    let mut reader = SliceReader::new(AnyRef::from_der(extension)?.value())?;
    while !reader.is_finished() {
        items.push(reader.sequence(|pair| {
            let item = (ObjectIdentifier::decode(pair)?, AnyRef::decode(pair)?.value());
            Ok::<_, der::Error>(item)
        })?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use holobiont_enclave_simulated::{Fault, Scene};
    use proptest::prelude::*;

    use super::*;
    use crate::{Quote, certificates::Chain};

    fn leaf() -> Vec<u8> {
        // What is wrong is what is asked, not the certificate.
        let scene = Scene::with_fault(1_800_000_000, Fault::NoPins).unwrap();
        let quote = Quote::parse(&scene.evidence.quote).unwrap();
        Chain::from_pem(quote.pck_chain_pem().unwrap()).unwrap().leaf().to_vec()
    }

    fn by_dcap(leaf_der: &[u8]) -> Option<Platform> {
        let pck = dcap_qvl::intel::parse_pck_extension(leaf_der).ok()?;
        let piid = pck.platform_instance_id.map(|piid| piid.try_into().ok());
        let pce_id = pck.pce_id.try_into().ok()?;
        let piid = if let Some(piid) = piid { Some(piid?) } else { None };
        Some(Platform { piid, fmspc: pck.fmspc, pce_id, ppid: pck.ppid })
    }

    #[test]
    fn it_reads_what_dcap_qvl_reads() {
        let leaf = leaf();
        let platform = platform(&leaf).unwrap();
        assert!(platform.piid.is_some());
        assert_eq!(Some(platform), by_dcap(&leaf));
    }

    proptest! {
        /// It may be stricter, and never reads something else.
        #[test]
        fn a_changed_byte_changes_both(changes in proptest::collection::vec(any::<(u16, u8)>(), 64)) {
            static LEAF: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(leaf);
            for (at, byte) in changes {
                let mut leaf = LEAF.clone();
                let at = usize::from(at) % leaf.len();
                leaf[at] = byte;
                if let (Some(ours), Some(theirs)) = (platform(&leaf), by_dcap(&leaf)) {
                    prop_assert_eq!(ours, theirs);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = platform(&bytes);
            let _ = items(&bytes);
        }
    }
}
