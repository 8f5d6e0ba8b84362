//! The certificates in a quote, where two readers could see different ones.

use holobiont_attestation::{PckCa, Quote, QuoteProvider as _, Verdict};
use holobiont_enclave_simulated::{QuoteForm, Scene, SimulatedGuest};

use crate::support::bare;

/// The quote with another chain, every length around it put right.
pub(crate) fn with_chain(quote: &[u8], chain: &str) -> Vec<u8> {
    let parsed = Quote::parse(quote).unwrap();
    let old = parsed.pck_chain_pem().unwrap();
    let at = quote.windows(old.len()).position(|window| window == old).unwrap();
    let mut bytes = [&quote[..at], chain.as_bytes()].concat();
    let size = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    bytes[at - 4..at].copy_from_slice(&size(chain.len()));
    // The QE certification data's length, and the signature section's.
    for field in [632 + 4 + 128 + 2, 632] {
        let length = u32::from_le_bytes(bytes[field..field + 4].try_into().unwrap());
        let changed = usize::try_from(length).unwrap() + chain.len() - old.len();
        bytes[field..field + 4].copy_from_slice(&size(changed));
    }
    bytes
}

pub(crate) fn certificates(quote: &[u8]) -> Vec<String> {
    let chain = Quote::parse(quote).unwrap().pck_chain_pem().unwrap().to_vec();
    let chain = String::from_utf8(chain).unwrap();
    chain.split_inclusive("-----END CERTIFICATE-----\n").map(str::to_owned).collect()
}

fn verdict(scene: &Scene, quote: Vec<u8>) -> Verdict {
    scene.verifier().verify(&bare(quote), &scene.ask())
}

/// The certificate that signs is the one whose platform is told: a PEM section of another name, which
/// some readers take for a certificate and some do not, cannot come between the two.
#[test]
fn a_platform_cannot_borrow_anothers_name() {
    let scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Platform).unwrap();
    let own = scene.evidence.quote.clone();
    let other = scene.intel.platform(1, PckCa::Platform).unwrap();
    let other = SimulatedGuest::new(other, scene.guest.image().clone(), QuoteForm::V4);
    let other = other.quote(&scene.binding.report_data()).unwrap();
    let ([own_leaf, ca, ..], [other_leaf, ..]) =
        (&certificates(&own)[..], &certificates(&other)[..])
    else {
        panic!("a chain has a leaf and a CA");
    };
    let good = with_chain(&own, &[own_leaf.as_str(), ca].concat());
    let piid = verdict(&scene, good).platform.unwrap().piid;
    assert_eq!(piid, Some(scene.guest.platform().instance_id()));
    let hidden = own_leaf.replace("CERTIFICATE", "NOTHING");
    for chain in [[&hidden, other_leaf, ca], [other_leaf, &hidden, ca], [other_leaf, ca, &hidden]] {
        let verdict = verdict(&scene, with_chain(&own, &chain.map(String::as_str).concat()));
        assert!(!verdict.trusted(), "{verdict}");
        assert_eq!(verdict.platform, None, "{verdict}");
    }
}
