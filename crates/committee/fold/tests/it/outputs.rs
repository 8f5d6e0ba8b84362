//! The organism's own surface over restarts: what is published again is what was published.

use std::fs;

use holobiont_committee_fold::{FoldError, FoldSnapshot, FolderStart};
use holobiont_surface::{Genesis, NewRecord, SurfaceWriter, WriterOptions};

use crate::world::{Follower, World, days, try_folder};

fn world() -> World {
    let mut world = World::new(vec![days(20, 1), days(20, 1)]);
    for _ in 0..5 {
        world.grow(0, 4);
        world.grow(1, 4);
        world.agree(&[0, 1]);
        world.tick();
    }
    world
}

/// A node that has folded everything, and its snapshots.
fn folded(world: &World) -> Vec<FoldSnapshot> {
    let mut node = Follower::open(world, "node", None);
    let mut snapshots: Vec<FoldSnapshot> = Vec::new();
    for (index, payload) in &world.entries {
        node.push_fed(world, *index, payload);
        let snapshot = node.folder().snapshot().unwrap();
        if snapshots.last().map_or(0, |last| last.cut) < snapshot.cut {
            snapshots.push(snapshot);
        }
    }
    node.folder().sync().unwrap();
    snapshots
}

fn start(snapshot: &FoldSnapshot) -> FolderStart<'_> {
    FolderStart::Snapshot { machine: &snapshot.machine, replay: &snapshot.replay }
}

/// Folds on from a snapshot with the output that is there.
fn go_on(world: &World, snapshot: &FoldSnapshot) -> (Follower, Option<FoldError>) {
    let mut node = Follower::open(world, "node", Some(start(snapshot)));
    for (index, payload) in world.entries.iter().filter(|(index, _)| *index > snapshot.log_index) {
        if let Err(error) = node.folder().push(*index, payload) {
            return (node, Some(error));
        }
    }
    (node, None)
}

#[test]
fn from_every_snapshot_the_same_is_published_and_then_more() {
    let world = world();
    let snapshots = folded(&world);
    let (_, records) = world.offline();
    assert!(snapshots.len() >= 5);
    for snapshot in &snapshots {
        let (mut node, error) = go_on(&world, snapshot);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(node.output().1, records);
        // While it compares it tells of what it has folded, not of what lies there.
        drop(node);
        let mut node = Follower::open(&world, "node", Some(start(snapshot)));
        let (cut, log_index) = (snapshot.cut, snapshot.log_index);
        let again = node.folder().snapshot().unwrap();
        assert_eq!((again.cut, again.log_index), (cut, log_index));
        assert_eq!(again.replay, snapshot.replay);
        assert_eq!(again.machine, snapshot.machine);
    }
}

#[test]
fn what_differs_from_what_was_published_ends_the_fold() {
    let world = world();
    let snapshots = folded(&world);
    let output = world.dir.path().join("node/output");
    // The same records up to the last but one, then another.
    let (_, records) = world.offline();
    fs::remove_dir_all(&output).unwrap();
    let genesis = Genesis::new(world.organism.output_surface_id());
    let mut writer = SurfaceWriter::create(&output, genesis, WriterOptions::default()).unwrap();
    let (last, before) = records.split_last().unwrap();
    writer.append_stored(&before.concat(), |_, _| {}).unwrap();
    let last = holobiont_surface::Record::decode(last).unwrap();
    writer
        .append(NewRecord {
            clock: last.clock(),
            closes_clock: last.closes_clock(),
            time_ms: last.time_ms(),
            kind: last.kind(),
            payload: b"another",
        })
        .unwrap();
    writer.sync().unwrap();
    drop(writer);
    let (mut node, error) = go_on(&world, &snapshots[0]);
    assert!(matches!(error, Some(FoldError::OutputDiffers { .. })), "{error:?}");
    assert!(matches!(node.folder().poll(), Err(FoldError::Poisoned)));
    assert!(matches!(node.folder().snapshot(), Err(FoldError::Poisoned)));
}

#[test]
fn an_output_of_another_past_is_refused_and_one_that_ends_before_is_put_aside() {
    let world = world();
    let snapshots = folded(&world);
    let (_, records) = world.offline();
    let output = world.dir.path().join("node/output");
    let last = snapshots.last().unwrap();
    // It has lost its output: a new one begins where the snapshot was made.
    fs::rename(&output, world.dir.path().join("kept")).unwrap();
    let (mut node, error) = go_on(&world, last);
    assert!(error.is_none());
    node.folder().sync().unwrap();
    let view = node.folder().output();
    assert_eq!(view.next_seq(), records.len() as u64);
    let head = view.mark();
    drop(node);
    // It is shorter than the snapshot.
    fs::remove_dir_all(&output).unwrap();
    let genesis = Genesis::new(world.organism.output_surface_id());
    let mut writer =
        SurfaceWriter::create(&output, genesis.clone(), WriterOptions::default()).unwrap();
    writer.append_stored(&records[..2].concat(), |_, _| {}).unwrap();
    writer.sync().unwrap();
    drop(writer);
    let (mut node, error) = go_on(&world, last);
    assert!(error.is_none());
    assert_eq!(node.folder().sync().unwrap(), head);
    assert!(world.dir.path().join("node/output.aside-0").is_dir());
    let copies = std::sync::Arc::clone(&node.copies);
    drop(node);
    // It has other records below the snapshot.
    fs::remove_dir_all(&output).unwrap();
    let mut writer = SurfaceWriter::create(&output, genesis, WriterOptions::default()).unwrap();
    for clock in 0..records.len() as u64 {
        let record =
            NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload: b"other" };
        writer.append(record).unwrap();
    }
    writer.sync().unwrap();
    drop(writer);
    let dir = world.dir.path().join("node");
    let refused = try_folder(&world, &copies, &dir, Some(start(last)));
    assert!(matches!(refused, Err(FoldError::OutputForked { .. })), "{refused:?}");
}

#[test]
fn a_fold_starts_anew_in_place_and_entries_are_taken_in_turn() {
    let world = world();
    let snapshots = folded(&world);
    let (expected, records) = world.offline();
    let mut node = Follower::open(&world, "node", None);
    assert!(matches!(node.folder().poll(), Err(FoldError::NothingWaits)));
    let (index, payload) = &world.entries[0];
    assert!(node.push(*index, payload));
    let again = node.folder().push(*index, payload);
    assert!(matches!(again, Err(FoldError::Machine(_))), "{again:?}");
    let folder = node.folder.take().unwrap();
    node.folder = Some(folder.restart(start(&snapshots[2])).unwrap());
    for (index, payload) in
        world.entries.iter().filter(|(index, _)| *index > snapshots[2].log_index)
    {
        assert!(node.push(*index, payload));
    }
    assert!(node.statements.iter().all(|(cut, statement)| expected[cut] == *statement));
    assert_eq!(node.output().1, records);
    assert!(node.folder().may_take_up(&world.other).is_ok());
    let text = include_str!("settings.toml");
    let other = holobiont_identity::Organism::parse(text).unwrap();
    assert!(node.folder().may_take_up(&other).is_err());
}

#[test]
fn while_an_entry_waits_no_other_is_taken() {
    let world = world();
    let mut node = Follower::open(&world, "node", None);
    let mut entries = world.entries.iter();
    let waits = entries.by_ref().find(|(index, payload)| !node.push(*index, payload));
    let index = waits.unwrap().0;
    let (next, payload) = entries.next().unwrap();
    let refused = node.folder().push(*next, payload);
    assert!(matches!(refused, Err(FoldError::Waits { index: at }) if at == index), "{refused:?}");
    assert!(matches!(node.folder().snapshot(), Err(FoldError::Waits { .. })));
    let needs = node.waits.clone().unwrap();
    assert_eq!(needs.iter().map(|need| need.seq).collect::<Vec<_>>(), [3, 3]);
    for need in &needs {
        assert!(!node.poll());
        node.feed(&world, need.member, need.seq + 1);
    }
    assert!(node.poll());
}
