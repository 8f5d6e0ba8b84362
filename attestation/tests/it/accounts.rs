//! What a verdict costs: signatures, counted.

use holobiont_attestation::{
    Marks, PckCa, QuoteProvider as _, SignatureChecks, TrustRoot as _, Verifier,
};
use holobiont_enclave_simulated::{Fault, QuoteForm, Scene, SimulatedGuest};

use crate::support::{NEAR_NOW_S, Real, bare, codes};

/// No refusal may cost more: nine checks, and a look at each signature to say which is wrong.
const MOST_CHECKS: u32 = 18;

#[test]
fn a_real_quote_costs_nine_checks_and_then_none() {
    let Some(pair) = Real::near() else { return };
    let verifier = Verifier::new();
    let checks = |verifier| pair.verdict(verifier, NEAR_NOW_S).signature_checks;
    assert_eq!(checks(&verifier), SignatureChecks { fresh: 9, remembered: 0 });
    assert_eq!(checks(&verifier), SignatureChecks { fresh: 0, remembered: 9 });
    // Another verifier has its own memory.
    assert_eq!(checks(&Verifier::new()).fresh, 9);
}

#[test]
fn a_known_platform_costs_two_checks_and_a_known_attestation_key_one() {
    for form in QuoteForm::ALL {
        let mut scene = Scene::new(1_800_000_000, form, PckCa::Platform).unwrap();
        let verifier = scene.verifier();
        let fresh = |scene: &Scene| {
            let verdict = verifier.verify(&scene.evidence, &scene.ask());
            assert!(verdict.trusted(), "{form:?}: {verdict}");
            verdict.signature_checks.fresh
        };
        assert_eq!(fresh(&scene), 9, "{form:?}");
        assert_eq!(fresh(&scene), 0, "{form:?}: the same quote");
        scene.show(scene.guest.clone()).unwrap();
        assert_eq!(fresh(&scene), 1, "{form:?}: another quote of the same key");
        let renewed = scene.guest.platform().with_new_attestation_key().unwrap();
        scene.show(SimulatedGuest::new(renewed, scene.guest.image().clone(), form)).unwrap();
        assert_eq!(fresh(&scene), 2, "{form:?}: the same machine with another key");
        let other = scene.intel.platform(1, PckCa::Platform).unwrap();
        scene.show(SimulatedGuest::new(other, scene.guest.image().clone(), form)).unwrap();
        assert_eq!(fresh(&scene), 3, "{form:?}: another machine of the same CA");
    }
}

/// What is remembered is that signatures hold: time goes on.
#[test]
fn a_known_quote_is_judged_by_the_time_and_the_marks_again() {
    let Some(pair) = Real::near() else { return };
    let verifier = Verifier::new();
    let good = pair.verdict(&verifier, NEAR_NOW_S);
    assert!(good.trusted(), "{good}");
    let late = pair.verdict(&verifier, good.expires.unwrap().at_s + 1);
    assert!(late.reason().unwrap().code().ends_with("-expired"));
    let ahead = Marks::at_least(NEAR_NOW_S + 1);
    let early = verifier.verify(&pair.evidence, &pair.ask(NEAR_NOW_S, &ahead));
    assert_eq!(codes(&early), ["clock-below-floor"]);
}

#[test]
fn no_refusal_costs_more_than_a_few_checks_more() {
    for fault in Fault::ALL {
        let scene = Scene::with_fault(1_800_000_000, *fault).unwrap();
        let fresh = scene.verdict().signature_checks.fresh;
        assert!(fresh <= MOST_CHECKS, "{fault:?} costs {fresh} checks");
    }
}

/// A chain as long as a quote may be costs nothing: it is refused by its shape.
#[test]
fn a_long_chain_is_refused_before_any_signature() {
    let scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Platform).unwrap();
    let root = scene.intel.root();
    let quote = scene.guest.quote(&scene.binding.report_data()).unwrap();
    let chain = holobiont_attestation::Quote::parse(&quote).unwrap();
    let chain = chain.pck_chain_pem().unwrap();
    let at = quote.windows(chain.len()).position(|window| window == chain).unwrap();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    for times in [2, 30] {
        let longer = chain.repeat(times);
        let mut bytes = [&quote[..at], &longer].concat();
        let grown = longer.len() - chain.len();
        // The chain's own length, the QE certification's around it, and the signature section's.
        for (field, wide) in [(at - 4, longer.len()), (632 + 4 + 128 + 2, 0), (632, 0)] {
            let old = u32::from_le_bytes(bytes[field..field + 4].try_into().unwrap());
            let new = if wide > 0 { wide } else { usize::try_from(old).unwrap() + grown };
            bytes[field..field + 4].copy_from_slice(&length(new));
        }
        let verdict = scene.verifier().verify(&bare(bytes), &scene.ask());
        assert_eq!(verdict.reason().unwrap().code(), "pck-chain-not-intel", "{verdict}");
        assert_eq!(verdict.signature_checks.fresh, 0, "{times}: {}", root.certificate_der().len());
    }
}

#[test]
fn intels_verifier_takes_nothing_of_a_simulated_intel() {
    for form in QuoteForm::ALL {
        let scene = Scene::new(1_800_000_000, form, PckCa::Platform).unwrap();
        let verdict = Verifier::new().verify(&scene.evidence, &scene.ask());
        assert!(!verdict.simulated);
        assert_eq!(verdict.reason().unwrap().code(), "pck-chain-not-intel", "{verdict}");
        assert!(codes(&verdict).contains(&"simulated-bit"), "{verdict}");
        assert!(codes(&verdict).contains(&"pin-other-world"), "{verdict}");
        assert!(scene.verdict().simulated);
    }
}
