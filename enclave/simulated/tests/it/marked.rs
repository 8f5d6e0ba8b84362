//! What anybody can see in the certificates.

use holobiont_attestation::{PckCa, Quote, TrustRoot as _};
use holobiont_enclave_simulated::{MARK, QuoteForm, Scene};

use crate::NOW_S;

#[test]
fn every_certificate_and_revocation_list_names_the_mark() {
    for ca in [PckCa::Platform, PckCa::Processor] {
        let scene = Scene::new(NOW_S, QuoteForm::V4, ca).unwrap();
        let quote = Quote::parse(&scene.evidence.quote).unwrap();
        let parts = scene.collateral.as_ref().unwrap().parts();
        let pem = [
            quote.pck_chain_pem().unwrap(),
            parts.tcb_info_issuer_chain.as_bytes(),
            parts.qe_identity_issuer_chain.as_bytes(),
            parts.pck_crl_issuer_chain.as_bytes(),
        ]
        .concat();
        let mut all: Vec<Vec<u8>> =
            pem::parse_many(pem).unwrap().into_iter().map(pem::Pem::into_contents).collect();
        assert_eq!(all.len(), 3 + 2 + 2 + 2);
        all.push(scene.intel.root().certificate_der().to_vec());
        all.extend([parts.root_ca_crl, parts.pck_crl]);
        for der in all {
            assert!(der.windows(MARK.len()).any(|part| part == MARK.as_bytes()), "{der:x?}");
        }
    }
}
