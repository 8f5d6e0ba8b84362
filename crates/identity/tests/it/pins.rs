//! Pins as they are written in `organism.toml`.

use std::collections::BTreeSet;

use holobiont_identity::Organism;
use holobiont_identity::pins::{
    EventRule, Measurement, Pin, PlatformKind, RtmrRule, SEPT_VE_DISABLE_ONLY, TcbRules, TcbStatus,
};

use crate::organism::EXAMPLE;
use crate::vectors::assert_frozen;

pub(crate) const PINNED: &str = include_str!("../vectors/pinned.toml");

pub(crate) fn pinned() -> Organism {
    Organism::parse(PINNED).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_fingerprints_are_frozen() {
    let organism = pinned();
    let policy = |surface| organism.pins(surface).unwrap().policy_hash().to_string();
    let now = [
        ("acl", hex::encode(organism.acl_bytes())),
        ("content_hash", organism.content_hash().to_string()),
        ("policy_hash USD", policy("USD")),
        ("policy_hash GBP", policy("GBP")),
        ("policy_hash committee", policy("committee")),
    ];
    assert_frozen("pinned.txt", include_str!("../vectors/pinned.txt"), &now);
}

#[test]
fn an_organism_without_pins_keeps_the_hash_it_had() {
    let mut organism = pinned();
    organism.surfaces.clear();
    let before = Organism::parse(EXAMPLE).unwrap();
    assert_eq!(organism.acl_bytes(), before.acl_bytes());
    assert_eq!(organism.content_hash(), before.content_hash());
    // Pins are the acl's: what the organism computes is the same, and so is who it is.
    assert_eq!(pinned().content_bytes(), before.content_bytes());
    assert_eq!(pinned().stable_id(), before.stable_id());
    // And with them, version 2 is version 1 and then the surfaces.
    let (old, new) = (before.acl_bytes(), pinned().acl_bytes());
    assert_eq!((old[0], new[0]), (1, 2));
    assert_eq!(new[1..old.len()], old[1..]);
}

#[test]
fn the_policy_hash_is_that_of_the_documentation() {
    let organism = pinned();
    let pins = organism.pins("committee").unwrap();
    let encoding = postcard::to_stdvec(pins).unwrap();
    let mut bytes = b"holobiont-pins|\x01".to_vec();
    bytes.extend(u32::try_from(encoding.len()).unwrap().to_le_bytes());
    bytes.extend(encoding);
    assert_eq!(pins.policy_hash().as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn every_key_is_read() {
    let organism = pinned();
    let register = |byte: u8| Measurement([byte; 48]);
    let exact = |bytes: [u8; 3]| bytes.map(|byte| RtmrRule::Exact(register(byte)));
    let usd = organism.pins("USD").unwrap();
    assert_eq!(usd.min_distinct_platforms, Some(2));
    assert_eq!(
        usd.tcb,
        TcbRules {
            allowed: vec![TcbStatus::UpToDate, TcbStatus::SwHardeningNeeded, TcbStatus::OutOfDate],
            out_of_date_grace_s: 2_592_000,
            max_quote_age_s: 86_400,
        }
    );
    let xfam = [0xe7, 0, 6, 0, 0, 0, 0, 0];
    let rtmr = [register(0xa2), register(0xa3), register(0xa4), Measurement::ZERO];
    assert_eq!(
        usd.sets[0],
        Pin {
            not_after_s: Some(1_796_083_200),
            advisories: vec!["INTEL-SA-00837".into(), "INTEL-SA-01036".into()],
            ..Pin::new("feed-2026-10", PlatformKind::GoogleCloud, register(0xa1), rtmr, xfam)
        }
    );
    let [b2, b3, b4] = exact([0xb2, 0xb3, 0xb4]);
    let config: Vec<u8> = [&[1][..], &[0xc1; 32], &[0; 15]].concat();
    let event = |name: &str, value: Vec<u8>| EventRule { rtmr: 3, name: name.into(), value };
    assert_eq!(
        usd.sets[1],
        Pin {
            label: "feed-2026-11".into(),
            platform: PlatformKind::Dstack,
            mrtd: register(0xb1),
            rtmr: [b2, b3, b4, RtmrRule::EventLog],
            mrconfigid: Measurement(config.try_into().unwrap()),
            mrowner: register(0xc2),
            mrownerconfig: register(0xc3),
            td_attributes: [0, 0, 0, 0x50, 0, 0, 0, 0],
            xfam: [0xe7, 0x1a, 6, 0, 0, 0, 0, 0],
            xfam_ignores_cet: true,
            platforms: vec![[0xd1; 16], [0xd2; 16]],
            advisories: vec![],
            not_before_s: Some(1_795_521_600),
            not_after_s: None,
            revoked: None,
            events: vec![event("compose-hash", vec![0xe1; 32]), event("system-preparing", vec![])],
        }
    );
    let committee = organism.pins("committee").unwrap();
    assert_eq!(committee.tcb, TcbRules::default());
    assert_eq!(committee.sets[0].td_attributes, SEPT_VE_DISABLE_ONLY);
    assert_eq!(committee.sets[0].revoked.as_deref(), Some("its boot key leaked on 2026-11-20"));
    assert_eq!(organism.pins("GBP").unwrap().sets[0].platform, PlatformKind::Simulated);
    assert_eq!(organism.pins("EUR"), None);
}

#[test]
fn a_default_written_out_changes_nothing() {
    let defaults = format!(
        "mrconfigid = \"zero\"\nmrowner = \"{}\"\ntd_attributes = \"0000001000000000\"\n\
         xfam_ignores_cet = false\nplatforms = []\nadvisories = []\nevents = []\nlabel = \"node-2\"",
        "0".repeat(96)
    );
    let spelled_out = PINNED
        .replace("label = \"node-2\"", &defaults)
        .replace(
            "name = \"GBP\"\n\n[[surface.pins]]",
            "name = \"GBP\"\n[surface.tcb]\n\
                  allowed = [\"UpToDate\"]\nout_of_date_grace_s = 0\nmax_quote_age_s = 604800\n\
                  [[surface.pins]]",
        )
        .replace("2026-11-24T13:00:00+01:00", "2026-11-24 12:00:00Z")
        .replace(&"a1".repeat(48), &"A1".repeat(48));
    assert_eq!(Organism::parse(&spelled_out).unwrap().content_hash(), pinned().content_hash());
}

/// One change of each thing that pins say.
const CHANGES: &[fn(&mut Organism)] = &[
    |o| o.surfaces.swap(0, 1),
    |o| o.surfaces.truncate(1),
    |o| o.surfaces[0].surface.push('2'),
    |o| o.surfaces[0].min_distinct_platforms = None,
    |o| o.surfaces[0].min_distinct_platforms = Some(3),
    |o| o.surfaces[0].tcb.allowed.truncate(1),
    |o| o.surfaces[0].tcb.allowed[1] = TcbStatus::ConfigurationNeeded,
    |o| o.surfaces[0].tcb.out_of_date_grace_s += 1,
    |o| o.surfaces[0].tcb.max_quote_age_s += 1,
    |o| o.surfaces[0].sets.swap(0, 1),
    |o| o.surfaces[0].sets.truncate(1),
    |o| o.surfaces[0].sets[0].label.push('2'),
    |o| o.surfaces[0].sets[0].platform = PlatformKind::Qemu,
    |o| o.surfaces[0].sets[0].mrtd.0[47] ^= 1,
    |o| o.surfaces[0].sets[0].rtmr[0] = RtmrRule::EventLog,
    |o| o.surfaces[0].sets[0].rtmr[0] = RtmrRule::Exact(Measurement([0xa1; 48])),
    |o| o.surfaces[0].sets[0].rtmr[1] = RtmrRule::Exact(Measurement([0xa1; 48])),
    |o| o.surfaces[0].sets[0].rtmr[2] = RtmrRule::Exact(Measurement([0xa1; 48])),
    |o| o.surfaces[0].sets[0].rtmr[3] = RtmrRule::Exact(Measurement([0xa1; 48])),
    |o| o.surfaces[0].sets[0].mrconfigid.0[0] ^= 1,
    |o| o.surfaces[0].sets[0].mrowner.0[0] ^= 1,
    |o| o.surfaces[0].sets[0].mrownerconfig.0[0] ^= 1,
    |o| o.surfaces[0].sets[0].td_attributes[3] ^= 0x40,
    |o| o.surfaces[0].sets[0].xfam[1] ^= 8,
    |o| o.surfaces[0].sets[0].xfam_ignores_cet = true,
    |o| o.surfaces[0].sets[0].platforms.push([0; 16]),
    |o| o.surfaces[0].sets[1].platforms[1][15] ^= 1,
    |o| o.surfaces[0].sets[0].advisories.truncate(1),
    |o| o.surfaces[0].sets[0].advisories[0].push('2'),
    |o| o.surfaces[0].sets[0].not_before_s = Some(0),
    |o| o.surfaces[0].sets[0].not_after_s = None,
    |o| o.surfaces[0].sets[0].revoked = Some("why".into()),
    |o| o.surfaces[0].sets[1].events.swap(0, 1),
    |o| o.surfaces[0].sets[1].events[0].rtmr = 2,
    |o| o.surfaces[0].sets[1].events[0].name.push('2'),
    |o| o.surfaces[0].sets[1].events[0].value.push(2),
];

#[test]
fn every_change_moves_the_content_hash_and_the_policy_hash() {
    let before = pinned();
    let policies = |organism: &Organism| -> Vec<_> {
        organism.surfaces.iter().map(|pins| pins.policy_hash()).collect()
    };
    let mut hashes = BTreeSet::from([before.content_hash()]);
    let mut rules = BTreeSet::from([policies(&before)]);
    for (number, change) in CHANGES.iter().enumerate() {
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(after.content_bytes(), before.content_bytes(), "change {number}");
        assert!(hashes.insert(after.content_hash()), "change {number} is not in the content hash");
        assert!(rules.insert(policies(&after)), "change {number} is not in the policy hash");
    }
}

#[test]
fn the_unwise_is_named() {
    assert_eq!(pinned().warnings(), Vec::<String>::new());
    let warned = |from: &str, to: &str, part: &str| {
        assert!(PINNED.contains(from), "the vector has {from}");
        let source = PINNED.replace(from, to);
        let organism = Organism::parse(&source).unwrap_or_else(|error| panic!("{error}"));
        let said = organism.warnings().join("\n");
        assert!(said.contains(part), "wanted {part:?}, got {said:?}");
    };
    warned(
        "2026-11-24T13:00:00+01:00",
        "2026-12-02T00:00:00Z",
        "no pin of surface `USD` holds from 2026-12-01T00:00:01Z to 2026-12-01T23:59:59Z",
    );
    warned("out_of_date_grace_s = 2_592_000\n", "", "no platform that is out of date is accepted");
    warned("2_592_000", "2_592_000_0", "for 300 days");
    warned(", \"OutOfDate\"", "", "it changes nothing");
    let tcb = "allowed = [\"UpToDate\", \"SWHardeningNeeded\", \"OutOfDate\"]\n\
               out_of_date_grace_s = 2_592_000\n";
    warned(tcb, "", "pins of surface `USD` accept advisories");
    warned("min_distinct_platforms = 3\n", "", "one machine may host all nodes");
    warned(
        "label = \"node-2\"",
        "label = \"node-2\"\nrevoked = \"also\"",
        "nothing is ever accepted",
    );
    let usd =
        PINNED.find("[[surface]]").unwrap()..PINNED.find("[[surface]]\nname = \"GBP\"").unwrap();
    warned(&PINNED[usd], "", "[[surface]] has no `USD`");
}
