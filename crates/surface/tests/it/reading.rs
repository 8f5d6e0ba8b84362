use std::fs;
use std::os::unix::fs::FileExt;

use holobiont_surface::{
    NewRecord, READ_BLOCK_BYTES, Surface, SurfaceError, SurfaceWriter, WriterOptions,
};

use crate::common::{
    SMALL, append, files, genesis, has_extension, payload, record, record_offsets, surface,
};

#[test]
fn finds_clock_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap();
    assert_eq!(Surface::open(dir.path()).unwrap().clock_range(), None);
    for seq in 0..50 {
        let bytes = payload(seq);
        writer
            .append(NewRecord {
                clock: 10 + seq / 3 * 5,
                closes_clock: false,
                ..record(seq, &bytes)
            })
            .unwrap();
    }
    let view = Surface::open(dir.path()).unwrap();
    assert_eq!(view.clock_range(), Some((10, 90)));
    for clock in 0..100 {
        let expected = (0..50).find(|seq| 10 + seq / 3 * 5 >= clock);
        assert_eq!(view.seq_of_clock(clock).unwrap(), expected, "clock {clock}");
    }
}

#[test]
fn refuses_places_that_are_not_here_yet() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 20, 20);
    let view = Surface::open(dir.path()).unwrap();
    assert!(view.cursor(20).unwrap().peek().unwrap().is_none());
    let not_yet = |error| matches!(error, SurfaceError::NotYet { wanted: 21 | 20, next_seq: 20 });
    assert!(not_yet(view.cursor(21).unwrap_err()));
    assert!(not_yet(view.head_at(20).unwrap_err()));
    assert!(not_yet(view.verify(Some((3, 20))).unwrap_err()));
    assert!(not_yet(view.prove(3, 20).unwrap_err()));
    let error = view.prove(4, 3).unwrap_err();
    assert!(matches!(error, SurfaceError::HeadBeforeRecord { seq: 4, head_seq: 3 }), "{error}");
}

#[test]
fn keeps_its_buffer_within_a_block_and_a_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.window_records = 16;
    genesis.max_window_bytes = 1 << 20;
    let bound = READ_BLOCK_BYTES + u64::from(genesis.max_window_bytes);
    let options = WriterOptions { segment_bytes: 4 << 20 };
    let mut writer = SurfaceWriter::create(dir.path(), genesis, options).unwrap();
    let large = vec![7; 200 << 10];
    for clock in 0..120 {
        let payload = if clock % 5 == 0 { &large[..] } else { &large[..900] };
        let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 0, payload };
        writer.append(record).unwrap();
    }
    let head = writer.sync().unwrap();
    let view = Surface::open(dir.path()).unwrap();
    let mut cursor = view.cursor(0).unwrap();
    while cursor.peek().unwrap().is_some() {
        cursor.advance();
        assert!(u64::try_from(cursor.buffer_bytes()).unwrap() <= 2 * bound);
    }
    assert_eq!(cursor.head(), head);
}

#[test]
fn a_view_stays_as_it_was_while_the_writer_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap();
    append(&mut writer, 0..31);
    let view = Surface::open(dir.path()).unwrap();
    let before = view.verify(None).unwrap();
    append(&mut writer, 31..90);
    assert_eq!(view.verify(None).unwrap(), before);
    assert_eq!(Surface::open(dir.path()).unwrap().next_seq(), 90);
}

/// Bytes that change after the surface was opened are never handed out.
#[test]
fn records_changed_or_cut_off_while_being_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, 30, 30);
    let view = Surface::open(dir.path()).unwrap();
    let read = || -> Result<u64, SurfaceError> {
        let mut cursor = view.cursor(0)?;
        while let Some(header) = cursor.peek()? {
            assert_eq!(cursor.current().unwrap().payload(), payload(header.seq));
            cursor.advance();
        }
        Ok(cursor.next_seq())
    };
    assert_eq!(read().unwrap(), 30);
    let segments = files(dir.path()).into_iter();
    for file in
        segments.filter(|path| has_extension(path, "segment") || has_extension(path, "open"))
    {
        let bytes = fs::read(&file).unwrap();
        for at in 128..bytes.len() {
            // In place: rewriting a whole file each time would wait for the disk.
            let writing = fs::File::options().write(true).open(&file).unwrap();
            let position = u64::try_from(at).unwrap();
            writing.write_all_at(&[bytes[at] ^ 0x10], position).unwrap();
            let error = read().unwrap_err();
            writing.write_all_at(&bytes[at..=at], position).unwrap();
            let SurfaceError::Damage { file: named, offset, .. } = &error else {
                panic!("{error}");
            };
            assert!(named == &file && *offset <= u64::try_from(at).unwrap(), "{at}: {error}");
        }
        for length in [0, 127, *record_offsets(&bytes).last().unwrap() - 1] {
            fs::write(&file, &bytes[..length]).unwrap();
            assert!(read().unwrap_err().is_damage());
        }
        fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(read().unwrap(), 30);
}

/// Whatever moment of a writer's work a reader opens the surface at, it finds a good one.
#[test]
fn opens_at_any_moment_of_a_live_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for seq in 0..600 {
                append(&mut writer, seq..seq + 1);
                if seq % 5 == 0 {
                    writer.sync().unwrap();
                }
                if seq % 50 == 49 {
                    writer.retain_from(seq - 40).unwrap();
                }
            }
        });
        let mut last = 0;
        while !writing.is_finished() {
            let view = Surface::open(dir.path()).unwrap();
            assert!(view.next_seq() >= last);
            last = view.next_seq();
            match view.verify(None) {
                Ok(verified) => assert_eq!(verified.records, last - view.earliest()),
                Err(error) => assert!(matches!(error, SurfaceError::Gap { .. }), "{error}"),
            }
        }
    });
    assert_eq!(Surface::open(dir.path()).unwrap().next_seq(), 600);
}
