use holobiont_identity::{
    Acl, Alignment, ClockRule, Floor, MemberPolicy, OnGap, OnLateData, OnMismatch, OnStall,
    Organism, Setting, Then, TickConfig, UniqueId,
};

use crate::vectors::assert_frozen;

pub(crate) const EXAMPLE: &str = include_str!("../vectors/organism.toml");

pub(crate) const LEAST: &str = r#"
version = 1
name = "least"
[program]
name = "cross-feed"
version = 3
[[member]]
name = "USD"
stable_id = "ecb.euro-fx.USD"
surface = "rates"
policy = { max_advance = 7 }
"#;

pub(crate) fn example() -> Organism {
    Organism::parse(EXAMPLE).expect("the example is right")
}

#[test]
fn the_fingerprints_are_frozen() {
    let organism = example();
    let now = [
        ("stable_id", organism.stable_id().to_string()),
        ("output_surface_id", organism.output_surface_id().to_string()),
        ("content", hex::encode(organism.content_bytes())),
        ("acl", hex::encode(organism.acl_bytes())),
        ("content_hash", organism.content_hash().to_string()),
    ];
    assert_frozen("organism.txt", include_str!("../vectors/organism.txt"), &now);
}

#[test]
fn the_stable_id_is_that_of_the_specification() {
    let organism = example();
    let mut bytes = b"organism|\x01|".to_vec();
    bytes.extend(15_u32.to_le_bytes());
    bytes.extend(b"signals.euro-fx");
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(blake3::hash(b"ecb.euro-fx.USD").as_bytes());
    bytes.extend(organism.members[1].stable_id.as_bytes());
    assert_eq!(organism.stable_id().as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn the_content_hash_is_that_of_the_specification() {
    let organism = example();
    let mut bytes = b"organism-content|\x01".to_vec();
    bytes.extend(organism.stable_id().as_bytes());
    for section in [organism.content_bytes(), organism.acl_bytes()] {
        bytes.extend(u32::try_from(section.len()).unwrap().to_le_bytes());
        bytes.extend(section);
    }
    assert_eq!(organism.content_hash().as_bytes(), blake3::hash(&bytes).as_bytes());
}

#[test]
fn every_key_is_read() {
    let organism = example();
    assert_eq!(organism.program.settings["window"], Setting::Integer(60));
    assert_eq!(organism.floor, Floor { normal: 12, halt_below: 10 });
    assert_eq!(organism.tolerate_leaked_keys, 1);
    let [usd, gbp] = organism.members.as_slice() else { panic!("two members") };
    assert_eq!(usd.start, Some(10_595));
    assert_eq!(usd.ticket_issuers.len(), 1);
    assert_eq!(
        usd.policy,
        MemberPolicy {
            on_stall: OnStall::Carry { carry_for: 30, then: Then::Skip },
            availability_parts_per_billion: Some(995_000_000),
            weight: 10,
            late_after: 2,
            ..MemberPolicy::new(31)
        }
    );
    assert_eq!(gbp.clock, ClockRule { offset: 7, divide: 32 });
    assert_eq!(
        gbp.policy,
        MemberPolicy {
            on_late_data: OnLateData::Drop,
            on_gap: OnGap::Skip,
            on_mismatch: OnMismatch::Hold,
            weight: 2,
            late_after: 2,
            max_lag: Some(5),
            ..MemberPolicy::new(62)
        }
    );
    assert_eq!(organism.acl.orders_need, 2);
    assert_eq!(organism.acl.operators[1].key, [0x55; 32]);
}

#[test]
fn absent_keys_have_their_defaults() {
    let organism = Organism::parse(LEAST).unwrap();
    assert_eq!(organism.align, Alignment::Clock);
    assert_eq!(organism.floor, Floor::default());
    assert_eq!(
        organism.ticks,
        TickConfig { tick_ms: 250, checkpoint_every: 1000, offer_timeout: 40 }
    );
    assert_eq!((organism.tolerate_leaked_keys, &organism.acl), (0, &Acl::default()));
    assert_eq!(organism.members[0].policy, MemberPolicy::new(7));
    assert_eq!(organism.members[0].stable_id, UniqueId::from_name("ecb.euro-fx.USD"));

    let spelled_out = LEAST.replace("version = 3", "version = 3\n[ticks]\ntick_ms = 250");
    let spelled_out = Organism::parse(&spelled_out).unwrap();
    assert_eq!(spelled_out.content_hash(), organism.content_hash());
}

#[test]
fn a_member_that_skips_ignores_the_shared_carry() {
    let source = LEAST.replace("policy = { max_advance = 7 }", "policy.on_stall = \"skip\"")
        + "[policy]\non_stall = \"carry\"\ncarry_for = 3\nthen = \"hold\"\nmax_advance = 7";
    let organism = Organism::parse(&source).unwrap();
    assert_eq!(organism.members[0].policy.on_stall, OnStall::Skip);

    let source = source.replace("on_stall = \"skip\"", "carry_for = 9");
    let carry = OnStall::Carry { carry_for: 9, then: Then::Hold };
    assert_eq!(Organism::parse(&source).unwrap().members[0].policy.on_stall, carry);
}

#[test]
fn one_member_may_be_read_on_two_surfaces() {
    let second = "[[member]]\nname = \"b\"\nstable_id = \"ecb.euro-fx.USD\"\nsurface = \"news\"\n\
                  policy.max_advance = 1\n";
    let organism = Organism::parse(&format!("{LEAST}{second}")).unwrap();
    assert_eq!(organism.members[0].id(), organism.members[1].id());
    assert_ne!(organism.members[0].surface_id(), organism.members[1].surface_id());
}

#[test]
fn the_last_clock_closes_itself() {
    let rule = ClockRule { offset: 3, divide: 10 };
    assert_eq!(rule.organism_clock(u64::MAX), u64::MAX / 10);
    assert_eq!(rule.closed(0), None);
    assert_eq!(rule.closed(6), Some(0));
    assert_eq!(rule.closed(u64::MAX), Some(u64::MAX / 10));
    assert_eq!(ClockRule::default().closed(5), Some(5));
}

#[test]
fn the_unwise_is_named() {
    let warnings = Organism::parse(LEAST).unwrap().warnings().join("\n");
    assert!(warnings.contains("no member has a `start`"), "{warnings}");
    assert!(warnings.contains("a committee would take no order"), "{warnings}");

    let skip = LEAST.replace("{ max_advance = 7 }", "{ max_advance = 7, on_stall = \"skip\" }");
    let floor = "[floor]\nnormal = 5\nhalt_below = 2\n[[member]]";
    let skip = skip.replace("[[member]]", floor);
    let warnings = Organism::parse(&skip).unwrap().warnings().join("\n");
    for part in ["every member may be skipped", "no commit is ever normal", "nothing is ever taken"]
    {
        assert!(warnings.contains(part), "{part}: {warnings}");
    }
    assert_eq!(example().warnings(), Vec::<String>::new());
}
