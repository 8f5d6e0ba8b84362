//! Runs the binary, and keeps one run of the demo for all tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout.clone()).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr.clone()).expect("UTF-8"),
        }
    }

    /// The one JSON object on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Every one of these is told on standard error, wherever lines were broken.
    pub(crate) fn tells(&self, parts: &[&str]) {
        let words = |text: &str| -> String {
            text.chars().filter(|it| it.is_ascii_graphic()).filter(|it| *it != '|').collect()
        };
        for part in parts {
            assert!(words(&self.stderr).contains(&words(part)), "`{part}` in:\n{}", self.stderr);
        }
    }
}

pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("holobiont"));
    command.current_dir(dir).env("NO_COLOR", "1");
    command
}

/// Runs `holobiont` with these arguments in `dir`.
pub(crate) fn holobiont(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(&command(dir).args(args).output().expect("the binary runs"))
}

/// A finished demo: `organism.toml`, `orders.toml`, `surfaces/`, `out/`. Not to be written to.
pub(crate) struct Demo {
    _dir: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) ran: Ran,
}

pub(crate) fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let ran = holobiont(dir.path(), &["demo", "--html", "page", "--json"]).expect(0);
        Demo { root: dir.path().join("holobiont-demo"), _dir: dir, ran }
    })
}

/// A folder's copy.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
