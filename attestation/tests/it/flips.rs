//! One bit or byte changed, anywhere that counts.

use std::{ops::Range, thread};

use holobiont_attestation::{Ask, Collateral, Evidence, Marks, PckCa, Quote, TrustRoot, Verifier};
use holobiont_enclave_simulated::{QuoteForm, Scene};

use crate::support::{NEAR_NOW_S, Real};

/// Where the parts lie that nothing may change: what is signed, and whatever signs or binds it.
fn sealed(quote: &Quote) -> Vec<(&'static str, Range<usize>)> {
    let parts = [
        ("signed region", quote.signed()),
        ("signature", quote.signature()),
        ("attestation key", quote.attestation_key()),
        ("QE report", quote.qe_report()),
        ("QE report's signature", quote.qe_signature()),
        ("QE authentication data", quote.qe_authentication_data()),
    ];
    parts
        .map(|(name, part)| {
            let mut windows = quote.bytes().windows(part.len());
            let at = windows.position(|window| window == part).unwrap();
            (name, at..at + part.len())
        })
        .to_vec()
}

/// Flips each bit on its own; the verifier has seen the good quote, so that everything it remembers
/// could help the bad one.
fn no_bit_can_be_flipped<R: TrustRoot>(verifier: &Verifier<R>, evidence: &Evidence, ask: &Ask<'_>) {
    let good = verifier.verify(evidence, ask);
    assert!(good.trusted(), "{good}");
    let quote = Quote::parse(&evidence.quote).unwrap();
    let bits: Vec<_> = sealed(&quote)
        .into_iter()
        .flat_map(|(name, range)| range.flat_map(move |at| (0..8).map(move |bit| (name, at, bit))))
        .collect();
    thread::scope(|scope| {
        for half in bits.chunks(bits.len().div_ceil(2)) {
            scope.spawn(move || {
                let mut changed = evidence.clone();
                for (name, at, bit) in half {
                    changed.quote[*at] ^= 1 << bit;
                    let verdict = verifier.verify(&changed, ask);
                    assert!(!verdict.trusted(), "{name}: bit {bit} of byte {at}");
                    changed.quote[*at] ^= 1 << bit;
                }
            });
        }
    });
}

#[test]
fn no_bit_of_a_real_quote_can_be_flipped() {
    for (quote, collateral, now_s) in [
        ("derived/near-mpc.quote.bin", "derived/near-mpc-collateral.json", NEAR_NOW_S),
        ("dcap-qvl/tdx_quote_td15ex", "dcap-qvl/tdx_quote_td15ex_collateral.json", 1_791_419_307),
    ] {
        let Some(pair) = Real::new(quote, collateral) else { continue };
        // Without pins: what is refused is refused as a quote, not as another guest.
        let marks = Marks::default();
        let ask = Ask { pins: None, ..pair.ask(now_s, &marks) };
        no_bit_can_be_flipped(&Verifier::new(), &pair.evidence, &ask);
    }
}

#[test]
fn no_bit_of_a_simulated_quote_can_be_flipped() {
    let scene = Scene::new(1_800_000_000, QuoteForm::V5Td15, PckCa::Platform).unwrap();
    let ask = Ask { pins: None, binding: None, ..scene.ask() };
    no_bit_can_be_flipped(&scene.verifier(), &scene.evidence, &ask);
}

/// A changed byte is refused, or says the very same (upper case hex, white space in PEM).
fn no_byte_can_be_changed<R: TrustRoot>(
    verifier: &Verifier<R>,
    evidence: &Evidence,
    ask: &Ask<'_>,
    json: &str,
    bits: &[u8],
) {
    let good = Collateral::from_json(json).unwrap();
    let ask = Ask { collateral: Some(&good), ..*ask };
    let verdict = verifier.verify(evidence, &ask);
    assert!(verdict.trusted(), "{verdict}");
    let mut same = 0;
    for bit in bits {
        for at in 0..json.len() {
            let mut bytes = json.as_bytes().to_vec();
            bytes[at] ^= bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Ok(changed) = Collateral::from_json(&text) else { continue };
            if changed.id() == good.id() {
                same += 1;
                continue;
            }
            let ask = Ask { collateral: Some(&changed), ..ask };
            let verdict = verifier.verify(evidence, &ask);
            assert!(!verdict.trusted(), "byte {at} ^ {bit:#x}: {verdict}");
        }
    }
    assert!(same < json.len(), "flips change something");
}

#[test]
fn no_byte_of_real_collateral_can_be_changed() {
    let Some(pair) = Real::near() else { return };
    let json = String::from_utf8(crate::quotes::real("derived/near-mpc-collateral.json").unwrap());
    let marks = Marks::default();
    let ask = pair.ask(NEAR_NOW_S, &marks);
    no_byte_can_be_changed(&Verifier::new(), &pair.evidence, &ask, &json.unwrap(), &[0x01]);
}

#[test]
fn no_byte_of_simulated_collateral_can_be_changed() {
    let scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Processor).unwrap();
    let json = scene.collateral.as_ref().unwrap().to_json();
    no_byte_can_be_changed(&scene.verifier(), &scene.evidence, &scene.ask(), &json, &[0x01, 0x20]);
}

#[test]
fn collateral_survives_its_json() {
    let Some(pair) = Real::near() else { return };
    let json = pair.collateral.to_json();
    let again = Collateral::from_json(&json).unwrap();
    assert_eq!(again.id(), pair.collateral.id());
    assert_eq!(again.to_json(), json);
    assert!(!json.contains("pck_certificate_chain"));
    for end in (0..json.len()).step_by(7) {
        assert!(Collateral::from_json(&json[..end]).is_err());
    }
}
