//! Configuration files: read as a whole and the same each time, or refused with places inside.

use std::sync::LazyLock;

use holobiont_identity::pins::SurfacePins;
use holobiont_identity::{Coalition, ConfigError, Organism, ReplayOrder};

static EXAMPLE: LazyLock<Organism> = LazyLock::new(|| {
    let source = include_str!("../../crates/identity/tests/vectors/organism.toml");
    Organism::parse(source).expect("the example is sound")
});

/// The input as each of the files.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Organism::parse(text) {
        Ok(organism) => sound_organism(&organism, text),
        Err(error) => refused(&error, text),
    }
    match Coalition::parse(text) {
        Ok(coalition) => {
            assert_eq!(Coalition::parse(text).as_ref(), Ok(&coalition));
            assert_ne!(coalition.root(), coalition.ticket_issuer_root());
            let root = coalition.module_root("atlas");
            assert_eq!(root, coalition.root().derive("module").derive("atlas"));
            assert!(!coalition.document_bytes().is_empty());
            let fingerprint = coalition.document_fingerprint();
            assert_ne!(fingerprint.as_bytes(), coalition.coalition_id().as_bytes());
        }
        Err(error) => refused(&error, text),
    }
    match ReplayOrder::parse(text, &EXAMPLE) {
        Ok(orders) => assert_eq!(ReplayOrder::parse(text, &EXAMPLE), Ok(orders)),
        Err(error) => refused(&error, text),
    }
}

fn sound_organism(organism: &Organism, text: &str) {
    let again = Organism::parse(text).expect("what was read once");
    assert_eq!(&again, organism);
    assert_eq!(again.stable_id(), organism.stable_id());
    assert_eq!(again.content_hash(), organism.content_hash());
    assert_eq!(again.output_surface_id(), organism.output_surface_id());
    assert_eq!(again.content_bytes(), organism.content_bytes());
    assert_eq!(again.acl_bytes(), organism.acl_bytes());
    assert!(organism.warnings().iter().all(|warning| !warning.is_empty()));
    for pins in &organism.surfaces {
        assert_eq!(organism.pins(&pins.surface), Some(pins));
        let hash = again.pins(&pins.surface).map(SurfacePins::policy_hash);
        assert_eq!(hash, Some(pins.policy_hash()));
        assert!(pins.sets.iter().all(|pin| !pin.mrtd.is_zero()), "a pin leaves nothing open");
    }
    assert!(!organism.members.is_empty());
    for member in &organism.members {
        for clock in [0, 1, 10_595, u64::MAX - 1, u64::MAX] {
            let closed = member.clock.closed(clock);
            assert!(closed <= Some(member.clock.organism_clock(clock)));
        }
        assert_ne!(member.surface_id(), organism.output_surface_id());
    }
}

/// A refusal says something, and shows only places that are there.
fn refused(error: &ConfigError, text: &str) {
    assert!(!error.problems.is_empty() && !error.to_string().is_empty());
    for problem in &error.problems {
        let is_inside = problem.span.clone().is_none_or(|span| text.get(span).is_some());
        assert!(is_inside, "{problem:?}");
        assert!(!problem.message.is_empty());
    }
}
