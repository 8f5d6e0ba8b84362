//! Disks that fail under a reader: every outcome is a typed error or exactly the right records.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;

use holobiont_surface::{Cursor, Damage, ReadOptions, ReadPool, Surface, SurfaceError, Trust};
use tempfile::TempDir;

use crate::disk::{Disk, Fault, broken, sound};
use crate::history::{History, Numbers, Shape, folder};

/// A surface with some large windows and many small ones, in several files.
fn written() -> (TempDir, History, Surface) {
    let shape = Shape {
        seed: 21,
        window_records: 5,
        max_window_bytes: 3000,
        segment_bytes: 5000,
        records: 93,
        max_payload: 700,
        dropped_percent: 0,
    };
    let dir = folder();
    let history = shape.write(dir.path());
    let surface = Surface::open(dir.path()).unwrap();
    assert!(surface.segments().count() > 4);
    assert!(surface.segments().last().unwrap().windows > 0);
    (dir, history, surface)
}

/// Reads to the end; what was read up to an error is right.
fn read_all(history: &History, cursor: &mut Cursor) -> Result<(), SurfaceError> {
    let mut numbers = Numbers::new(cursor.next_seq());
    history.read(cursor, history.next_seq(), &mut numbers)
}

fn damage(error: &SurfaceError) -> Damage {
    match error {
        SurfaceError::Damage { what, .. } => what.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn short_and_interrupted_reads_change_nothing() {
    let (_dir, history, surface) = written();
    let disk = Disk::of(surface.dir());
    for threads in [1, 2, 3] {
        let mut numbers = Numbers::new(1);
        let faults: [Fault; 4] = [
            Box::new(|reading| Ok(reading.give(1))),
            Box::new(move |reading| {
                Ok(reading.give(usize::try_from(numbers.below(900)).unwrap() + 1))
            }),
            Box::new(|reading| match reading.number % 3 {
                0 => Ok(reading.give(100)),
                _ => Err(io::ErrorKind::Interrupted.into()),
            }),
            // One that says that it has given more than was asked for.
            Box::new(|reading| Ok(reading.give(usize::MAX).saturating_mul(3))),
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            disk.set(fault);
            let pool = disk.pool(threads, Trust::Full);
            let pooled = surface.in_pool(&pool).unwrap();
            for from in [0, 1, 44, 92, 93] {
                let mut cursor = pooled.cursor(from).unwrap();
                let read = read_all(&history, &mut cursor);
                read.unwrap_or_else(|error| panic!("{number} {threads} {from}: {error}"));
            }
        }
    }
}

/// For every read that there is: it fails once, or from then on until the disk is mended.
#[test]
fn after_a_failed_read_the_cursor_goes_on_where_it_was() {
    let (_dir, history, surface) = written();
    let disk = Disk::of(surface.dir());
    let pool = disk.pool(1, Trust::Full);
    read_all(&history, &mut surface.in_pool(&pool).unwrap().cursor(0).unwrap()).unwrap();
    let reads = disk.reads();
    assert!(reads > 20);
    for threads in [1, 2, 3] {
        let mut failures = 0;
        for failing in 0..reads {
            for is_once in [true, false] {
                disk.set(Box::new(move |reading| {
                    let number = reading.number;
                    match number == failing || (number > failing && !is_once) {
                        true => Err(broken()),
                        false => Ok(reading.give(usize::MAX)),
                    }
                }));
                let pool = disk.pool(threads, Trust::Full);
                let pooled = surface.in_pool(&pool).unwrap();
                let Ok(mut cursor) = pooled.cursor(0) else {
                    panic!("nothing is read before the first record is asked for")
                };
                let Err(error) = read_all(&history, &mut cursor) else {
                    assert!(is_once || threads > 1);
                    continue;
                };
                failures += 1;
                assert!(error.is_io(), "{error}");
                let stopped = cursor.next_seq();
                history.check_place(&mut cursor);
                if !is_once {
                    for _ in 0..3 {
                        assert!(cursor.peek().unwrap_err().is_io());
                        assert!(cursor.next_record().unwrap_err().is_io());
                        assert!(cursor.records().unwrap_err().is_io());
                        assert!(cursor.current().is_none());
                        cursor.advance();
                        assert_eq!(cursor.next_seq(), stopped);
                        history.check_place(&mut cursor);
                    }
                    disk.set(sound());
                }
                read_all(&history, &mut cursor).unwrap();
                assert!(pool.peak_bytes() <= pool.options().budget_bytes);
            }
        }
        assert!(failures > reads / 2, "{failures} of {reads}");
    }
}

/// Every byte of every file as it comes from the disk, after the surface was opened.
#[test]
fn a_wrong_byte_anywhere_is_never_handed_out() {
    let (_dir, history, surface) = written();
    let disk = Disk::of(surface.dir());
    let mut tried = 0_u64;
    for threads in [1, 2] {
        let pool = disk.pool(threads, Trust::Full);
        let pooled = surface.in_pool(&pool).unwrap();
        for info in surface.segments() {
            let records = 128..usize::try_from(info.size_bytes).unwrap();
            let length = disk.files()[&info.file].len();
            for at in (0..length).step_by(if threads == 1 { 1 } else { 7 }) {
                let file = info.file.clone();
                disk.set(Box::new(move |reading| match reading.path == file {
                    true => Ok(reading.give_with(at, 0x20)),
                    false => Ok(reading.give(usize::MAX)),
                }));
                // From the segment's own start, so that not all of them are read each time.
                let mut cursor = match pooled.cursor(info.first_seq) {
                    Ok(cursor) => cursor,
                    Err(error) => panic!("{at} of {}: {error}", info.file.display()),
                };
                let end = info.last_seq.map_or(0, |last| last + 1);
                let mut numbers = Numbers::new(u64::try_from(at).unwrap());
                let read = history.read(&mut cursor, end, &mut numbers);
                // The header was read when the surface was opened, and never again.
                if !records.contains(&at) {
                    read.unwrap();
                    continue;
                }
                let error = read.unwrap_err();
                let SurfaceError::Damage { file, offset, .. } = &error else { panic!("{error}") };
                assert!(file == &info.file && *offset <= u64::try_from(at).unwrap(), "{error}");
                tried += 1;
                history.check_place(&mut cursor);
                // A block that was refused is read and verified again, never taken as it was.
                assert!(cursor.peek().unwrap_err().is_damage());
                if at % 50 == 0 {
                    disk.set(sound());
                    history.read(&mut cursor, end, &mut numbers).unwrap();
                }
            }
        }
    }
    assert!(tried > 20_000, "{tried}");
}

/// What was verified once and is read again counts as never verified.
#[test]
fn a_block_that_is_read_again_is_verified_again() {
    let (_dir, history, surface) = written();
    let disk = Disk::of(surface.dir());
    for threads in [1, 2] {
        disk.set(sound());
        let pool = disk.pool(threads, Trust::Full);
        let pooled = surface.in_pool(&pool).unwrap();
        read_all(&history, &mut pooled.cursor(0).unwrap()).unwrap();
        let first = surface.segments().next().unwrap().file.clone();
        disk.set(Box::new(move |reading| match reading.path == first {
            true => Ok(reading.give_with(300, 1)),
            false => Ok(reading.give(usize::MAX)),
        }));
        let mut cursor = pooled.cursor(0).unwrap();
        assert!(read_all(&history, &mut cursor).unwrap_err().is_damage());
        // Good and bad by turns: whatever is handed out is right.
        let mut numbers = Numbers::new(9);
        disk.set(Box::new(move |reading| {
            let at = usize::try_from(numbers.below(6000)).unwrap();
            Ok(reading.give_with(at, u8::from(numbers.below(2) == 0)))
        }));
        for _ in 0..200 {
            if read_all(&history, &mut cursor).is_ok() {
                cursor = pooled.cursor(0).unwrap();
            }
        }
    }
}

#[test]
fn files_that_go_or_change_after_opening_are_named() {
    let (_dir, history, surface) = written();
    let files: Vec<_> = surface.segments().map(|info| info.file.clone()).collect();
    for threads in [1, 2] {
        for (number, file) in files.iter().enumerate() {
            let disk = Disk::of(surface.dir());
            let pool = disk.pool(threads, Trust::Full);
            let pooled = surface.in_pool(&pool).unwrap();
            let read = || read_all(&history, &mut pooled.cursor(0).unwrap());
            read().unwrap();
            let bytes = disk.files().remove(file).unwrap();
            let what = damage(&read().unwrap_err());
            let first_seq = surface.segments().nth(number).unwrap().first_seq;
            assert_eq!(what, Damage::MissingSegment { first_seq });
            // Another segment in its place, one that is cut off, one whose footer has changed.
            let other = disk.files()[&files[(number + 1) % files.len()]].clone();
            let cut = bytes[..bytes.len() / 2].to_vec();
            let mut changed = bytes.clone();
            *changed.last_mut().unwrap() ^= 1;
            for replaced in [other, cut, changed, Vec::new()] {
                disk.files().insert(file.clone(), replaced);
                assert!(read().unwrap_err().is_damage());
            }
            disk.files().insert(file.clone(), bytes);
            read().unwrap();
        }
    }
}

#[test]
fn a_file_that_ends_early_under_the_threads_is_truncated() {
    let (_dir, history, surface) = written();
    let disk = Disk::of(surface.dir());
    for threads in [1, 2, 4] {
        let files: Vec<_> = surface.segments().map(|info| info.file.clone()).collect();
        for file in &files {
            let length = disk.files()[file].len();
            for end in [128, 200, length / 2, length - 1] {
                // Its footer is still there when it is opened, and gone when its records are read.
                let (path, footer) = (file.clone(), footer_offset(&disk.files()[file]));
                disk.set(Box::new(move |reading| {
                    let is_cut = reading.path == path && reading.offset < footer;
                    if is_cut {
                        reading.bytes = &reading.bytes[..end.min(footer)];
                        if reading.offset > end {
                            return Ok(0);
                        }
                    }
                    Ok(reading.give(usize::MAX))
                }));
                let pool = disk.pool(threads, Trust::Full);
                let pooled = surface.in_pool(&pool).unwrap();
                let read = read_all(&history, &mut pooled.cursor(0).unwrap());
                if end >= footer {
                    read.unwrap();
                    continue;
                }
                let what = damage(&read.unwrap_err());
                assert!(matches!(what, Damage::Truncated { .. }), "{what}");
            }
        }
    }
}

fn footer_offset(bytes: &[u8]) -> usize {
    match bytes.ends_with(b"HBSL") {
        true => {
            let length = &bytes[bytes.len() - 8..bytes.len() - 4];
            let length = u32::from_le_bytes(length.try_into().unwrap());
            bytes.len() - usize::try_from(length).unwrap()
        }
        false => bytes.len(),
    }
}

/// The same on a real file system, with a cursor in the middle of the file.
#[test]
fn files_cut_or_overwritten_on_disk_under_a_cursor_are_refused() {
    let shape = Shape {
        seed: 8,
        window_records: 8,
        max_window_bytes: 40_000,
        segment_bytes: 1 << 30,
        records: 1500,
        max_payload: 4000,
        dropped_percent: 0,
    };
    let dir = folder();
    let history = shape.write(dir.path());
    let surface = Surface::open(dir.path()).unwrap();
    let file = surface.segments().last().unwrap().file.clone();
    let bytes = fs::read(&file).unwrap();
    let writing = fs::File::options().write(true).open(&file).unwrap();
    for threads in [1, 2, 4] {
        let options = ReadOptions { threads, budget_bytes: 1 << 20, ..ReadOptions::default() };
        let pool = ReadPool::new(options).unwrap();
        let pooled = surface.in_pool(&pool).unwrap();
        let mut numbers = Numbers::new(4);
        for to in [20, 400] {
            let mut cursor = pooled.cursor(0).unwrap();
            history.read(&mut cursor, to, &mut numbers).unwrap();
            writing.set_len(u64::try_from(bytes.len() - 60).unwrap()).unwrap();
            let what = damage(&read_all(&history, &mut cursor).unwrap_err());
            assert!(matches!(what, Damage::Truncated { .. }), "{what}");
            history.check_place(&mut cursor);
            fs::write(&file, &bytes).unwrap();
            read_all(&history, &mut cursor).unwrap();

            let mut cursor = pooled.cursor(0).unwrap();
            history.read(&mut cursor, to, &mut numbers).unwrap();
            for at in (2_000_000..bytes.len()).step_by(50_000) {
                let at = u64::try_from(at).unwrap();
                writing.write_all_at(&[0xa5; 3000], at).unwrap();
            }
            assert!(read_all(&history, &mut cursor).unwrap_err().is_damage());
            history.check_place(&mut cursor);
            fs::write(&file, &bytes).unwrap();
            read_all(&history, &mut cursor).unwrap();
        }
    }
}
