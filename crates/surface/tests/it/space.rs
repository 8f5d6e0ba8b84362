//! A disk that fills up, for real: a tiny file system of its own, or a limit on file sizes. Both
//! are set up by a shell that then runs the ignored test of this binary in the prepared directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use holobiont_surface::{Surface, SurfaceError, SurfaceWriter, WriterOptions};

use crate::common::{append, expected_heads, genesis, payload, record};

const TINY_DISK: &str = "mount -t tmpfs -o size=192k tmpfs . && cd \"$PWD\" && exec \"$0\" --exact --ignored space::fills";
const FILE_LIMIT: &str = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact --ignored space::fills";
const NO_SYNC: &str = "exec strace -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO \"$0\" --exact --ignored space::cannot_sync";

fn run(dir: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let binary = std::env::current_exe().unwrap();
    let output = Command::new(program).args(arguments).arg(binary).current_dir(dir).output();
    let output = output.ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // Where the shell could not prepare the place, the test binary never ran.
    if !said.contains("running 1 test") {
        return None;
    }
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[test]
fn a_full_disk_poisons_the_writer_and_reopening_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = run(dir.path(), "unshare", &["-rm", "sh", "-c", TINY_DISK]);
    if mounted.is_none() {
        println!("skipped: no file system of its own can be mounted here");
    }
}

#[test]
fn a_file_size_limit_poisons_the_writer_and_reopening_recovers() {
    let dir = tempfile::tempdir().unwrap();
    if run(dir.path(), "sh", &["-c", FILE_LIMIT]).is_none() {
        println!("skipped: no limit on file sizes can be set here");
        return;
    }
    // Without the limit the surface goes on from the last whole record.
    let path = dir.path().join("surface");
    let mark = Surface::open(&path).unwrap().mark().unwrap();
    let (mut writer, _) = SurfaceWriter::open(&path, WriterOptions::default()).unwrap();
    let next = writer.next_seq();
    assert!(next > mark.seq);
    append(&mut writer, next..next + 100);
    assert_eq!(writer.sync().unwrap(), expected_heads(&genesis(), next + 100).last().copied());
}

/// Run by the two above, in a directory with little space.
#[test]
#[ignore = "needs a directory with little space: run by the tests above"]
fn fills() {
    let ballast = Path::new("ballast");
    fs::write(ballast, vec![1; 16 << 10]).unwrap();
    let path = Path::new("./surface");
    let options = WriterOptions::default();
    let mut writer = SurfaceWriter::create(path, genesis(), options).unwrap();
    append(&mut writer, 0..10);
    let durable = writer.sync().unwrap();
    let mut seq = 10;
    let error = loop {
        match writer.append(record(seq, &payload(seq))) {
            Ok(_) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 100_000, "this directory never fills up");
    };
    assert!(error.is_out_of_space() && error.is_io(), "{error}");
    let error = writer.append(record(seq, b"")).unwrap_err();
    assert!(matches!(error, SurfaceError::Poisoned { .. }), "{error}");
    assert!(matches!(writer.sync().unwrap_err(), SurfaceError::Poisoned { .. }));
    assert!(matches!(writer.seal().unwrap_err(), SurfaceError::Poisoned { .. }));
    assert!(matches!(writer.retain_from(1).unwrap_err(), SurfaceError::Poisoned { .. }));
    drop(writer);
    assert_eq!(Surface::open(path).unwrap().mark(), durable);

    fs::remove_file(ballast).unwrap();
    let (mut writer, recovery) = SurfaceWriter::open(path, options).unwrap();
    assert_eq!((writer.next_seq(), recovery.kept_after_mark), (seq, seq - 10));
    assert_eq!(writer.head(), expected_heads(&genesis(), seq).last().copied());
    writer.sync().unwrap();
}

#[test]
fn the_mark_does_not_move_before_the_records_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    if run(dir.path(), "sh", &["-c", NO_SYNC]).is_none() {
        println!("skipped: no system call can be made to fail here");
    }
}

/// Run by the one above, where `fdatasync` fails.
#[test]
#[ignore = "needs a disk that does not sync: run by the test above"]
fn cannot_sync() {
    let path = Path::new("./surface");
    let mut writer = SurfaceWriter::create(path, genesis(), WriterOptions::default()).unwrap();
    append(&mut writer, 0..3);
    assert!(writer.sync().unwrap_err().is_io());
    assert!(matches!(writer.sync().unwrap_err(), SurfaceError::Poisoned { .. }));
    drop(writer);
    assert_eq!(Surface::open(path).unwrap().mark(), None);
}
