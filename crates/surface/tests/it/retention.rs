use std::fs;

use holobiont_surface::{Damage, Retained, Surface, SurfaceError, SurfaceWriter};

use crate::common::{
    SMALL, append, expected_heads, files, genesis, has_extension, read_all, surface,
};

#[test]
fn drops_whole_segments_in_front_and_the_rest_still_verifies() {
    let heads = expected_heads(&genesis(), 80);
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 60, 60);
    let before = Surface::open(dir.path()).unwrap();
    let third = before.segments().nth(2).unwrap().clone();
    let mut late_reader = before.cursor(0).unwrap();

    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    let none = writer.retain_from(third.first_seq - third.first_seq).unwrap();
    assert_eq!(none, Retained { dropped_segments: 0, earliest: 0 });
    let retained = writer.retain_from(third.last_seq.unwrap()).unwrap();
    assert_eq!(retained, Retained { dropped_segments: 2, earliest: third.first_seq });

    let view = Surface::open(dir.path()).unwrap();
    assert_eq!(view.earliest(), third.first_seq);
    for wanted in 0..third.first_seq {
        let error = view.cursor(wanted).unwrap_err();
        let SurfaceError::Gap { wanted: named, earliest } = error else {
            panic!("{error}");
        };
        assert_eq!((named, earliest), (wanted, third.first_seq));
    }
    let error = late_reader.peek().unwrap_err();
    assert!(matches!(error, SurfaceError::Gap { wanted: 0, .. }), "{error}");
    assert_eq!(view.verify(None).unwrap().head, Some(heads[59]));
    assert_eq!(read_all(&view, third.first_seq).last().unwrap().2, heads[59]);
    let first = usize::try_from(third.first_seq).unwrap();
    assert_eq!(view.cursor(third.first_seq).unwrap().head(), Some(heads[first - 1]));
    append(&mut writer, 60..80);
    assert_eq!(writer.sync().unwrap(), Some(heads[79]));
}

#[test]
fn never_drops_what_is_not_durable() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 20, 60);
    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert!(writer.retain_from(60).unwrap().earliest <= 20);
    writer.sync().unwrap();
    assert!(writer.retain_from(60).unwrap().earliest > 40);
}

#[test]
fn keeps_the_clock_rule_when_nothing_but_the_tail_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.max_window_bytes = 4096;
    let mut writer = SurfaceWriter::create(dir.path(), genesis, SMALL).unwrap();
    let mut next = 0;
    while writer.seal().unwrap() == holobiont_surface::Sealed::No {
        append(&mut writer, next..next + 1);
        next += 1;
    }
    let head = writer.sync().unwrap();
    assert_eq!(writer.retain_from(next).unwrap().earliest, next);
    drop(writer);
    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert_eq!((writer.next_seq(), writer.head()), (next, head));
    let error = writer.append(crate::common::record(next - 1, b"")).unwrap_err();
    assert!(matches!(error, SurfaceError::ClockReopened { .. }), "{error}");
    append(&mut writer, next..next + 1);
}

#[test]
fn finishes_a_retention_that_was_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 60, 60);
    let first = files(dir.path()).into_iter().find(|path| has_extension(path, "segment")).unwrap();
    let bytes = fs::read(&first).unwrap();
    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    let retained = writer.retain_from(30).unwrap();
    drop(writer);
    fs::write(&first, bytes).unwrap();
    let view = Surface::open(dir.path()).unwrap();
    assert_eq!(view.earliest(), retained.earliest);
    SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert!(!first.exists());
}

/// Where the start cannot be moved, for a directory in the way of its temporary file, nothing is
/// dropped.
#[test]
fn drops_nothing_before_the_start_is_moved() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 60, 60);
    let before = files(dir.path());
    let (mut writer, _) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    let in_the_way = dir.path().join("start.tmp");
    fs::create_dir(&in_the_way).unwrap();
    assert!(writer.retain_from(30).unwrap_err().is_io());
    fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(files(dir.path()), before);
    assert_eq!(Surface::open(dir.path()).unwrap().verify(None).unwrap().records, 60);
}

#[test]
fn a_segment_that_retention_did_not_drop_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 60, 60);
    for file in files(dir.path()) {
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        let error = Surface::open(dir.path()).unwrap_err();
        match &error {
            SurfaceError::NotASurface { .. } => assert!(file.ends_with("genesis")),
            SurfaceError::Damage {
                file: named,
                what: Damage::MissingFile | Damage::MissingSegment { .. },
                ..
            } => assert_eq!(named, &file),
            other => panic!("{other}"),
        }
        fs::rename(&aside, &file).unwrap();
    }
    Surface::open(dir.path()).unwrap();
}
