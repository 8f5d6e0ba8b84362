//! Whole sets: and inside of one, or across them.

use holobiont_attestation::{Measurements, PckCa, match_pins};
use holobiont_enclave_simulated::{QuoteForm, Scene};
use holobiont_identity::pins::{Measurement, Pin, PlatformKind, RtmrRule, SurfacePins, TcbRules};
use proptest::{collection::vec, option, prelude::*};

/// Ten registers of a quote, each with one of two values.
type Values = [bool; 10];

fn measured(values: Values) -> Measurements {
    let register = |at: usize| [if values[at] { 1 } else { 2 }; 48];
    let mut xfam = [0xe7, 2, 6, 0, 0, 0, 0, 0];
    if values[9] {
        xfam[2] ^= 1;
    }
    Measurements {
        tee_tcb_svn: [0; 16],
        mrseam: [0; 48],
        mrsignerseam: [0; 48],
        seam_attributes: [0; 8],
        td_attributes: [0, 0, 0, if values[8] { 0x10 } else { 0x50 }, 0, 0, 0, 0],
        xfam,
        mrtd: register(0),
        mrconfigid: register(5),
        mrowner: register(6),
        mrownerconfig: register(7),
        rtmr: [register(1), register(2), register(3), register(4)],
        report_data: [0; 64],
        tee_tcb_svn2: None,
        mrservicetd: None,
    }
}

#[derive(Debug, Clone)]
struct Set {
    values: Values,
    not_before_s: Option<u64>,
    not_after_s: Option<u64>,
    revoked: bool,
}

impl Set {
    fn accepts(&self, values: Values, now_s: u64) -> bool {
        self.values == values
            && !self.revoked
            && self.not_before_s.is_none_or(|start| now_s >= start)
            && self.not_after_s.is_none_or(|end| now_s <= end)
    }

    fn pin(&self, label: String) -> Pin {
        let from = measured(self.values);
        let rtmr = from.rtmr.map(Measurement);
        let mrtd = Measurement(from.mrtd);
        let mut pin = Pin::new(label, PlatformKind::Qemu, mrtd, rtmr, from.xfam);
        pin.mrconfigid = Measurement(from.mrconfigid);
        pin.mrowner = Measurement(from.mrowner);
        pin.mrownerconfig = Measurement(from.mrownerconfig);
        pin.td_attributes = from.td_attributes;
        (pin.not_before_s, pin.not_after_s) = (self.not_before_s, self.not_after_s);
        pin.revoked = self.revoked.then(|| "the build leaked".to_owned());
        pin
    }
}

fn some_set() -> impl Strategy<Value = Set> {
    // Mostly alike, so that cross products of near misses are common.
    let values = vec(prop::bool::weighted(0.8), 10);
    let time = || option::weighted(0.3, 0_u64..10);
    (values, time(), time(), prop::bool::weighted(0.2)).prop_map(
        |(values, not_before_s, not_after_s, revoked)| Set {
            values: values.try_into().unwrap(),
            not_before_s,
            not_after_s,
            revoked,
        },
    )
}

fn surface(sets: &[Set]) -> SurfacePins {
    let pins = sets.iter().enumerate().map(|(at, set)| set.pin(at.to_string()));
    SurfacePins {
        surface: "prices".to_owned(),
        tcb: TcbRules::default(),
        min_distinct_platforms: None,
        sets: pins.collect(),
    }
}

proptest! {
    #[test]
    fn a_guest_matches_where_one_whole_set_does(
        sets in vec(some_set(), 0..6),
        quote in vec(prop::bool::weighted(0.8), 10),
        now_s in 0_u64..10,
    ) {
        let values: Values = quote.try_into().unwrap();
        let found = match_pins(&measured(values), &surface(&sets), now_s);
        let wanted = sets.iter().any(|set| set.accepts(values, now_s));
        prop_assert_eq!(found.matches(), wanted, "{:?}", found.reasons);
        // The pin named is one that accepts, or as near as any.
        let Some(label) = found.pin else {
            prop_assert!(sets.is_empty());
            return Ok(());
        };
        let named = &sets[label.parse::<usize>().unwrap()];
        prop_assert_eq!(named.accepts(values, now_s), wanted);
        let differing = |set: &Set| (0..10).filter(|at| set.values[*at] != values[*at]).count();
        prop_assert!(sets.iter().all(|set| differing(named) <= differing(set)));
        let rows = found.comparison.iter().filter(|row| !row.matches).count();
        prop_assert_eq!(rows, differing(named));
        prop_assert_eq!(found.comparison.len(), 10);
    }
}

#[test]
fn the_halves_of_two_sets_are_no_set() {
    let mut halves = [measured([true; 10]), measured([true; 10])];
    halves[1].mrtd = [9; 48];
    halves[1].rtmr[2] = [9; 48];
    let set = |m: &Measurements, label: &str| {
        let rtmr = m.rtmr.map(Measurement);
        let mut pin = Pin::new(label, PlatformKind::Qemu, Measurement(m.mrtd), rtmr, m.xfam);
        pin.mrconfigid = Measurement(m.mrconfigid);
        pin.mrowner = Measurement(m.mrowner);
        pin.mrownerconfig = Measurement(m.mrownerconfig);
        pin
    };
    let mut pins = surface(&[]);
    pins.sets = vec![set(&halves[0], "old"), set(&halves[1], "new")];
    assert!(match_pins(&halves[0], &pins, 0).matches());
    assert!(match_pins(&halves[1], &pins, 0).matches());
    let mut mixed = halves[0].clone();
    mixed.mrtd = halves[1].mrtd;
    let found = match_pins(&mixed, &pins, 0);
    assert_eq!(found.pin.as_deref(), Some("old"));
    let text = found.reasons[0].to_string();
    assert!(text.contains("`old`, differs in mrtd"), "{text}");
}

#[test]
fn cet_may_differ_only_where_the_pin_says_so() {
    let mut pins = surface(&[Set {
        values: [true; 10],
        not_before_s: None,
        not_after_s: None,
        revoked: false,
    }]);
    let mut guest = measured([true; 10]);
    guest.xfam[1] ^= 0x18;
    assert_eq!(match_pins(&guest, &pins, 0).reasons[0].code(), "xfam-mismatch");
    pins.sets[0].xfam_ignores_cet = true;
    assert!(match_pins(&guest, &pins, 0).matches());
    guest.xfam[1] ^= 0x20;
    assert!(!match_pins(&guest, &pins, 0).matches());
}

#[test]
fn a_register_left_to_an_event_log_without_rules_matches_nothing() {
    let mut pins = surface(&[Set {
        values: [true; 10],
        not_before_s: None,
        not_after_s: None,
        revoked: false,
    }]);
    pins.sets[0].rtmr[3] = RtmrRule::EventLog;
    let guest = measured([true; 10]);
    assert_eq!(match_pins(&guest, &pins, 0).reasons[0].code(), "measurements-mismatch");
}

/// What the nearest pin is also depends on what a quote alone cannot tell.
#[test]
fn a_pin_that_lists_the_machine_wins_over_one_that_does_not() {
    let mut scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Platform).unwrap();
    let mut elsewhere = scene.pins.sets[0].clone();
    elsewhere.label = "elsewhere".to_owned();
    elsewhere.platforms = vec![[9; 16]];
    scene.pins.sets.insert(0, elsewhere);
    let verdict = scene.verdict();
    assert!(verdict.admits(), "{verdict}");
    assert_eq!(verdict.pin.as_deref(), Some("image-0"));
    scene.pins.sets.truncate(1);
    assert_eq!(scene.code(), Some("platform-not-listed"));
}

#[test]
fn a_verdict_without_pins_or_binding_opens_no_door() {
    let scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Platform).unwrap();
    let verifier = scene.verifier();
    let verify = |ask| verifier.verify(&scene.evidence, &ask);
    assert!(verify(scene.ask()).admits());
    for ask in [
        holobiont_attestation::Ask { pins: None, ..scene.ask() },
        holobiont_attestation::Ask { binding: None, ..scene.ask() },
    ] {
        let verdict = verify(ask);
        assert!(verdict.trusted() && !verdict.admits(), "{verdict}");
    }
}

#[test]
fn a_verdict_ends_with_the_pin_and_with_the_age_of_the_quote() {
    let mut scene = Scene::new(1_800_000_000, QuoteForm::V4, PckCa::Platform).unwrap();
    let expiry = |scene: &Scene| scene.verdict().expires.unwrap();
    let age = scene.pins.tcb.max_quote_age_s;
    assert_eq!(expiry(&scene).at_s, scene.now_s + age);
    scene.pins.sets[0].not_after_s = Some(scene.now_s + 60);
    let ends = expiry(&scene);
    assert_eq!((ends.at_s, ends.because.as_str()), (scene.now_s + 60, "pin `image-0` ends"));
}
