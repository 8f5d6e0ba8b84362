//! Collateral, logs and pins as somebody would hand them over who wants a verdict, or wants nobody to
//! have one.

use holobiont_attestation::{
    Ask, Binding, Collateral, CollateralParts, Marks, PckCa, Quote, TicketBinding, Verdict,
    distinct_platforms, match_pins_and_log,
};
use holobiont_enclave_simulated::{Fault, QuoteForm, Scene, SimulatedGuest, SimulatedImage};
use holobiont_identity::pins::{EventRule, RtmrRule};

use crate::{
    chains::{certificates, with_chain},
    support::codes,
};

const NOW_S: u64 = 1_800_000_000;

fn scene(form: QuoteForm) -> Scene {
    Scene::new(NOW_S, form, PckCa::Platform).unwrap()
}

/// The scene's collateral with a TCB info that nobody signed.
fn with_tcb_info(scene: &Scene, change: impl Fn(&mut serde_json::Value)) -> Collateral {
    let parts = scene.collateral.as_ref().unwrap().parts();
    let mut tcb_info = serde_json::from_str(&parts.tcb_info).unwrap();
    change(&mut tcb_info);
    Collateral::new(&CollateralParts { tcb_info: tcb_info.to_string(), ..parts }).unwrap()
}

fn verdict(scene: &Scene, collateral: &Collateral) -> Verdict {
    let ask = Ask { collateral: Some(collateral), ..scene.ask() };
    scene.verifier().verify(&scene.evidence, &ask)
}

/// `dcap-qvl` reads documents before it looks at their signatures, and what it says then repeats
/// what stands in them: words that mean something else where they stand elsewhere.
#[test]
fn an_unsigned_document_that_speaks_as_the_verifier_does_raises_no_marks() {
    for fault in [Fault::WrongSeamSigner, Fault::Debug] {
        for words in [
            "TDX module identity check",
            "TDX module",
            "Debug mode is enabled",
            "No matching TCB level found",
        ] {
            let scene = Scene::with_fault(NOW_S, fault).unwrap();
            let forged = with_tcb_info(&scene, |tcb_info| {
                tcb_info["tcbLevels"][0]["tcbStatus"] = words.into();
                tcb_info["tcbEvaluationDataNumber"] = u32::MAX.into();
                tcb_info["issueDate"] = "9999-01-01T00:00:00Z".into();
            });
            let verdict = verdict(&scene, &forged);
            assert_eq!(verdict.observed, Marks::default(), "{words}: {verdict}");
            // Whoever has better collateral may try that.
            let codes = codes(&verdict);
            assert!(codes.contains(&"tcb-info-signature"), "{words}: {verdict}");
        }
    }
}

#[test]
fn nothing_that_a_terminal_obeys_comes_out_of_a_document() {
    let scene = scene(QuoteForm::V4);
    let hostile = "\u{1b}[2J\u{1b}]0;trusted\u{7}";
    let forged =
        with_tcb_info(&scene, |tcb_info| tcb_info["tcbLevels"][0]["tcbStatus"] = hostile.into());
    let told = verdict(&scene, &forged).to_string();
    assert!(!told.contains(['\u{1b}', '\u{7}']), "{told:?}");
    let json = format!(r#"{{"{}": 1}}"#, "\\u001b[2J");
    let told = Collateral::from_json(&json).unwrap_err().to_string();
    assert!(!told.contains('\u{1b}'), "{told:?}");
}

/// Pins of one image whose programs differ, as in a rotation: only the event log tells them apart.
#[test]
fn of_pins_that_differ_in_events_alone_the_one_that_holds_is_found() {
    let mut scene = scene(QuoteForm::V5Td15);
    let image = SimulatedImage::new("scene", "ro quiet").measuring("program", b"v7");
    let platform = scene.guest.platform().clone();
    scene.show(SimulatedGuest::new(platform, image.clone(), QuoteForm::V5Td15)).unwrap();
    let pin = |version: &str| {
        let mut pin = image.pin(version);
        pin.rtmr[3] = RtmrRule::EventLog;
        let value = version.as_bytes().to_vec();
        pin.events = vec![EventRule { rtmr: 3, name: "program".to_owned(), value }];
        pin
    };
    for order in [["v6", "v7", "v8"], ["v7", "v6", "v8"], ["v8", "v6", "v7"]] {
        scene.pins.sets = order.map(pin).to_vec();
        let verdict = scene.verdict();
        assert!(verdict.admits(), "{verdict}");
        assert_eq!(verdict.pin.as_deref(), Some("v7"));
        let measured = verdict.measurements.unwrap();
        let log = scene.evidence.event_log.as_deref();
        let found = match_pins_and_log(&measured, log, &scene.pins, NOW_S);
        assert_eq!((found.matches(), found.pin.as_deref()), (true, Some("v7")));
    }
    // A pin that is over does not come back for its events.
    scene.pins.sets = ["v6", "v7"].map(pin).to_vec();
    scene.pins.sets[1].not_after_s = Some(NOW_S - 1);
    assert_eq!(scene.code(), Some("event-rule"));
}

#[test]
fn a_ticket_holds_in_its_time_and_no_verdict_outlives_it() {
    let mut scene = scene(QuoteForm::V4);
    let ticket = TicketBinding {
        simulated: true,
        peer: [1; 32],
        network: [2; 32],
        not_before_s: NOW_S,
        not_after_s: NOW_S + 60,
    };
    scene.binding = Binding::Ticket(ticket);
    scene.show(scene.guest.clone()).unwrap();
    scene.quote_made_s = Some(NOW_S - 5);
    for (now_s, code) in [
        (NOW_S - 1, Some("ticket-not-valid")),
        (NOW_S, None),
        (NOW_S + 60, None),
        (NOW_S + 61, Some("ticket-not-valid")),
    ] {
        scene.now_s = now_s;
        assert_eq!(scene.code(), code, "{now_s}: {}", scene.verdict());
    }
    scene.now_s = NOW_S;
    let ends = scene.verdict().expires.unwrap();
    assert_eq!((ends.at_s, ends.because.as_str()), (NOW_S + 60, "the ticket ends"));
}

/// A guest whose pins or binding nobody asked after may run anywhere, and show anybody's quote.
#[test]
fn only_admitted_guests_count_as_machines() {
    let scene = scene(QuoteForm::V4);
    let verify = |ask| scene.verifier().verify(&scene.evidence, &ask);
    let half_asked =
        [Ask { pins: None, ..scene.ask() }, Ask { binding: None, ..scene.ask() }].map(verify);
    assert!(half_asked.iter().all(Verdict::trusted));
    assert_eq!(distinct_platforms(&half_asked), 0);
    assert_eq!(distinct_platforms(&[scene.verdict()]), 1);
}

/// A host that holds the newer list back again must not make a revoked platform good.
#[test]
fn a_revocation_is_not_forgotten() {
    let scene = Scene::with_fault(1_800_000_000, Fault::PckRevoked).unwrap();
    let verdict = scene.verdict();
    assert_eq!(verdict.reason().unwrap().code(), "pck-certificate-revoked");
    assert_ne!(verdict.observed, Marks::default());
    // Where the one who signed is not to be believed, nothing is.
    for fault in [Fault::PckCaRevoked, Fault::TcbSignerRevoked, Fault::RootRevoked] {
        let scene = Scene::with_fault(1_800_000_000, fault).unwrap();
        assert_eq!(scene.verdict().observed, Marks::default(), "{fault:?}");
    }
}

/// Readers of PEM differ in what they take for a certificate: a section of another name in front must
/// not make another quote of it.
#[test]
fn what_stands_before_the_certificates_gives_a_quote_no_other_name() {
    let quote = scene(QuoteForm::V4).evidence.quote;
    let chain = certificates(&quote).concat();
    let before = "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n";
    let other = with_chain(&quote, &[before, &chain].concat());
    let identity = |quote: &[u8]| Quote::parse(quote).unwrap().identity();
    assert_eq!(identity(&other), identity(&quote));
}

/// Each part of a name is looked up in a long table: 32 KB of them took 17 ms.
#[test]
fn a_revocation_list_that_is_all_name_or_all_extensions_is_not_read() {
    let scene = scene(QuoteForm::V4);
    let parts = scene.collateral.as_ref().unwrap().parts();
    let part_of_name = tlv(0x31, &[&tlv(0x30, &[&[0x06, 3, 0x55, 4, 3], &[0x0c, 0]])]);
    let extension = tlv(0x30, &[&[6, 1, 0x2a], &[4, 0]]);
    for (names, extensions, why) in [
        (2000, 1, "its issuer's name is too long"),
        (1, 4000, "its list of extensions is too long"),
    ] {
        let algorithm = tlv(0x30, &[&[6, 1, 0x2a]]);
        let time = tlv(0x17, &[b"270101000000Z"]);
        let issuer = tlv(0x30, &[&part_of_name.repeat(names)]);
        let extensions = tlv(0xa0, &[&tlv(0x30, &[&extension.repeat(extensions)])]);
        let body = tlv(0x30, &[&[2, 1, 1], &algorithm, &issuer, &time, &time, &extensions]);
        let pck_crl = tlv(0x30, &[&body, &algorithm, &[3, 2, 0, 0]]);
        let refused = Collateral::new(&CollateralParts { pck_crl, ..parts.clone() }).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

/// DER of up to 64 KB.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = match content.len() {
        0..128 => vec![low],
        128..256 => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), &content].concat()
}
