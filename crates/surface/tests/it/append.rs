use holobiont_surface::{Genesis, GenesisError, NewRecord, Sealed, SurfaceError, SurfaceWriter};

use crate::common::{SMALL, append, genesis, only, payload, record};

#[test]
fn refuses_records_that_cannot_follow_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.every_record_closes = true;
    let mut writer = SurfaceWriter::create(dir.path(), genesis, SMALL).unwrap();
    let good = NewRecord {
        closes_clock: true,
        ..record(10, b"x")
    };
    assert_eq!(writer.append(good).unwrap(), 0);
    let head = writer.head();

    let refused = |writer: &mut SurfaceWriter, record| writer.append(record).unwrap_err();
    let error = refused(&mut writer, good);
    assert!(
        matches!(error, SurfaceError::ClockReopened { clock: 5 }),
        "{error}"
    );
    let error = refused(&mut writer, NewRecord { clock: 4, ..good });
    assert!(
        matches!(
            error,
            SurfaceError::ClockWentBack {
                previous: 5,
                got: 4
            }
        ),
        "{error}"
    );
    let error = refused(
        &mut writer,
        NewRecord {
            clock: 6,
            closes_clock: false,
            ..good
        },
    );
    assert!(
        matches!(error, SurfaceError::ClockNotClosed { clock: 6 }),
        "{error}"
    );
    let large = vec![0; 289];
    let error = refused(
        &mut writer,
        NewRecord {
            clock: 6,
            payload: &large,
            ..good
        },
    );
    assert!(
        matches!(
            error,
            SurfaceError::RecordTooLarge {
                size_bytes: 328,
                limit_bytes: 320
            }
        ),
        "{error}"
    );
    let error = refused(
        &mut writer,
        NewRecord {
            clock: 6,
            time_ms: 1 << 48,
            ..good
        },
    );
    assert!(
        matches!(error, SurfaceError::TimeOutOfRange { .. }),
        "{error}"
    );
    let error = refused(
        &mut writer,
        NewRecord {
            clock: 6,
            kind: 0x8001,
            ..good
        },
    );
    assert!(
        matches!(error, SurfaceError::KindOutOfRange { kind: 0x8001 }),
        "{error}"
    );

    assert_eq!(writer.head(), head);
    assert_eq!(
        writer
            .append(NewRecord {
                clock: 6,
                payload: &large[..288],
                ..good
            })
            .unwrap(),
        1
    );
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
    assert!(
        matches!(error, SurfaceError::AlreadyExists { .. }),
        "{error}"
    );

    // A lost genesis does not make the rest free to overwrite.
    std::fs::remove_file(dir.path().join("genesis")).unwrap();
    let error = SurfaceWriter::create(dir.path(), genesis(), SMALL).unwrap_err();
    assert!(
        matches!(error, SurfaceError::AlreadyExists { .. }),
        "{error}"
    );
}

#[test]
fn refuses_a_genesis_out_of_range() {
    let dir = tempfile::tempdir().unwrap();
    for bad in [
        Genesis {
            window_records: 0,
            ..genesis()
        },
        Genesis {
            window_records: 65_537,
            ..genesis()
        },
        Genesis {
            max_window_bytes: 39,
            ..genesis()
        },
        Genesis {
            max_window_bytes: (64 << 20) + 1,
            ..genesis()
        },
    ] {
        let error = SurfaceWriter::create(dir.path(), bad.clone(), SMALL).unwrap_err();
        assert!(matches!(
            error,
            SurfaceError::BadGenesis(GenesisError::OutOfRange { .. })
        ));
        assert!(matches!(
            Genesis::decode(&bad.encode()),
            Err(GenesisError::OutOfRange { .. })
        ));
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
