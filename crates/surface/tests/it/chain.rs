use holobiont_surface::{Damage, StartAt, Surface, SurfaceError, SurfaceWriter, WriterOptions};

use crate::common::{
    SMALL, append, copy, expected_heads, genesis, has_extension, only, payload, read_all,
    record_offsets, surface,
};

const RECORDS: u64 = 61;

#[test]
fn is_the_described_one_however_segments_are_cut_and_wherever_reading_starts() {
    let heads = expected_heads(&genesis(), RECORDS);
    for segment_bytes in [0, 1, 400, 1_000, u64::MAX] {
        let dir = tempfile::tempdir().unwrap();
        let options = WriterOptions { segment_bytes };
        let mut writer = SurfaceWriter::create(dir.path(), genesis(), options).unwrap();
        for seq in 0..RECORDS {
            append(&mut writer, seq..seq + 1);
            assert_eq!(writer.head(), Some(heads[usize::try_from(seq).unwrap()]));
        }
        let view = Surface::open(dir.path()).unwrap();
        assert_eq!(view.segments().count() == 1, segment_bytes == u64::MAX);
        for from in 0..=RECORDS {
            let read = read_all(&view, from);
            assert_eq!(u64::try_from(read.len()).unwrap(), RECORDS - from);
            for (seq, bytes, head) in read {
                assert_eq!((bytes, head), (payload(seq), heads[usize::try_from(seq).unwrap()]));
            }
        }
        let verified = view.verify(None).unwrap();
        assert_eq!((verified.records, verified.head), (RECORDS, heads.last().copied()));
        for (from, to) in [(0, 0), (7, 9), (30, RECORDS - 1)] {
            let verified = view.verify(Some((from, to))).unwrap();
            assert!(verified.head.unwrap().seq >= to && verified.records > to - from);
        }
        for head in &heads {
            assert_eq!(view.head_at(head.seq).unwrap(), *head);
            assert_eq!(view.cursor(head.seq + 1).unwrap().head(), Some(*head));
        }
    }
}

#[test]
fn goes_on_with_the_same_heads_from_every_place() {
    let heads = expected_heads(&genesis(), RECORDS);
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, RECORDS, RECORDS);
    let view = Surface::open(dir.path()).unwrap();
    for from in 0..=RECORDS {
        let cursor = view.cursor(from).unwrap();
        let start = cursor.open_window();
        let copy = tempfile::tempdir().unwrap();
        let mut writer = SurfaceWriter::create_at(copy.path(), genesis(), start, SMALL).unwrap();
        assert_eq!((writer.next_seq(), writer.earliest()), (from, start.first_seq));
        // A restart before the first append knows as much.
        if from % 3 == 0 {
            drop(writer);
            writer = SurfaceWriter::open(copy.path(), SMALL).unwrap().0;
        }
        assert_eq!(writer.open_window(), start);
        let before = usize::try_from(from).unwrap().checked_sub(1);
        assert_eq!(writer.head(), before.map(|seq| heads[seq]));
        if let Some(previous) = from.checked_sub(2) {
            let error = writer.append(crate::common::record(previous, b"late")).unwrap_err();
            let late = matches!(
                error,
                SurfaceError::ClockWentBack { .. } | SurfaceError::ClockReopened { .. }
            );
            assert!(late, "{error}");
        }
        append(&mut writer, from..RECORDS);
        assert_eq!(writer.sync().unwrap(), heads.last().copied());
        let copied = Surface::open(copy.path()).unwrap();
        assert_eq!(copied.earliest(), start.first_seq);
        assert_eq!(copied.verify(None).unwrap().head, heads.last().copied());
    }
}

#[test]
fn a_writer_and_a_reader_agree_on_the_open_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap();
    for seq in 0..RECORDS {
        append(&mut writer, seq..seq + 1);
        let view = Surface::open(dir.path()).unwrap();
        assert_eq!(view.cursor(seq + 1).unwrap().open_window(), writer.open_window());
    }
}

#[test]
fn a_place_that_contradicts_itself_is_refused() {
    let source = tempfile::tempdir().unwrap();
    surface(source.path(), SMALL, 8, 8);
    let view = Surface::open(source.path()).unwrap();
    let cursor = view.cursor(3).unwrap();
    let good = cursor.open_window();
    let full = view.cursor(4).unwrap();
    let mut flipped = good.window_bytes.to_vec();
    flipped[40] ^= 1;
    let short = &good.window_bytes[..good.window_bytes.len() - 1];
    let bad: [StartAt<'_>; 5] = [
        StartAt { window_bytes: &flipped, ..good },
        StartAt { window_bytes: short, ..good },
        StartAt { first_seq: 1, ..good },
        StartAt { previous_clock: Some((1, true)), ..good },
        StartAt { chain_before: full.open_window().chain_before, ..good },
    ];
    for start in bad {
        let dir = tempfile::tempdir().unwrap();
        let error = SurfaceWriter::create_at(dir.path(), genesis(), start, SMALL).unwrap_err();
        assert!(matches!(error, SurfaceError::BadStart { .. }), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_place_whose_window_has_ended_or_whose_clock_goes_back_is_refused() {
    let source = tempfile::tempdir().unwrap();
    surface(source.path(), WriterOptions::default(), 6, 6);
    let view = Surface::open(source.path()).unwrap();
    let (first, second) = (view.cursor(0).unwrap(), view.cursor(4).unwrap());
    let (first, second) = (first.open_window(), second.open_window());
    let bytes = std::fs::read(only(source.path(), "open")).unwrap();
    let offsets = record_offsets(&bytes);
    let records = |from: usize, to: usize| &bytes[offsets[from]..offsets[to]];
    let ended = Damage::WindowBoundary;
    let back = Damage::ClockWentBack { previous: 3, got: 2 };
    let previous_clock = Some((3, false));
    for (start, what) in [
        (StartAt { window_bytes: records(0, 4), ..first }, ended.clone()),
        (StartAt { window_bytes: records(0, 5), ..first }, ended),
        (StartAt { window_bytes: records(4, 5), previous_clock, ..second }, back),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let error = SurfaceWriter::create_at(dir.path(), genesis(), start, SMALL).unwrap_err();
        assert!(matches!(error, SurfaceError::BadStart { why, .. } if why == what));
    }
}

#[test]
fn a_segment_of_another_surface_or_place_is_named() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    surface(one.path(), SMALL, 40, 40);
    let mut other = genesis();
    other.surface_id = holobiont_identity::UniqueId::from_name("another surface");
    let mut writer = SurfaceWriter::create(two.path(), other, SMALL).unwrap();
    append(&mut writer, 0..40);
    drop(writer);
    let segments = crate::common::files(one.path());
    for path in segments.iter().filter(|path| has_extension(path, "segment")) {
        let mixed = tempfile::tempdir().unwrap();
        copy(one.path(), mixed.path());
        let name = path.file_name().unwrap();
        std::fs::copy(two.path().join(name), mixed.path().join(name)).unwrap();
        let error = Surface::open(mixed.path()).unwrap_err();
        let SurfaceError::Damage { file, what: Damage::ForeignSegment, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(file.file_name(), Some(name));
    }
}
