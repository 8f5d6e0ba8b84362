//! What is verified when surfaces are read, and what is not.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Ran, copy, demo, holobiont};

/// The demo's rates once more, in segments small enough to be sealed.
fn world() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let rates =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/euro-fx/eurofxref-hist.csv");
    let import = ["surface", "import", rates.to_str().unwrap(), "--clock-column", "Date"];
    let rest = ["--clock", "days", "--stable-id", "ecb.euro-fx.", "--out", "surfaces"];
    let small = ["--segment-bytes", "65536"];
    holobiont(dir.path(), &[&import[..], &rest, &small].concat()).expect(0);
    fs::copy(demo().root.join("organism.toml"), dir.path().join("organism.toml")).unwrap();
    fs::write(dir.path().join("node.key"), format!("{}\n", "5a".repeat(32))).unwrap();
    dir
}

fn replay(dir: &Path, out: &str, verify: &[&str]) -> Ran {
    let args = ["replay", "--organism", "organism.toml", "--surfaces", "surfaces", "--json"];
    holobiont(dir, &[&args[..], &["--out", out], verify].concat())
}

#[test]
fn sealed_segments_are_checked_by_crc_and_give_the_same() {
    let dir = world();
    let full = replay(dir.path(), "full", &[]).expect(0).json();
    assert_eq!(
        (&full["pace"]["windows_crc_checked"], &full["pace"]["windows_unverified"]),
        (&0.into(), &0.into())
    );

    let by_seal = ["--verify", "seal", "--seal-key", "node.key"];
    let unsealed = replay(dir.path(), "unsealed", &by_seal).expect(0).json();
    assert_eq!(unsealed["pace"]["windows_crc_checked"], 0, "nothing is sealed yet");

    let sealed = ["surface", "seal", "surfaces", "--key", "node.key", "--json"];
    let sealed = holobiont(dir.path(), &sealed).expect(0).json();
    let counts = sealed["surfaces"].as_array().unwrap().iter();
    let segments: u64 = counts.map(|it| it["segments_sealed"].as_u64().unwrap()).sum();
    assert!(segments > 41, "{segments}");

    let seal = replay(dir.path(), "seal", &by_seal).expect(0).json();
    assert!(seal["pace"]["windows_crc_checked"].as_u64().unwrap() > 0);
    for what in ["output_head", "state_digest", "log_digest"] {
        assert_eq!((&seal[what], &unsealed[what]), (&full[what], &full[what]), "{what}");
    }
}

#[test]
fn what_is_not_verified_is_said_to_prove_nothing() {
    let dir = tempfile::tempdir().unwrap();
    copy(&demo().root.join("surfaces"), &dir.path().join("surfaces"));
    fs::copy(demo().root.join("organism.toml"), dir.path().join("organism.toml")).unwrap();
    let ran = replay(dir.path(), "none", &["--verify", "none"]).expect(0);
    ran.tells(&["proves nothing"]);
    let told: Value = ran.json();
    assert_eq!(told["pace"]["windows_hashed"], 0);
    assert!(told["pace"]["windows_unverified"].as_u64().unwrap() > 0);
}

#[test]
fn a_seal_needs_a_key_that_is_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("short.key"), "5a5a").unwrap();
    let args = ["surface", "seal", "surfaces", "--key", "short.key"];
    holobiont(dir.path(), &args).expect(5).tells(&["64 hex digits"]);
    let args = ["replay", "--organism", "o", "--surfaces", "s", "--out", "p", "--verify", "seal"];
    holobiont(dir.path(), &args).expect(2).tells(&["--seal-key"]);
}
