use std::fs;
use std::path::{Path, PathBuf};

use holobiont_surface::format::SEGMENT_HEADER_BYTES;
use holobiont_surface::{Damage, Surface, SurfaceError, SurfaceWriter, WriterOptions};

use crate::common::{
    SMALL, append, copy, expected_heads, files, genesis, has_extension, only, record_offsets,
    surface,
};

const RECORDS: u64 = 32;
/// Of the unsealed surface that is cut at every byte.
const UNSEALED: u64 = 21;

/// Everything in one segment that is never sealed, durable up to the first `durable` records.
fn unsealed(durable: u64) -> (tempfile::TempDir, Vec<u8>, Vec<usize>) {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), WriterOptions::default(), durable, UNSEALED);
    let bytes = fs::read(only(dir.path(), "open")).unwrap();
    let offsets = record_offsets(&bytes);
    (dir, bytes, offsets)
}

/// A power cut at any byte, as whoever reads afterwards sees it: nothing durable may be missing,
/// whole records are there, the rest is reported.
#[test]
fn reads_a_tail_cut_at_every_offset() {
    for durable in [0, 1, 13, UNSEALED] {
        let (dir, bytes, offsets) = unsealed(durable);
        let file = only(dir.path(), "open");
        let writing = fs::File::options().write(true).open(&file).unwrap();
        for length in (0..=bytes.len()).rev() {
            writing.set_len(u64::try_from(length).unwrap()).unwrap();
            let opened = Surface::open(dir.path());
            if length < offsets[usize::try_from(durable).unwrap()] {
                assert_damaged(opened.unwrap_err(), &file);
                continue;
            }
            let view = opened.unwrap();
            let whole = offsets.iter().rposition(|offset| *offset <= length).unwrap();
            assert_eq!(view.next_seq(), u64::try_from(whole).unwrap());
            view.verify(None).unwrap();
            let torn = view.torn().map_or(0, |torn| torn.size_bytes);
            assert_eq!(torn, u64::try_from(length - offsets[whole]).unwrap());
        }
    }
}

/// The same, as whoever goes on writing sees it: the rest is kept aside, the heads are the same.
#[test]
fn recovers_a_tail_cut_within_a_record() {
    let heads = expected_heads(&genesis(), UNSEALED);
    let (source, bytes, offsets) = unsealed(13);
    for length in (offsets[11]..=offsets[16]).chain([0, 127, 128, bytes.len()]) {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        let file = only(dir.path(), "open");
        fs::write(&file, &bytes[..length]).unwrap();
        let opened = SurfaceWriter::open(dir.path(), SMALL);
        if length < offsets[13] {
            assert_damaged(opened.unwrap_err(), &file);
            assert_eq!(fs::read(&file).unwrap(), &bytes[..length], "damage is left alone");
            continue;
        }
        let (mut writer, recovery) = opened.unwrap();
        let whole = offsets.iter().rposition(|offset| *offset <= length).unwrap();
        let kept = u64::try_from(whole).unwrap();
        assert_eq!((writer.next_seq(), recovery.kept_after_mark), (kept, kept - 13));
        let torn = recovery.torn.map(|torn| fs::read(torn.kept_as.unwrap()).unwrap());
        assert_eq!(torn.unwrap_or_default(), &bytes[offsets[whole]..length]);
        append(&mut writer, kept..UNSEALED);
        assert_eq!(writer.sync().unwrap(), heads.last().copied());
        Surface::open(dir.path()).unwrap().verify(None).unwrap();
    }
}

fn assert_damaged(error: SurfaceError, damaged: &Path) {
    match error {
        SurfaceError::Damage { file, .. } => assert_eq!(file, damaged),
        other => panic!("{other}"),
    }
}

#[test]
fn reading_reports_a_torn_tail_and_leaves_it() {
    let (dir, bytes, offsets) = unsealed(13);
    let file = only(dir.path(), "open");
    let torn = &bytes[..offsets[20] + 11];
    fs::write(&file, torn).unwrap();
    let view = Surface::open(dir.path()).unwrap();
    assert_eq!((view.next_seq(), view.verify(None).unwrap().records), (20, 20));
    let tail = view.torn().unwrap();
    assert_eq!((tail.offset, tail.size_bytes), (u64::try_from(offsets[20]).unwrap(), 11));
    assert!(matches!(tail.why, Damage::Truncated { .. }) && tail.kept_as.is_none());
    assert_eq!(fs::read(&file).unwrap(), torn);
}

#[test]
fn keeps_each_torn_tail() {
    let (dir, bytes, offsets) = unsealed(13);
    let file = only(dir.path(), "open");
    for junk in [b"first", b"again"] {
        fs::write(&file, [&bytes[..offsets[20]], junk].concat()).unwrap();
        let (_, recovery) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
        assert_eq!(fs::read(recovery.torn.unwrap().kept_as.unwrap()).unwrap(), junk);
    }
    let kept = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(kept.filter(|path| has_extension(path, "torn")).count(), 2);
}

/// Appends one record at a time and stops for good after each; sealing happens in between.
#[test]
fn goes_on_after_a_stop_at_every_record() {
    let heads = expected_heads(&genesis(), RECORDS);
    let dir = tempfile::tempdir().unwrap();
    drop(SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap());
    for seq in 0..RECORDS {
        let (mut writer, recovery) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
        assert!(recovery.torn.is_none() && !recovery.finished_seal);
        append(&mut writer, seq..seq + 1);
        assert_eq!(writer.head(), Some(heads[usize::try_from(seq).unwrap()]));
        if seq % 7 == 0 {
            writer.sync().unwrap();
        }
    }
}

/// The states that a crash can leave while a segment is sealed, in the order of the steps: the
/// successor is written, the footer is, the one is renamed, then the other.
#[test]
fn completes_or_takes_back_an_interrupted_seal() {
    let mut rolls = 0;
    for last in 1..RECORDS {
        let before = tempfile::tempdir().unwrap();
        surface(before.path(), SMALL, last, last);
        let after = tempfile::tempdir().unwrap();
        copy(before.path(), after.path());
        let (mut writer, _) = SurfaceWriter::open(after.path(), SMALL).unwrap();
        append(&mut writer, last..last + 1);
        drop(writer);
        let open = only(before.path(), "open");
        let new_open = only(after.path(), "open");
        if open.file_name() == new_open.file_name() {
            continue;
        }
        rolls += 1;
        let sealed =
            fs::read(after.path().join(open.with_extension("segment").file_name().unwrap()));
        let (sealed, unsealed) = (sealed.unwrap(), fs::read(&open).unwrap());
        let records_end = *record_offsets(&sealed).last().unwrap();
        let successor = fs::read(&new_open).unwrap();
        let next = before.path().join(new_open.with_extension("next").file_name().unwrap());

        let states = [
            (Some(&successor[..40]), &unsealed[..], false),
            (Some(&successor[..]), &unsealed[..], false),
            (Some(&successor[..]), &sealed[..records_end], false),
            (Some(&successor[..]), &sealed[..sealed.len() - 3], false),
            (Some(&successor[..]), &sealed[..], false),
            (None, &sealed[..], false),
            (Some(&successor[..]), &sealed[..], true),
        ];
        for (next_bytes, segment, renamed) in states {
            let dir = tempfile::tempdir().unwrap();
            copy(before.path(), dir.path());
            let file = dir.path().join(open.file_name().unwrap());
            fs::write(&file, segment).unwrap();
            if let Some(bytes) = next_bytes {
                fs::write(dir.path().join(next.file_name().unwrap()), bytes).unwrap();
            }
            if renamed {
                fs::rename(&file, file.with_extension("segment")).unwrap();
            }
            assert!(goes_on(dir.path(), last) || !renamed);
        }
    }
    assert!(rolls > 3);
}

/// Reading, recovering and writing on from `last` records or one more; true where a seal was
/// completed.
fn goes_on(dir: &Path, last: u64) -> bool {
    let view = Surface::open(dir).unwrap();
    assert!(view.next_seq() == last || view.next_seq() == last + 1);
    view.verify(None).unwrap();

    let (mut writer, recovery) = SurfaceWriter::open(dir, SMALL).unwrap();
    let next_seq = writer.next_seq();
    assert!(next_seq == last || next_seq == last + 1);
    append(&mut writer, next_seq..RECORDS);
    let heads = expected_heads(&genesis(), RECORDS);
    assert_eq!(writer.sync().unwrap(), heads.last().copied());
    drop(writer);
    assert_eq!(Surface::open(dir).unwrap().verify(None).unwrap().records, RECORDS);
    let left = |path: &PathBuf| has_extension(path, "next") || has_extension(path, "tmp");
    assert!(!files(dir).iter().any(left));
    recovery.finished_seal
}

/// The record that showed where a window ends was durable before the segment was sealed.
#[test]
fn misses_the_record_that_ended_a_sealed_window() {
    let mut tried = 0;
    for last in 1..RECORDS {
        let dir = tempfile::tempdir().unwrap();
        surface(dir.path(), SMALL, last.min(3), last);
        let file = only(dir.path(), "open");
        let view = Surface::open(dir.path()).unwrap();
        let segments: Vec<_> = view.segments().cloned().collect();
        let bytes = fs::read(&file).unwrap();
        if segments.len() < 2 || record_offsets(&bytes).len() != 2 {
            continue;
        }
        fs::write(&file, &bytes[..SEGMENT_HEADER_BYTES + 5]).unwrap();
        match SurfaceWriter::open(dir.path(), SMALL) {
            // The window had all the records that it can have, and ends without another.
            Ok((writer, _)) => assert_eq!(writer.next_seq(), last - 1),
            Err(error) => {
                let SurfaceError::Damage { file: named, offset: 128, .. } = &error else {
                    panic!("{error}");
                };
                assert_eq!(named, &file);
                tried += 1;
            }
        }
    }
    assert!(tried > 0);
}

#[test]
fn overwrites_what_an_interrupted_creation_left() {
    let dir = tempfile::tempdir().unwrap();
    let done = tempfile::tempdir().unwrap();
    drop(SurfaceWriter::create(done.path(), genesis(), SMALL).unwrap());
    let open = only(done.path(), "open");
    let next = dir.path().join(open.with_extension("next").file_name().unwrap());
    fs::copy(&open, &next).unwrap();
    for name in ["start", "mark"] {
        fs::copy(done.path().join(name), dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("genesis.tmp"), b"half").unwrap();
    drop(SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap());

    // Interrupted one step later, it is complete but for a name.
    fs::rename(only(dir.path(), "open"), &next).unwrap();
    let (mut writer, recovery) = SurfaceWriter::open(dir.path(), SMALL).unwrap();
    assert!(recovery.finished_seal);
    append(&mut writer, 0..3);
}
