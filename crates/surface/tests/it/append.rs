use holobiont_surface::{Genesis, GenesisError, NewRecord, Sealed, SurfaceError, SurfaceWriter};

use crate::common::{SMALL, append, genesis, only, payload, record};

/// What is refused changes nothing: a good record follows in its place.
fn refused(records: &[(NewRecord<'_>, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.every_record_closes = true;
    let mut writer = SurfaceWriter::create(dir.path(), genesis, SMALL).unwrap();
    writer.append(GOOD).unwrap();
    let head = writer.head();
    for (record, said) in records {
        let error = writer.append(*record).unwrap_err();
        assert!(!error.is_io() && error.to_string().contains(said), "{error}");
    }
    assert_eq!(writer.head(), head);
    let largest = NewRecord { clock: 6, payload: &[0; 288], ..GOOD };
    assert_eq!(writer.append(largest).unwrap(), 1);
}

const GOOD: NewRecord<'_> =
    NewRecord { clock: 5, closes_clock: true, time_ms: 0, kind: 3, payload: b"x" };

#[test]
fn refuses_records_whose_clock_cannot_follow() {
    refused(&[
        (GOOD, "clock 5 is closed"),
        (NewRecord { clock: 4, ..GOOD }, "clock 4 cannot follow clock 5"),
        (NewRecord { clock: 6, closes_clock: false, ..GOOD }, "the one of clock 6 does not"),
    ]);
}

#[test]
fn refuses_records_that_do_not_fit_their_form() {
    let next = NewRecord { clock: 6, ..GOOD };
    refused(&[
        (NewRecord { payload: &[0; 289], ..next }, "328 bytes does not fit a window of 320"),
        (NewRecord { time_ms: 1 << 48, ..next }, "does not fit in 48 bits"),
        (NewRecord { kind: 0x8001, ..next }, "kind 0x8001 uses the high bit"),
    ]);
}

#[test]
fn refuses_a_directory_that_is_taken_or_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let error = SurfaceWriter::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(error, SurfaceError::NotASurface { .. }), "{error}");
    let writer = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap();
    let error = SurfaceWriter::open(dir.path(), SMALL).unwrap_err();
    assert!(matches!(error, SurfaceError::Locked { .. }), "{error}");
    drop(writer);
    let error = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap_err();
    assert!(matches!(error, SurfaceError::AlreadyExists { .. }), "{error}");

    // A lost genesis does not make the rest free to overwrite.
    std::fs::remove_file(dir.path().join("genesis")).unwrap();
    let error = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap_err();
    assert!(matches!(error, SurfaceError::AlreadyExists { .. }), "{error}");
}

#[test]
fn refuses_a_genesis_out_of_range() {
    let dir = tempfile::tempdir().unwrap();
    for bad in [
        Genesis { window_records: 0, ..genesis() },
        Genesis { window_records: 65_537, ..genesis() },
        Genesis { max_window_bytes: 39, ..genesis() },
        Genesis { max_window_bytes: (64 << 20) + 1, ..genesis() },
    ] {
        let error = SurfaceWriter::create(dir.path(), bad.clone(), SMALL).unwrap_err();
        assert!(matches!(error, SurfaceError::BadGenesis(GenesisError::OutOfRange { .. })));
        assert!(matches!(Genesis::decode(&bad.encode()), Err(GenesisError::OutOfRange { .. })));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn seals_on_demand_only_where_a_window_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.max_window_bytes = 1 << 20;
    let options = holobiont_surface::WriterOptions::default();
    let mut writer = SurfaceWriter::create(dir.path(), genesis, options).unwrap();
    assert_eq!(writer.seal().unwrap(), Sealed::No);
    append(&mut writer, 0..3);
    assert_eq!(writer.seal().unwrap(), Sealed::No);
    append(&mut writer, 3..4);
    let sealed = only_sealed(writer.seal().unwrap());
    assert_eq!(sealed, (only(dir.path(), "segment"), 3));
    assert_eq!(writer.seal().unwrap(), Sealed::No);
    writer.append(record(4, &payload(4))).unwrap();
    assert_eq!(writer.seal().unwrap(), Sealed::No);
}

fn only_sealed(sealed: Sealed) -> (std::path::PathBuf, u64) {
    let Sealed::Yes { file, last_seq } = sealed else {
        panic!("not sealed");
    };
    (file, last_seq)
}
