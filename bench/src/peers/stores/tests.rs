use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::all;
use super::commitlog::Commitlog;
use super::hand_written::HandWritten;
use crate::peers::{Peer, PeerError};
use crate::{Sizes, Sum, Workload};

/// Enough for several batches of every store, and for payloads of nearly 16 KiB.
const ZIPF: Workload = Workload { seed: 5, member: 2, records: 6_000, sizes: Sizes::Zipf };

fn replayed(peer: &dyn Peer, dir: &Path) -> Result<Sum, PeerError> {
    let mut sum = Sum::default();
    peer.replay(dir, &mut sum).map(|()| sum)
}

fn written(peer: &dyn Peer, workload: &Workload) -> TempDir {
    let dir = TempDir::new().unwrap();
    peer.write(dir.path(), workload).unwrap();
    dir
}

#[test]
fn every_peer_reads_what_was_written_each_time_that_it_opens() {
    let fixed = Workload { sizes: Sizes::Fixed(64), records: 1_500, ..ZIPF };
    let one = Workload { records: 1, ..ZIPF };
    for peer in all() {
        for workload in [ZIPF, fixed, one] {
            let dir = written(&*peer, &workload);
            for open in ["first", "second"] {
                let sum = replayed(&*peer, dir.path()).unwrap();
                assert_eq!(sum, workload.sum(), "{}, {open} time", peer.name());
            }
        }
    }
}

#[test]
fn an_altered_byte_of_the_hand_written_log_is_refused() {
    let workload = Workload { records: 40, ..ZIPF };
    let dir = written(&HandWritten, &workload);
    let log = dir.path().join("records.log");
    let honest = fs::read(&log).unwrap();
    for at in (0..honest.len()).step_by(7) {
        let mut altered = honest.clone();
        altered[at] ^= 0x10;
        fs::write(&log, altered).unwrap();
        replayed(&HandWritten, dir.path()).unwrap_err();
    }
}

#[test]
fn a_cut_of_the_hand_written_log_is_refused() {
    let dir = written(&HandWritten, &Workload { sizes: Sizes::Fixed(64), records: 40, ..ZIPF });
    let log = dir.path().join("records.log");
    let honest = fs::read(&log).unwrap();
    for length in (0..honest.len()).rev().step_by(5) {
        fs::write(&log, &honest[..length]).unwrap();
        replayed(&HandWritten, dir.path()).unwrap_err();
    }
}

/// So says its column of checks.
#[test]
fn commitlog_checks_messages_when_it_reads_them() {
    let dir = written(&Commitlog, &Workload { records: 40, ..ZIPF });
    let is_log = |path: &PathBuf| path.extension().is_some_and(|is| is == "log");
    let log = fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().path()).find(is_log).unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&log, bytes).unwrap();
    replayed(&Commitlog, dir.path()).unwrap_err();
}

#[test]
fn names_tell_the_version_that_is_built() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    for peer in all() {
        let words: Vec<&str> = peer.name().split([' ', '(', ')', ',', ';']).collect();
        let packages = words.windows(2).filter(|pair| {
            pair[1].contains('.') && lock.contains(&format!("name = \"{}\"\n", pair[0]))
        });
        let mut checked = 0;
        for pair in packages {
            let built = format!("name = \"{}\"\nversion = \"{}.", pair[0], pair[1]);
            assert!(lock.contains(&built), "{}", peer.name());
            checked += 1;
        }
        assert!(checked > 0, "{}", peer.name());
    }
}
