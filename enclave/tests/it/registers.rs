//! Registers as the kernel shows them, and RTMR3's extension.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use holobiont_enclave::{FileTree, Registers, RegistersError, Roots, Tree};
use holobiont_identity::pins::Measurement;
use sha2::{Digest, Sha384};

const NAMES: [&str; 8] = [
    "mrtd:sha384",
    "rtmr0:sha384",
    "rtmr1:sha384",
    "rtmr2:sha384",
    "rtmr3:sha384",
    "mrconfigid",
    "mrowner",
    "mrownerconfig",
];

/// Registers in real files, each full of its place in [`NAMES`].
fn machine() -> (tempfile::TempDir, Roots) {
    let temporary = tempfile::tempdir().unwrap();
    let roots = Roots::under(temporary.path());
    fs::create_dir_all(&roots.measurements).unwrap();
    for (name, value) in NAMES.iter().zip(0_u8..) {
        fs::write(roots.measurements.join(name), [value; 48]).unwrap();
    }
    (temporary, roots)
}

/// The real files, where writing to a register extends it as the kernel does; and a rival, who
/// extends it again.
#[derive(Debug)]
struct Extending {
    rival: bool,
    written: Mutex<Vec<Vec<u8>>>,
}

impl Extending {
    fn new(rival: bool) -> Self {
        Self { rival, written: Mutex::new(Vec::new()) }
    }
}

fn extended(register: &[u8], digest: &[u8]) -> [u8; 48] {
    Sha384::new().chain_update(register).chain_update(digest).finalize().into()
}

impl Tree for &Extending {
    fn probe(&self, path: &Path) -> io::Result<()> {
        FileTree.probe(path)
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_directory(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read(&self, path: &Path, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let register = FileTree.read(path, limit_bytes);
        // Whoever does not wait for his turn extends it meanwhile.
        (0..1_000).for_each(|_| std::thread::yield_now());
        register
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        assert!(path.ends_with("rtmr3:sha384"));
        self.written.lock().unwrap().push(bytes.to_vec());
        let mut register = extended(&fs::read(path)?, bytes);
        if self.rival {
            register = extended(&register, bytes);
        }
        FileTree.write(path, &register)
    }
}

#[test]
fn every_register_is_read_from_its_own_file() {
    let (_temporary, roots) = machine();
    let registers = Registers::new(&roots).read().unwrap();
    assert_eq!(registers.mrtd, Measurement([0; 48]));
    assert_eq!(registers.rtmr, [1, 2, 3, 4].map(|value| Measurement([value; 48])));
    assert_eq!(registers.mrconfigid, Measurement([5; 48]));
    assert_eq!(registers.mrowner, Measurement([6; 48]));
    assert_eq!(registers.mrownerconfig, Measurement([7; 48]));
}

#[test]
fn an_extension_is_written_once_and_read_back() {
    let (_temporary, roots) = machine();
    let kernel = Extending::new(false);
    let after = Registers::with(&kernel, &roots).extend_rtmr3(&[9; 48]).unwrap();
    assert_eq!(after.0, extended(&[4; 48], &[9; 48]));
    assert_eq!(*kernel.written.lock().unwrap(), [vec![9; 48]]);
    let again = Registers::with(&kernel, &roots).extend_rtmr3(&[8; 48]).unwrap();
    assert_eq!(again.0, extended(&after.0, &[8; 48]));
}

#[test]
fn extensions_of_several_threads_follow_each_other() {
    let (_temporary, roots) = machine();
    let kernel = Extending::new(false);
    std::thread::scope(|scope| {
        for digest in 0..4 {
            let registers = Registers::with(&kernel, &roots);
            scope.spawn(move || registers.extend_rtmr3(&[digest; 48]).unwrap());
        }
    });
    let written = kernel.written.lock().unwrap();
    let expected = written.iter().fold([4; 48], |register, digest| extended(&register, digest));
    assert_eq!(Registers::new(&roots).read().unwrap().rtmr[3].0, expected);
}

#[test]
fn a_rival_who_extends_too_is_noticed() {
    let (_temporary, roots) = machine();
    let kernel = Extending::new(true);
    let error = Registers::with(&kernel, &roots).extend_rtmr3(&[9; 48]).unwrap_err();
    let RegistersError::Contested { expected, .. } = error else { panic!("{error}") };
    assert_eq!(expected.0, extended(&[4; 48], &[9; 48]));
}

#[test]
fn an_older_kernel_shows_none() {
    let temporary = tempfile::tempdir().unwrap();
    let registers = Registers::new(&Roots::under(temporary.path()));
    for error in [registers.read().unwrap_err(), registers.extend_rtmr3(&[9; 48]).unwrap_err()] {
        assert!(matches!(error, RegistersError::Unsupported { .. }), "{error}");
    }
}

#[test]
fn a_register_of_another_length_refuses_all() {
    for length in [0, 47, 49, 96] {
        let (_temporary, roots) = machine();
        fs::write(roots.measurements.join("rtmr2:sha384"), vec![1; length]).unwrap();
        let error = Registers::new(&roots).read().unwrap_err();
        let RegistersError::Malformed { path, found_bytes } = error else { panic!("{error}") };
        assert_eq!(found_bytes, length);
        assert!(path.ends_with("rtmr2:sha384"));
    }
}

#[test]
fn a_missing_register_refuses_all() {
    let (_temporary, roots) = machine();
    fs::remove_file(roots.measurements.join("mrowner")).unwrap();
    assert!(matches!(Registers::new(&roots).read(), Err(RegistersError::Io { doing: "read", .. })));
}
