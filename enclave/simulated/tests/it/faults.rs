//! Each fault is refused for its own reason, and for nothing before it.

use std::collections::BTreeSet;

use holobiont_attestation::{Ask, Marks, PckCa};
use holobiont_enclave_simulated::{
    Fault, QuoteForm, Scene, SimulatedGuest, SimulatedImage, SimulatedIntel, pins_for,
};
use holobiont_identity::pins::TcbStatus;

use crate::NOW_S;

#[test]
fn every_fault_is_refused_for_its_own_reason() {
    let wrong: Vec<String> = Fault::ALL
        .iter()
        .filter_map(|fault| {
            let scene = Scene::with_fault(NOW_S, *fault).unwrap();
            let (wanted, code) = (fault.expected_code(), scene.code());
            (code != Some(wanted))
                .then(|| format!("{fault:?}: {wanted} wanted, {code:?} given\n{}", scene.verdict()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_fault_is_one_thing_and_the_rest_is_well() {
    let more = |fault: &Fault| -> &[&str] {
        match fault {
            // One certificate signs both documents.
            Fault::TcbSignerBelow => &["qe-identity-signer-signature"],
            // No pin has attributes like these.
            Fault::Debug
            | Fault::Profiling
            | Fault::ReservedAttributes
            | Fault::Migratable
            | Fault::SeptVeDisableOff
            | Fault::ServiceTdExtension => &["td-attributes-mismatch"],
            _ => &[],
        }
    };
    let wrong: Vec<String> = Fault::ALL
        .iter()
        .filter_map(|fault| {
            let verdict = Scene::with_fault(NOW_S, *fault).unwrap().verdict();
            let codes = verdict.reasons().map(|reason| reason.code());
            let others: BTreeSet<_> = codes.filter(|code| *code != fault.expected_code()).collect();
            let expected: BTreeSet<_> = more(fault).iter().copied().collect();
            (others != expected).then(|| format!("{fault:?}: also {others:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A status, and the fault that has it.
const STATUSES: [(TcbStatus, Fault); 7] = [
    (TcbStatus::SwHardeningNeeded, Fault::SwHardeningNeeded),
    (TcbStatus::ConfigurationNeeded, Fault::ConfigurationNeeded),
    (TcbStatus::ConfigurationAndSwHardeningNeeded, Fault::ConfigurationAndSwHardeningNeeded),
    (TcbStatus::OutOfDate, Fault::OutOfDate),
    (TcbStatus::OutOfDateConfigurationNeeded, Fault::OutOfDateConfigurationNeeded),
    (TcbStatus::TdRelaunchAdvised, Fault::TdRelaunchAdvised),
    (TcbStatus::TdRelaunchAdvisedConfigurationNeeded, Fault::TdRelaunchAdvisedConfigurationNeeded),
];

#[test]
fn every_status_is_the_one_it_is_called_and_is_accepted_where_it_is_allowed() {
    for (status, fault) in STATUSES {
        let mut scene = Scene::with_fault(NOW_S, fault).unwrap();
        assert_eq!(scene.verdict().tcb.map(|tcb| tcb.status), Some(status));
        scene.pins.tcb.allowed = vec![TcbStatus::UpToDate, status];
        scene.pins.tcb.out_of_date_grace_s = 365 * 86_400;
        let verdict = scene.verdict();
        assert!(verdict.admits(), "{status}: {verdict}");
    }
    let named: BTreeSet<_> = STATUSES.map(|(status, _)| status).into_iter().collect();
    assert_eq!(named.len() + 1, TcbStatus::ALL.len());
}

#[test]
fn a_revoked_platform_is_refused_whatever_is_allowed() {
    for fault in [Fault::TcbRevoked, Fault::ModuleRevoked, Fault::QeRevoked] {
        let mut scene = Scene::with_fault(NOW_S, fault).unwrap();
        scene.pins.tcb.allowed = TcbStatus::ALL.to_vec();
        scene.pins.tcb.out_of_date_grace_s = u64::MAX;
        assert_eq!(scene.code(), Some("tcb-revoked"), "{fault:?}");
    }
}

#[test]
fn what_was_seen_before_is_what_refuses_a_step_back() {
    for fault in [
        Fault::TcbEvaluationRolledBack,
        Fault::QeEvaluationRolledBack,
        Fault::RootCrlRolledBack,
        Fault::PckCrlRolledBack,
        Fault::ClockBelowFloor,
    ] {
        let scene = Scene::with_fault(NOW_S, fault).unwrap();
        let ask = Ask { marks: &Marks::default(), ..scene.ask() };
        let verdict = scene.verifier().verify(&scene.evidence, &ask);
        assert!(verdict.admits(), "{fault:?}: {verdict}");
    }
}

#[test]
fn pins_outside_of_their_window_are_right_inside_of_it() {
    for (fault, inside_s) in
        [(Fault::PinNotYetValid, NOW_S + 2 * 86_400), (Fault::PinExpired, NOW_S - 86_400)]
    {
        let mut scene = Scene::with_fault(NOW_S, fault).unwrap();
        scene.now_s = inside_s;
        let verdict = scene.verdict();
        assert!(verdict.admits(), "{fault:?}: {verdict}");
    }
}

#[test]
fn one_machine_of_a_good_intel_can_be_the_faulty_one() {
    let intel = SimulatedIntel::new(NOW_S).unwrap();
    let image = || SimulatedImage::new("node", "quiet");
    let guest = |platform| SimulatedGuest::new(platform, image(), QuoteForm::V4);
    let good = guest(intel.platform(0, PckCa::Platform).unwrap());
    let bad = guest(intel.faulty_platform(1, PckCa::Platform, Fault::Debug).unwrap());

    let mut scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).unwrap();
    scene.collateral = Some(intel.collateral(PckCa::Platform).unwrap());
    scene.intel = intel;
    scene.pins = pins_for("committee", &[&good, &bad]);
    for (guest, code) in [(good, None), (bad, Some("td-debug"))] {
        scene.show(guest).unwrap();
        assert_eq!(scene.code(), code);
    }
}

#[test]
fn guests_on_two_machines_are_told_apart() {
    let mut scene = Scene::with_fault(NOW_S, Fault::TooFewPlatforms).unwrap();
    let first = scene.verdict();
    let other = scene.intel.platform(1, PckCa::Platform).unwrap();
    scene.show(SimulatedGuest::new(other, scene.guest.image().clone(), QuoteForm::V4)).unwrap();
    let committee = [first, scene.verdict()];
    assert_eq!(holobiont_attestation::distinct_platforms(&committee), 2);
    assert!(holobiont_attestation::check_distinct_platforms(&committee, &scene.pins).is_ok());
}
