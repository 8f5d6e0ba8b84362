//! Surfaces that grow while they are folded, and an output that has more than the fold.

use holobiont_policy::{Command, Roster};
use holobiont_replay::{
    Difference, Output, OutputStart, Replay, ReplayError, ResumedOutput, Snapshot, Surfaces,
};
use holobiont_surface::{Genesis, NewRecord, ReadOptions, Surface, SurfaceWriter, WriterOptions};
use proptest::prelude::*;

use crate::world::{Entry, Ledger, Outcome, World, days, organism};

fn world() -> World {
    let organism = organism("", &[("a", ""), ("b", "")]);
    World::new(organism, &[days(1..30), days((1..30).step_by(2))])
}

fn writer(world: &World, place: usize, folder: &str) -> SurfaceWriter {
    let genesis = Genesis {
        window_records: 4,
        max_window_bytes: 4096,
        ..Genesis::new(world.organism.members[place].surface_id())
    };
    let dir = world.path(folder).join(&world.organism.members[place].name);
    SurfaceWriter::create(&dir, genesis, WriterOptions { segment_bytes: 400 }).unwrap()
}

fn append(writer: &mut SurfaceWriter, entries: &[Entry]) {
    for (clock, closes_clock, payload) in entries {
        let record = NewRecord {
            clock: *clock,
            closes_clock: *closes_clock,
            time_ms: clock * 1000,
            kind: 1,
            payload: payload.as_bytes(),
        };
        writer.append(record).unwrap();
    }
}

fn views(writers: &[SurfaceWriter]) -> Vec<Vec<Surface>> {
    writers.iter().map(|writer| vec![writer.view()]).collect()
}

/// Folds commands over surfaces that grow just as far as the next command needs, and `more`.
fn folded_live(world: &World, commands: &[Command], entries: &[Vec<Entry>], more: u64) -> Outcome {
    let mut writers: Vec<_> =
        (0..entries.len()).map(|place| writer(world, place, "growing")).collect();
    let options = ReadOptions { budget_bytes: 64 << 10, ..ReadOptions::default() };
    let surfaces = Surfaces::of_views(&world.organism, views(&writers), options).unwrap();
    let replay = Replay::new(&world.organism, Roster::replay(), &surfaces, Ledger::new());
    let mut replay = replay.checking_heads().into_owned();
    drop(surfaces);
    let mut state = holobiont_policy::CommitteeState::new(&world.organism, Roster::replay());
    let genesis = Genesis::new(world.organism.output_surface_id());
    let out = world.path("growing-out");
    let mut output = SurfaceWriter::create(&out, genesis, WriterOptions::default()).unwrap();
    let mut in_hand = vec![0; entries.len()];
    for (index, command) in (1..).zip(commands) {
        for agreed in state.apply(index, command).agreed {
            let place = usize::from(agreed.head.member);
            let (writer, entries) = (&mut writers[place], &entries[place]);
            let to = (agreed.head.seq + 1 + more).min(entries.len() as u64);
            let from = writer.next_seq();
            if from < to {
                let range = usize::try_from(from).unwrap()..usize::try_from(to).unwrap();
                append(writer, &entries[range]);
            }
            if in_hand[place] <= agreed.head.seq {
                in_hand[place] = writer.next_seq();
                replay.renew(place, vec![writer.view()]).unwrap();
            }
        }
        replay.step(index, command, &mut output).unwrap();
    }
    let lines = replay.program().lines.lock().unwrap().clone();
    Outcome {
        head: Output::head(&mut output),
        state: replay.state_digest(),
        log: replay.log_digest(),
        lines,
        positions: replay.positions(),
        watermark: replay.state().watermark(),
        statuses: replay.state().members().iter().map(|member| member.status).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_surface_that_grows_folds_as_the_whole_one_does(
        steps in proptest::collection::vec(0_u64..4, 1..50),
        other in proptest::collection::vec(1_u64..3, 1..50),
        more in 0_u64..7,
    ) {
        let entries = |steps: Vec<u64>| -> Vec<Entry> {
            let mut clock = 1;
            let entry = |step: u64| {
                clock += step;
                (clock, false, format!("c{clock}"))
            };
            steps.into_iter().map(entry).collect()
        };
        let entries = [entries(steps), entries(other)];
        let world = World::new(organism("", &[("a", ""), ("b", "")]), &entries);
        let (whole, _) = world.replay("surfaces", "whole", &[], &[]);
        let commands = world.commands(&[]);
        prop_assert_eq!(folded_live(&world, &commands, &entries, more), whole);
    }
}

#[test]
fn a_view_that_is_missing_is_named() {
    let world = world();
    let views = views(&[writer(&world, 0, "growing")]);
    let refused = Surfaces::of_views(&world.organism, views, ReadOptions::default());
    assert!(matches!(refused, Err(ReplayError::Views { members: 2, views: 1 })));
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut replay = Replay::new(&world.organism, Roster::replay(), &surfaces, Ledger::new());
    assert!(matches!(replay.renew(2, vec![]), Err(ReplayError::Views { .. })));
}

/// Once from a snapshot, into an output that has all of it, or a part of what comes.
#[test]
fn what_is_published_again_is_compared_and_the_rest_appended() {
    let world = world();
    let (whole, snapshots) = world.replay("surfaces", "whole", &[], &[3, 9]);
    let published = Surface::open(&world.path("whole/surface")).unwrap();
    let mut stored = Vec::new();
    let mut cursor = published.cursor(0).unwrap();
    while let Some(record) = cursor.next_record().unwrap() {
        stored.push(record.stored().to_vec());
    }
    let commands = world.commands(&[]);
    let go_on = |snapshot: &Snapshot, output: &mut ResumedOutput| {
        let surfaces = world.surfaces("surfaces").unwrap();
        let replay = Replay::resume(&world.organism, &surfaces, Ledger::new(), snapshot);
        let mut replay = replay.unwrap();
        assert_eq!(snapshot.state_digest(), replay.state_digest());
        for (index, command) in (1..).zip(&commands) {
            if index > snapshot.log_index {
                replay.step(index, command, output)?;
            }
        }
        Ok::<_, ReplayError>(replay.state_digest())
    };
    for snapshot in &snapshots {
        let next_seq = usize::try_from(snapshot.output.next_seq).unwrap();
        for have in [next_seq, next_seq + 1, next_seq + 4, stored.len()] {
            let dir = tempfile::tempdir().unwrap();
            let genesis = Genesis::new(world.organism.output_surface_id());
            let options = WriterOptions::default();
            let mut writer = SurfaceWriter::create(dir.path(), genesis, options).unwrap();
            writer.append_stored(&stored[..have].concat(), |_, _| {}).unwrap();
            let mut output = ResumedOutput::new(writer, snapshot.output.next_seq).unwrap();
            assert_eq!(output.head(), snapshot.output.head());
            assert_eq!(output.start(), snapshot.output);
            assert_eq!(go_on(snapshot, &mut output).unwrap(), whole.state);
            assert_eq!((output.sync().unwrap(), output.view().mark()), (whole.head, whole.head));
            assert_eq!(output.start().next_seq, stored.len() as u64);
        }
    }
    // Another record where the fold comes by.
    let snapshot = &snapshots[0];
    let next_seq = usize::try_from(snapshot.output.next_seq).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let genesis = Genesis::new(world.organism.output_surface_id());
    let mut writer = SurfaceWriter::create(dir.path(), genesis, WriterOptions::default()).unwrap();
    writer.append_stored(&stored[..next_seq + 2].concat(), |_, _| {}).unwrap();
    let record = NewRecord { clock: 99, closes_clock: true, time_ms: 0, kind: 1, payload: b"x" };
    writer.append(record).unwrap();
    let mut output = ResumedOutput::new(writer, snapshot.output.next_seq).unwrap();
    let differs = go_on(snapshot, &mut output).unwrap_err();
    let seq = snapshot.output.next_seq + 2;
    assert!(
        matches!(&differs, ReplayError::Differs { difference: Difference::Record { seq: at, .. }, .. } if *at == seq),
        "{differs}"
    );
    // And the place itself must be one of the surface.
    let beyond = OutputStart { next_seq: 500, ..snapshot.output.clone() };
    let writer = SurfaceWriter::open(&world.path("whole/surface"), WriterOptions::default());
    let refused = ResumedOutput::new(writer.unwrap().0, beyond.next_seq);
    assert!(matches!(refused, Err(ReplayError::Output(_))));
}
