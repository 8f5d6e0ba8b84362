//! Nothing goes back: evaluation numbers, revocation lists, time.

use holobiont_attestation::{Marks, Verifier};

use crate::support::{NEAR_NOW_S, Real, codes};

const OLDER: (&str, &str, u64) =
    ("dcap-qvl/tdx_quote", "dcap-qvl/tdx_quote_collateral.json", 1_750_329_148);

#[test]
fn what_a_newer_verdict_saw_refuses_older_collateral() {
    let (Some(newer), Some(older)) = (Real::near(), Real::new(OLDER.0, OLDER.1)) else { return };
    let verifier = Verifier::new();
    let verdict = older.verdict(&verifier, OLDER.2);
    assert!(verdict.trusted(), "{verdict}");
    let mut marks = verdict.observed;
    let seen = newer.verdict(&verifier, NEAR_NOW_S);
    assert!(seen.trusted(), "{seen}");
    marks.raise(&seen.observed);
    // Both are of one platform model.
    let verdict = verifier.verify(&older.evidence, &older.ask(OLDER.2, &marks));
    let codes = codes(&verdict);
    assert!(codes.contains(&"evaluation-number-rolled-back"), "{verdict}");
    assert!(codes.contains(&"clock-below-floor"), "{verdict}");
    // And the marks do not stand in the way of what raised them.
    assert!(verifier.verify(&newer.evidence, &newer.ask(NEAR_NOW_S, &marks)).trusted());
}

#[test]
fn the_floor_is_the_latest_date_that_something_was_signed_with() {
    let Some(pair) = Real::near() else { return };
    let observed = pair.verdict(&Verifier::new(), NEAR_NOW_S).observed;
    let latest = pair.collateral.artefacts().iter().map(|part| part.issued_s).max().unwrap();
    assert_eq!(observed.floor_s(), latest);
    let marks = Marks::decode(&observed.encode()).unwrap();
    assert!(Verifier::new().verify(&pair.evidence, &pair.ask(latest, &marks)).trusted());
    let verdict = Verifier::new().verify(&pair.evidence, &pair.ask(latest - 1, &marks));
    assert_eq!(verdict.reason().unwrap().code(), "clock-below-floor", "{verdict}");
}

/// A verdict about a quote that is not believed proves nothing about time.
#[test]
fn a_refused_signature_raises_no_marks() {
    let Some(mut pair) = Real::near() else { return };
    let last = 48 + 584 - 1;
    pair.evidence.quote[last] ^= 1;
    let verdict = pair.verdict(&Verifier::new(), NEAR_NOW_S);
    assert_eq!(verdict.reason().unwrap().code(), "quote-signature", "{verdict}");
    assert_eq!(verdict.observed, Marks::default());
}
