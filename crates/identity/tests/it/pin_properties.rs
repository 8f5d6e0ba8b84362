use holobiont_identity::Organism;
use holobiont_identity::pins::{
    EventRule, MAX_EVENT_VALUE_BYTES, Measurement, Pin, PlatformKind, RtmrRule,
    SEPT_VE_DISABLE_ONLY, SIMULATED_MRTD_PREFIX, to_toml,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::organism::LEAST;
use crate::pins::{PINNED, pinned};
use crate::properties::shuffle;

/// 9999-12-31T23:59:59Z.
const LAST_MOMENT_S: u64 = 253_402_300_799;

fn register() -> impl Strategy<Value = Measurement> {
    (any::<[u8; 32]>(), any::<[u8; 15]>(), 1_u8..).prop_map(|(front, middle, last)| {
        let bytes = [&front[..], &middle, &[last]].concat();
        Measurement(bytes.try_into().unwrap())
    })
}

fn maybe_zero() -> impl Strategy<Value = Measurement> {
    prop_oneof![Just(Measurement::ZERO), register()]
}

fn event() -> impl Strategy<Value = EventRule> {
    let value = vec(any::<u8>(), 0..=MAX_EVENT_VALUE_BYTES);
    // Quotes, backslashes and what is beyond ASCII must come back too.
    (0_u8..4, "[ -~é😀]{1,20}", value).prop_map(|(rtmr, name, value)| EventRule {
        rtmr,
        name,
        value,
    })
}

prop_compose! {
    fn identities()(
        config in maybe_zero(),
        owner in maybe_zero(),
        owner_config in maybe_zero(),
        is_pks in any::<bool>(),
        xfam in any::<[u8; 8]>(),
        ignores_cet in any::<bool>(),
        platforms in btree_set(any::<[u8; 16]>(), 0..5),
        advisories in btree_set("INTEL-SA-[0-9]{5}", 0..5),
    ) -> Pin {
        let mut td_attributes = SEPT_VE_DISABLE_ONLY;
        td_attributes[3] |= if is_pks { 0x40 } else { 0 };
        let mut xfam = xfam;
        xfam[0] |= 3;
        Pin {
            mrconfigid: config,
            mrowner: owner,
            mrownerconfig: owner_config,
            td_attributes,
            xfam_ignores_cet: ignores_cet,
            platforms: platforms.into_iter().collect(),
            advisories: advisories.into_iter().collect(),
            ..Pin::new("", PlatformKind::Qemu, Measurement::ZERO, [Measurement::ZERO; 4], xfam)
        }
    }
}

prop_compose! {
    fn pin()(
        identities in identities(),
        label in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,62}",
        platform in proptest::sample::select(&PlatformKind::ALL[..]),
        mrtd in register(),
        rtmr in [register(), register(), register()],
        rtmr3 in proptest::option::of(maybe_zero()),
        window in [0..LAST_MOMENT_S, 0..LAST_MOMENT_S],
        bounds in any::<[bool; 2]>(),
        revoked in proptest::option::of("[ -~é😀]{1,40}"),
        events in vec(event(), 0..4),
    ) -> Pin {
        let [first, second, third] = rtmr.map(RtmrRule::Exact);
        let mut events = events;
        if rtmr3.is_none() {
            events.push(EventRule { rtmr: 3, name: "compose-hash".into(), value: vec![7] });
        }
        let mut mrtd = mrtd;
        if platform == PlatformKind::Simulated {
            mrtd.0[..8].copy_from_slice(&SIMULATED_MRTD_PREFIX);
        }
        let (from, until) = (window[0].min(window[1]), window[0].max(window[1]) + 1);
        Pin {
            label,
            platform,
            mrtd,
            rtmr: [first, second, third, rtmr3.map_or(RtmrRule::EventLog, RtmrRule::Exact)],
            not_before_s: bounds[0].then_some(from),
            not_after_s: bounds[1].then_some(until),
            revoked,
            events,
            ..identities
        }
    }
}

proptest! {
    #[test]
    fn written_pins_are_read_as_the_same(
        pins in vec(pin(), 1..4).prop_map(|mut pins| {
            for (number, pin) in pins.iter_mut().enumerate() {
                pin.label = format!("{number}{}", pin.label);
                pin.label.truncate(64);
            }
            pins
        }),
    ) {
        let text = to_toml(&pins);
        let source = format!("{LEAST}[[surface]]\nname = \"USD\"\n{text}");
        let organism = Organism::parse(&source).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(&organism.pins("USD").unwrap().sets, &pins);
        prop_assert_eq!(to_toml(&organism.pins("USD").unwrap().sets), text);
    }

    #[test]
    fn key_order_and_white_space_are_no_content(seed in any::<u64>()) {
        let shuffled = Organism::parse(&shuffle(PINNED, seed)).unwrap();
        prop_assert_eq!(shuffled.content_hash(), pinned().content_hash());
        prop_assert_eq!(shuffled, pinned());
    }

    #[test]
    fn a_measurement_is_bare_bytes_in_binary_and_hex_in_text(measurement in register()) {
        let bytes = postcard::to_stdvec(&measurement).unwrap();
        prop_assert_eq!(&bytes[..], &measurement.0[..]);
        prop_assert_eq!(postcard::from_bytes::<Measurement>(&bytes), Ok(measurement));
        prop_assert!(postcard::from_bytes::<Measurement>(&bytes[..47]).is_err());
        let json = serde_json::to_string(&measurement).unwrap();
        prop_assert_eq!(&json, &format!("\"{measurement}\""));
        prop_assert_eq!(serde_json::from_str::<Measurement>(&json).unwrap(), measurement);
    }
}
