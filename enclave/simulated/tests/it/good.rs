//! What is well is trusted, in every form, and only by those who trust this very Intel.

use holobiont_attestation::{
    Ask, Batch, Binding, Check, EventLog, Evidence, InspectBinding, Intel, Outcome, PckCa, Quote,
    QuoteProvider as _, TrustRoot as _, Verifier,
};
use holobiont_enclave_simulated::{
    QuoteForm, SIMULATED_FMSPC, Scene, SimulatedGuest, SimulatedImage, SimulatedIntel,
    SimulatedRoot, pins_for,
};
use holobiont_identity::pins::{EventRule, RtmrRule, SIMULATED_MRTD_PREFIX};

use crate::NOW_S;

const CAS: [PckCa; 2] = [PckCa::Platform, PckCa::Processor];

#[test]
fn every_form_under_either_ca_is_trusted_and_said_to_be_simulated() {
    for (form, ca) in QuoteForm::ALL.into_iter().flat_map(|form| CAS.map(|ca| (form, ca))) {
        let verdict = Scene::new(NOW_S, form, ca).unwrap().verdict();
        assert!(verdict.admits(), "{form:?} under {ca:?}: {verdict}");
        assert!(verdict.simulated);
        assert_eq!(verdict.pin.as_deref(), Some("image-0"));
        let platform = verdict.platform.unwrap();
        assert_eq!(platform.fmspc, *b"SIM\0\0\0");
        assert_eq!(platform.piid.is_some(), ca == PckCa::Platform);
    }
}

#[test]
fn dcap_qvl_alone_agrees_that_it_is_well() {
    for (form, ca) in QuoteForm::ALL.into_iter().flat_map(|form| CAS.map(|ca| (form, ca))) {
        let scene = Scene::new(NOW_S, form, ca).unwrap();
        let root = scene.intel.root().certificate_der().to_vec();
        let collateral: dcap_qvl::QuoteCollateralV3 =
            serde_json::from_str(&scene.collateral.as_ref().unwrap().to_json()).unwrap();
        let verifier = dcap_qvl::verify::QuoteVerifier::new(root);
        let report = verifier.verify(&scene.evidence.quote, &collateral, NOW_S).unwrap();
        assert_eq!((report.status.as_str(), report.advisory_ids.len()), ("UpToDate", 0));
    }
}

#[test]
fn the_certificate_describes_the_platform_as_intels_do() {
    for (ca, issuer) in CAS.into_iter().zip(["platform", "processor"]) {
        let scene = Scene::new(NOW_S, QuoteForm::V4, ca).unwrap();
        let quote = dcap_qvl::quote::Quote::parse(&scene.evidence.quote).unwrap();
        let chain = dcap_qvl::intel::extract_cert_chain(&quote).unwrap();
        let platform = dcap_qvl::intel::parse_pck_extension(&chain[0]).unwrap();
        assert_eq!(platform.ppid, b"SIMULATEPPID\0\0\0\0");
        assert_eq!((platform.fmspc, platform.pce_svn), (SIMULATED_FMSPC, 11));
        assert_eq!((platform.cpu_svn[0], platform.cpu_svn[7]), (4, 5));
        let instance = (ca == PckCa::Platform).then(|| scene.guest.platform().instance_id());
        assert_eq!(platform.platform_instance_id, instance.map(|id| id.to_vec()));
        let flags = [platform.dynamic_platform, platform.cached_keys, platform.smt_enabled];
        assert_eq!(flags, [instance.map(|_| true); 3]);
        assert_eq!(platform.sgx_type, u64::from(instance.is_some()));
        assert_eq!(dcap_qvl::intel::pck_ca(&chain[0]).unwrap().as_id_str(), issuer);
    }
}

#[test]
fn intels_own_root_refuses_it_whatever_the_form() {
    for form in QuoteForm::ALL {
        let scene = Scene::new(NOW_S, form, PckCa::Platform).unwrap();
        let verdict = Verifier::<Intel>::new().verify(&scene.evidence, &scene.ask());
        assert!(!verdict.admits());
        assert!(!verdict.simulated);
        let dcap = verdict.checks.iter().find(|result| result.check == Check::Dcap).unwrap();
        let Outcome::Failed(reasons) = &dcap.outcome else { panic!("{dcap:?}") };
        assert!(reasons.iter().any(|reason| reason.code() == "pck-chain-not-intel"), "{reasons:?}");
    }
}

#[test]
fn another_fake_intel_refuses_it() {
    let scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).unwrap();
    let other = SimulatedIntel::new(NOW_S).unwrap();
    let verdict = Verifier::with_root(other.root()).verify(&scene.evidence, &scene.ask());
    assert!(!verdict.admits());
    // And one that was told the root in bytes accepts it.
    let der = scene.intel.root().certificate_der().to_vec();
    let told = Verifier::with_root(SimulatedRoot::from_der(&der));
    assert!(told.verify(&scene.evidence, &scene.ask()).admits());
}

#[test]
fn it_can_be_made_early_and_late_and_not_beyond() {
    use holobiont_enclave_simulated::{MAX_NOW_S, MIN_NOW_S};
    for now_s in [MIN_NOW_S, MAX_NOW_S] {
        let verdict = Scene::new(now_s, QuoteForm::V4, PckCa::Platform).unwrap().verdict();
        assert!(verdict.admits(), "at {now_s}: {verdict}");
    }
    assert!(SimulatedIntel::new(MIN_NOW_S - 1).is_err());
    assert!(SimulatedIntel::new(MAX_NOW_S + 1).is_err());
}

#[test]
fn collateral_ends_after_its_life_and_can_be_issued_anew() {
    let mut scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).unwrap();
    scene.now_s = scene.collateral.as_ref().unwrap().expires().0;
    assert!(scene.verdict().admits());
    scene.now_s += 1;
    assert!(!scene.verdict().admits());
    scene.collateral = Some(scene.intel.collateral_at(PckCa::Platform, scene.now_s).unwrap());
    assert!(scene.verdict().admits());
}

#[test]
fn a_new_attestation_key_costs_two_signature_checks_and_a_known_one_costs_one() {
    let scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).unwrap();
    let verifier = scene.verifier();
    let fresh = |guest: &SimulatedGuest, challenge: u8| {
        let binding =
            Binding::Inspect(InspectBinding { simulated: true, challenge: [challenge; 32] });
        let quote = guest.quote(&binding.report_data()).unwrap();
        let evidence = Evidence { quote, event_log: None, batch: None };
        let ask = Ask { binding: Some(&binding), ..scene.ask() };
        let verdict = verifier.verify(&evidence, &ask);
        assert!(verdict.admits(), "{verdict}");
        verdict.signature_checks.fresh
    };
    assert_eq!(fresh(&scene.guest, 1), 9);
    assert_eq!(fresh(&scene.guest, 2), 1);
    let platform = scene.guest.platform().with_new_attestation_key().unwrap();
    let guest = SimulatedGuest::new(platform, scene.guest.image().clone(), QuoteForm::V5Td15);
    assert_eq!(fresh(&guest, 3), 2);
}

#[test]
fn images_measure_to_what_they_are_made_of() {
    let plain = SimulatedImage::new("node", "quiet");
    assert_eq!(plain, SimulatedImage::new("node", "quiet"));
    assert!(plain.mrtd().starts_with(&SIMULATED_MRTD_PREFIX));
    assert_ne!(plain.mrtd(), SimulatedImage::new("other", "quiet").mrtd());
    let log = EventLog::parse(&plain.event_log().unwrap()).unwrap();
    assert_eq!(log.replay(), plain.rtmrs());
    assert_eq!(plain.rtmrs()[3], [0; 48]);
    let line = log.events().iter().find(|event| event.label() == "kernel command line").unwrap();
    assert_eq!((line.rtmr, line.value.as_deref()), (2, Some(b"quiet".as_slice())));
}

#[test]
fn an_image_measures_to_its_golden_vector() {
    let plain = SimulatedImage::new("golden", "ro quiet");
    let running = plain.clone().measuring("program", b"v7");
    let log = plain.event_log().unwrap();
    let log_sha384 = ring::digest::digest(&ring::digest::SHA384, &log);
    let [rtmr0, rtmr1, rtmr2, _] = plain.rtmrs();
    let rows = [
        ("mrtd", plain.mrtd()),
        ("rtmr0", rtmr0),
        ("rtmr1", rtmr1),
        ("rtmr2", rtmr2),
        ("rtmr3", running.rtmrs()[3]),
        ("log_sha384", log_sha384.as_ref().try_into().unwrap()),
    ];
    let text: Vec<String> =
        rows.iter().map(|(name, bytes)| format!("{name} {}", hex::encode(bytes))).collect();
    let golden = include_str!("../vectors/image.txt").lines().filter(|line| !line.starts_with('#'));
    assert_eq!(text, golden.collect::<Vec<_>>());
}

#[test]
fn what_a_guest_measures_at_run_time_can_be_pinned_by_name() {
    let mut scene = Scene::new(NOW_S, QuoteForm::V5Td15, PckCa::Platform).unwrap();
    let image = SimulatedImage::new("scene", "ro quiet").measuring("program", b"v7");
    let platform = scene.guest.platform().clone();
    scene.show(SimulatedGuest::new(platform, image, QuoteForm::V5Td15)).unwrap();
    scene.pins = pins_for("scene", &[&scene.guest]);
    let pin = &mut scene.pins.sets[0];
    pin.rtmr[3] = RtmrRule::EventLog;
    pin.events = vec![EventRule { rtmr: 3, name: "program".to_owned(), value: b"v7".to_vec() }];
    let verdict = scene.verdict();
    assert!(verdict.admits(), "{verdict}");
    scene.pins.sets[0].events[0].value = b"v8".to_vec();
    assert_eq!(scene.verdict().reason().map(|reason| reason.code()), Some("event-rule"));
}

#[test]
fn one_quote_answers_a_batch() {
    let mut scene = Scene::new(NOW_S, QuoteForm::V4, PckCa::Platform).unwrap();
    let other = Binding::Inspect(InspectBinding { simulated: true, challenge: [9; 32] });
    let batch = Batch::new(vec![other.leaf(), scene.binding.leaf()], true).unwrap();
    scene.evidence.quote = scene.guest.quote(&batch.report_data()).unwrap();
    scene.evidence.batch = batch.path(0);
    assert_eq!(scene.verdict().reason().map(|reason| reason.code()), Some("report-data"));
    scene.evidence.batch = batch.path(1);
    assert!(scene.verdict().admits());
}

#[test]
fn quotes_say_who_they_are() {
    let scene = Scene::new(NOW_S, QuoteForm::V5Td15Extended, PckCa::Platform).unwrap();
    let quote = Quote::parse(&scene.evidence.quote).unwrap();
    assert_eq!(quote.measurements().mrtd, scene.guest.image().mrtd());
    assert_eq!(quote.measurements().rtmr, scene.guest.image().rtmrs());
    assert_eq!(quote.measurements().mrservicetd, Some([0; 48]));
    let chain = String::from_utf8(quote.pck_chain_pem().unwrap().to_vec()).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);
}
