//! Real quotes with real collateral: what a full DCAP check must say of each pair.

use holobiont_attestation::{Check, Marks, Outcome, Verifier};
use serde_json::Value;

use crate::{
    quotes::real,
    support::{Real, codes},
};

fn cases() -> Vec<Value> {
    let Some(text) = real("expected.json") else { return Vec::new() };
    let expected: Value = serde_json::from_slice(&text).unwrap();
    expected["cases"].as_array().unwrap().clone()
}

fn pair(case: &Value) -> (Real, String) {
    let (quote, collateral) =
        (case["quote"].as_str().unwrap(), case["collateral"].as_str().unwrap());
    (Real::new(quote, collateral).unwrap(), format!("{quote} with {collateral}"))
}

fn second(case: &Value, key: &str) -> u64 {
    case[key].as_u64().unwrap()
}

/// The code for what `dcap-qvl` says, where it says it of the very same thing.
fn code(error: &str) -> &'static str {
    match error {
        "No matching TCB level found" => "tcb-level-none",
        "Debug mode is enabled" => "td-debug",
        "SEPT_VE_DISABLE is not enabled" => "sept-ve-disable-off",
        "Invalid MR service TD" => "service-td",
        // It takes the PCK chain of the collateral for the quote's; we never do.
        "Signature is invalid for qe_report in quote" => "collateral-other-platform",
        text if text.contains("CertNotValidYet") => "pck-certificate-not-yet-valid",
        other => panic!("no code for `{other}`"),
    }
}

#[test]
fn every_pair_has_its_result() {
    for case in cases() {
        let (pair, name) = pair(&case);
        let verdict = pair.verdict(&Verifier::new(), second(&case, "now"));
        if case["result"] == "error" {
            assert!(!verdict.trusted(), "{name}");
            let wanted = code(case["error"].as_str().unwrap());
            assert!(codes(&verdict).contains(&wanted), "{name}: {verdict}");
            continue;
        }
        let tcb = verdict.tcb.as_ref().unwrap_or_else(|| panic!("{name}: {verdict}"));
        assert_eq!(tcb.status.as_str(), case["status"], "{name}");
        assert_eq!(tcb.platform_status.as_str(), case["platform_status"], "{name}");
        assert_eq!(tcb.qe_status.as_str(), case["qe_status"], "{name}");
        assert_eq!(Value::from(tcb.advisories.clone()), case["advisories"], "{name}");
        assert_eq!(
            u64::from(tcb.evaluation_number),
            second(&case, "tcb_eval_data_number"),
            "{name}"
        );
        // What is out of date has advisories, and the pin accepts none.
        let wanted: &[&str] =
            if tcb.advisories.is_empty() { &[] } else { &["advisory-not-allowed"] };
        assert_eq!(codes(&verdict), wanted, "{name}: {verdict}");
    }
}

#[test]
fn an_accepted_pair_holds_to_its_last_second_and_no_longer() {
    for case in cases().iter().filter(|case| case["result"] == "ok") {
        let (mut pair, name) = pair(case);
        let verifier = Verifier::new();
        let now_s = second(case, "now");
        let open = pair.verdict(&verifier, now_s).tcb.unwrap().advisories;
        pair.pins.sets[0].advisories = open;
        let verdict = pair.verdict(&verifier, now_s);
        assert!(verdict.trusted(), "{name}: {verdict}");
        let expiry = verdict.expires.unwrap();
        // A revocation list does not hold at its nextUpdate itself.
        let documented_s = second(case, "earliest_expiry");
        assert!((documented_s - 1..=documented_s).contains(&expiry.at_s), "{name}: {expiry:?}");
        for good_s in [second(case, "latest_issue"), expiry.at_s] {
            let verdict = pair.verdict(&verifier, good_s);
            assert!(verdict.trusted(), "{name} at {good_s}: {verdict}");
        }
        for bad_s in [expiry.at_s + 1, documented_s + 1] {
            let verdict = pair.verdict(&verifier, bad_s);
            assert!(!verdict.trusted(), "{name} at {bad_s}");
            let code = verdict.reason().unwrap().code();
            assert!(code.ends_with("-expired"), "{name}: {code}");
        }
    }
}

/// The pin does not save a guest that its host can look into, and DCAP holds for it all the same.
#[test]
fn what_the_host_may_do_to_a_guest_is_said_by_the_attributes_check() {
    for case in cases() {
        let (pair, name) = pair(&case);
        let Some(
            "Debug mode is enabled" | "SEPT_VE_DISABLE is not enabled" | "Invalid MR service TD",
        ) = case["error"].as_str()
        else {
            continue;
        };
        let verdict = pair.verdict(&Verifier::new(), second(&case, "now"));
        let dcap = verdict.outcome(Check::Dcap).unwrap();
        let attributes = verdict.outcome(Check::Attributes).unwrap();
        // One pair's collateral is of another platform's model, too.
        if !matches!(dcap, Outcome::Failed(_)) {
            assert!(matches!(dcap, Outcome::NotRun(_)), "{name}: {verdict}");
            assert_ne!(verdict.observed, Marks::default(), "{name}");
        }
        assert!(matches!(attributes, Outcome::Failed(_)), "{name}: {verdict}");
    }
}

/// Azure's guests keep their registers in a virtual TPM: a pin of zeros, which no file can hold,
/// would be every such guest there is.
#[test]
fn a_guest_without_measurements_never_matches() {
    let Some(pair) = Real::new("trustee-az/td-quote.bin", "derived/gcp-00806f050000-2025-10.json")
    else {
        return;
    };
    let verdict = pair.verdict(&Verifier::new(), 1_760_896_131);
    assert!(codes(&verdict).contains(&"unmeasured"), "{verdict}");
}
