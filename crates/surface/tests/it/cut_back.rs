//! A copy that turned out to be of another history gives up its end: all of it or nothing, whatever
//! happens meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use holobiont_surface::{Surface, SurfaceError, SurfaceWriter, WriterOptions};
use proptest::prelude::*;

use crate::common::{
    append, copy, expected_heads, genesis, has_extension, payload, read_all, surface,
};
use crate::history::folder;

fn holds(dir: &Path, next_seq: u64) {
    let opened = Surface::open(dir).unwrap();
    assert_eq!(opened.next_seq(), next_seq);
    let heads = expected_heads(&genesis(), next_seq);
    let earliest = opened.earliest();
    for (seq, bytes, head) in read_all(&opened, earliest) {
        assert_eq!((bytes, head), (payload(seq), heads[usize::try_from(seq).unwrap()]));
    }
    assert!(opened.mark().is_none_or(|mark| mark.seq < next_seq));
}

/// Goes on after a cut, with the same records as before: every head is as if there had been no cut.
fn goes_on(dir: &Path, options: WriterOptions, next_seq: u64, to: u64) {
    let (mut writer, recovery) = SurfaceWriter::open(dir, options).unwrap();
    assert!(recovery.torn.is_none());
    assert_eq!(writer.next_seq(), next_seq);
    append(&mut writer, next_seq..to);
    writer.sync().unwrap();
    assert_eq!(writer.head(), expected_heads(&genesis(), to).last().copied());
    drop(writer);
    holds(dir, to);
}

fn with_extension(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| has_extension(path, extension)).collect();
    found.sort();
    found
}

/// Every state that a crash can leave between `before` and `after`, in the order of the steps: files
/// appear, go and change under whole names only.
fn crashes(before: &Path, after: &Path) -> Vec<tempfile::TempDir> {
    let name = |path: &Path| path.file_name().unwrap().to_owned();
    let mut states = Vec::new();
    let mut state = folder();
    copy(before, state.path());
    let mut keep = |state: &mut tempfile::TempDir| {
        let next = folder();
        copy(state.path(), next.path());
        states.push(std::mem::replace(state, next));
    };
    keep(&mut state);
    fs::copy(after.join("mark"), state.path().join("mark")).unwrap();
    keep(&mut state);
    let open = with_extension(after, "open").pop().unwrap();
    let is_same_segment = before.join(name(&open)).exists();
    if is_same_segment {
        for kept in with_extension(after, "forked") {
            // Not all of it is there yet, then all of it.
            let bytes = fs::read(&kept).unwrap();
            fs::write(state.path().join(name(&kept)), &bytes[..bytes.len() / 2]).unwrap();
            keep(&mut state);
            fs::write(state.path().join(name(&kept)), &bytes).unwrap();
            keep(&mut state);
        }
        fs::copy(&open, state.path().join(name(&open))).unwrap();
        keep(&mut state);
        return states;
    }
    let partial = state.path().join(name(&open.with_extension("tmp")));
    fs::write(&partial, &fs::read(&open).unwrap()[..100]).unwrap();
    keep(&mut state);
    let partial = state.path().join(name(&open.with_extension("tmp")));
    fs::remove_file(partial).unwrap();
    fs::copy(&open, state.path().join(name(&open))).unwrap();
    keep(&mut state);
    let sealed = open.with_extension("segment");
    let mut gone = with_extension(before, "open");
    gone.extend(with_extension(before, "segment"));
    gone.retain(|path| name(path) > name(&sealed));
    for path in gone {
        let from = state.path().join(name(&path));
        fs::rename(&from, from.with_extension("forked")).unwrap();
        keep(&mut state);
    }
    let from = state.path().join(name(&sealed));
    fs::rename(&from, from.with_extension("forked")).unwrap();
    keep(&mut state);
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn what_is_given_up_is_put_aside_and_the_rest_goes_on(
        records in 1_u64..60,
        durable in 0_u64..60,
        from in 0_u64..60,
        segment_bytes in prop_oneof![Just(400_u64), Just(2000), Just(1 << 20)],
    ) {
        let (durable, from) = (durable.min(records), from.min(records));
        let options = WriterOptions { segment_bytes };
        let (dir, before) = (folder(), folder());
        surface(dir.path(), options, durable, records);
        copy(dir.path(), before.path());

        let (mut writer, _) = SurfaceWriter::open(dir.path(), options).unwrap();
        let mark = writer.mark();
        let cut = writer.cut_back(from).unwrap();
        prop_assert_eq!((cut.records, writer.next_seq()), (records - from, from));
        let kept = expected_heads(&genesis(), from).last().copied();
        let expected = if mark.is_some_and(|mark| mark.seq >= from) { kept } else { mark };
        prop_assert_eq!((writer.mark(), writer.head()), (expected, kept));
        prop_assert_eq!(cut.kept_as.len(), with_extension(dir.path(), "forked").len());
        // Nothing is lost: what was given up can be found in what was put aside.
        let bytes = |dir: &Path, extensions: &[&str]| -> u64 {
            let files = extensions.iter().flat_map(|extension| with_extension(dir, extension));
            files.map(|path| fs::metadata(path).unwrap().len()).sum()
        };
        prop_assert!(
            bytes(dir.path(), &["open", "segment", "forked"])
                >= bytes(before.path(), &["open", "segment"])
        );
        let after = folder();
        copy(dir.path(), after.path());
        append(&mut writer, from..records + 3);
        drop(writer);
        holds(dir.path(), records + 3);
        goes_on(dir.path(), options, records + 3, records + 9);

        if from == records {
            return Ok(());
        }
        for state in crashes(before.path(), after.path()) {
            let opened = Surface::open(state.path()).unwrap();
            let next_seq = opened.next_seq();
            prop_assert!(next_seq == records || next_seq == from, "{next_seq}");
            holds(state.path(), next_seq);
            let again = folder();
            copy(state.path(), again.path());
            goes_on(state.path(), options, next_seq, records + 5);
            // What was interrupted before it counted is asked for again.
            let (mut writer, _) = SurfaceWriter::open(again.path(), options).unwrap();
            writer.cut_back(from).unwrap();
            drop(writer);
            holds(again.path(), from);
            goes_on(again.path(), options, from, records + 5);
        }
    }
}

#[test]
fn a_cut_keeps_to_what_retention_has_left() {
    let dir = folder();
    let options = WriterOptions { segment_bytes: 400 };
    surface(dir.path(), options, 50, 50);
    let (mut writer, _) = SurfaceWriter::open(dir.path(), options).unwrap();
    let earliest = writer.retain_from(30).unwrap().earliest;
    assert!(earliest > 0);
    let refused = writer.cut_back(earliest - 1);
    assert!(matches!(refused, Err(SurfaceError::Gap { .. })), "{refused:?}");
    assert_eq!(writer.next_seq(), 50);
    writer.cut_back(earliest).unwrap();
    assert_eq!((writer.earliest(), writer.next_seq()), (earliest, earliest));
    assert_eq!(writer.mark().map(|mark| mark.seq), Some(earliest - 1));
    drop(writer);
    goes_on(dir.path(), options, earliest, 60);
}

/// What is damaged below the cut is no reason to give up more, and is not hidden.
#[test]
fn damage_below_the_cut_stays_and_is_named() {
    let dir = folder();
    let options = WriterOptions { segment_bytes: 400 };
    surface(dir.path(), options, 50, 50);
    let (mut writer, _) = SurfaceWriter::open(dir.path(), options).unwrap();
    let view = writer.view();
    let second = view.segments().nth(1).unwrap();
    let (file, from) = (second.file.clone(), second.last_seq.unwrap());
    let mut bytes = fs::read(&file).unwrap();
    bytes[140] ^= 1;
    fs::write(&file, bytes).unwrap();
    let refused = writer.cut_back(from).unwrap_err();
    assert!(refused.is_damage(), "{refused}");
    assert_eq!(writer.next_seq(), 50);
    assert!(with_extension(dir.path(), "forked").is_empty());
    // A cut that needs none of it leaves it where it is.
    writer.cut_back(45).unwrap();
    let read = writer.view().cursor(0).and_then(|mut cursor| {
        while cursor.next_record()?.is_some() {}
        Ok(())
    });
    assert!(read.unwrap_err().is_damage());
}

/// Two files of one segment are a cut under way, and nothing else: without the open one the sealed one
/// counts, and one in another place is damage as before.
#[test]
fn an_open_file_that_belongs_nowhere_is_damage() {
    let dir = folder();
    let options = WriterOptions { segment_bytes: 400 };
    surface(dir.path(), options, 50, 50);
    let opened = Surface::open(dir.path()).unwrap();
    let second = opened.segments().nth(1).unwrap().clone();
    let inside = second.first_seq + 1;
    let stray = dir.path().join(format!("{inside:020}.open"));
    fs::copy(&second.file, &stray).unwrap();
    assert!(Surface::open(dir.path()).unwrap_err().is_damage());
    fs::remove_file(stray).unwrap();
    // A host that puts one there cannot hide what was durable.
    fs::write(second.file.with_extension("open"), &fs::read(&second.file).unwrap()[..128]).unwrap();
    assert!(Surface::open(dir.path()).unwrap_err().is_damage());
}
