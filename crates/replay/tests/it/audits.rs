use holobiont_replay::{Difference, LogError, ReplayError};
use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};

use crate::world::{World, days, organism};

fn world() -> World {
    let world = World::new(organism("", &[("a", ""), ("b", "")]), &[days(1..=30), days(1..=30)]);
    world.replay("surfaces", "out", &[], &[]);
    world
}

/// Writes the published surface anew, each record as `change` leaves it, unless it drops it.
fn republish(world: &World, change: impl Fn(u64, &mut Vec<u8>) -> bool, extra: bool) {
    republish_as(world, Genesis::new(world.organism.output_surface_id()), change, extra);
}

/// The same, under another genesis.
pub(crate) fn republish_as(
    world: &World,
    genesis: Genesis,
    change: impl Fn(u64, &mut Vec<u8>) -> bool,
    extra: bool,
) {
    let dir = world.path("out").join("surface");
    let old = world.path("out").join("old");
    std::fs::rename(&dir, &old).unwrap();
    let surface = Surface::open(&old).unwrap();
    let mut writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default()).unwrap();
    let mut cursor = surface.cursor(0).unwrap();
    let mut last_clock = 0;
    while cursor.peek().unwrap().is_some() {
        let record = cursor.current().unwrap();
        let mut payload = record.payload().to_vec();
        if change(record.seq(), &mut payload) {
            let record = NewRecord {
                clock: record.clock(),
                closes_clock: record.closes_clock(),
                time_ms: record.time_ms(),
                kind: record.kind(),
                payload: &payload,
            };
            writer.append(record).unwrap();
            last_clock = record.clock;
        }
        cursor.advance();
    }
    if extra {
        let clock = last_clock + 1;
        let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 0, payload: &[] };
        writer.append(record).unwrap();
    }
    writer.sync().unwrap();
}

#[test]
fn an_honest_organism_passes() {
    let world = world();
    let audit = world.audit("out", None).unwrap();
    assert_eq!(audit.totals.records, 60);
    assert_eq!(audit.compared, u64::try_from(world.published("out").len()).unwrap());
    assert_eq!(audit.watermark, Some(30));
}

#[test]
fn a_commit_that_was_changed_is_named_by_cut_and_record() {
    let world = world();
    republish(
        &world,
        |seq, payload| {
            if seq == 20 {
                *payload.last_mut().unwrap() ^= 1;
            }
            true
        },
        false,
    );
    let error = world.audit("out", None).unwrap_err();
    let ReplayError::Differs { cut, difference } = error else { panic!("{error}") };
    assert_eq!(difference, Difference::Record { seq: 20, what: vec!["payload"] });
    assert_eq!(cut, 17, "four records of status come with the first cut");
}

#[test]
fn commits_left_out_or_added_are_found() {
    let cut_short = world();
    republish(&cut_short, |seq, _| seq < 25, false);
    let error = cut_short.audit("out", None).unwrap_err();
    assert!(
        matches!(
            error,
            ReplayError::Differs { difference: Difference::Missing { compared: 25 }, .. }
        ),
        "{error}"
    );
    let added = world();
    republish(&added, |_, _| true, true);
    let error = added.audit("out", None).unwrap_err();
    assert!(
        matches!(error, ReplayError::Differs { difference: Difference::Surplus { .. }, .. }),
        "{error}"
    );
}

#[test]
fn a_member_with_another_history_is_named_before_it_is_folded() {
    let world = world();
    std::fs::remove_dir_all(world.path("surfaces").join("b")).unwrap();
    let mut entries = days(1..=30);
    entries[11].2 = "forged".to_owned();
    world.write_surface("surfaces", 1, &entries, 1 << 20);
    let error = world.audit("out", None).unwrap_err();
    let ReplayError::HeadDiffers { cut, member, seq, what, .. } = error else { panic!("{error}") };
    assert_eq!((cut, member.as_str(), seq, what), (12, "b", 11, "head"));
}

#[test]
fn a_member_that_was_cut_short_is_named() {
    let world = world();
    std::fs::remove_dir_all(world.path("surfaces").join("b")).unwrap();
    world.write_surface("surfaces", 1, &days(1..=20), 1 << 20);
    let error = world.audit("out", None).unwrap_err();
    let ReplayError::SurfaceEnds { member, wanted_seq, next_seq, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((member.as_str(), wanted_seq, next_seq), ("b", 20, 20));
}

#[test]
fn every_damaged_byte_of_the_log_is_found() {
    let world = World::new(organism("", &[("a", "")]), &[days(1..=3)]);
    world.replay("surfaces", "out", &[], &[]);
    let file = world.path("out").join("cuts.log");
    let bytes = std::fs::read(&file).unwrap();
    for at in 0..bytes.len() {
        for mask in [1, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            std::fs::write(&file, damaged).unwrap();
            let error = world.audit("out", None).expect_err("byte {at}");
            let is_named = matches!(
                error,
                ReplayError::Log(
                    LogError::Damage { .. }
                        | LogError::Command { .. }
                        | LogError::UnknownVersion { .. }
                        | LogError::OtherOrganism { .. }
                )
            );
            assert!(is_named, "byte {at}: {error}");
        }
    }
    for end in 0..bytes.len() {
        std::fs::write(&file, &bytes[..end]).unwrap();
        let error = world.audit("out", None).expect_err("cut short");
        assert!(matches!(error, ReplayError::Log(LogError::Damage { .. })), "{end}: {error}");
    }
    std::fs::write(&file, [&bytes[..], b"x"].concat()).unwrap();
    assert!(world.audit("out", None).is_err());
}

#[test]
fn a_log_of_another_config_is_refused() {
    let mut world = world();
    world.organism = organism("[floor]\nnormal = 1", &[("a", ""), ("b", "")]);
    let error = world.audit("out", None).unwrap_err();
    assert!(matches!(error, ReplayError::Log(LogError::OtherOrganism { .. })), "{error}");
}
