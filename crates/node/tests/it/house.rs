//! Who may import whom, and what the pure crates may not touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The arrows of the design, one step each; what they reach together is allowed too.
const ARROWS: [(&str, &[&str]); 20] = [
    ("identity", &[]),
    ("surface", &["identity"]),
    ("policy", &["identity"]),
    ("replay", &["policy", "surface"]),
    ("programs", &["replay"]),
    ("attestation", &["identity"]),
    ("attestation-tls", &["attestation"]),
    ("attestation-pccs", &["attestation"]),
    ("archive", &["surface", "attestation-tls"]),
    ("committee", &["replay"]),
    ("committee-store", &["identity"]),
    ("committee-fold", &["committee", "programs"]),
    ("committee-raft", &["committee-store", "committee-fold"]),
    ("mosaik", &["surface", "attestation-tls"]),
    ("enclave", &["attestation"]),
    ("enclave-simulated", &["attestation"]),
    ("simulated", &["attestation"]),
    ("bench", &["programs", "attestation", "enclave-simulated"]),
    (
        "node",
        &[
            "archive",
            "committee-raft",
            "mosaik",
            "programs",
            "attestation-pccs",
            "enclave",
            "enclave-simulated",
            "bench",
        ],
    ),
    ("fuzz", &["node", "archive", "committee-raft", "mosaik", "programs", "enclave"]),
];

/// Crates whose decisions must be a function of their arguments.
const PURE: [&str; 7] =
    ["identity", "surface", "policy", "replay", "programs", "committee", "attestation"];

/// What a pure crate may use all the same: libraries that take the time as an argument.
const LET_THROUGH: [(&str, &str); 3] =
    [("attestation", "dcap-qvl"), ("attestation", "tdx-quote"), ("attestation", "jiff")];

/// Packages that bring a clock, a network or randomness with them.
const IMPURE: [&str; 12] = [
    "tokio",
    "rand",
    "getrandom",
    "chrono",
    "time",
    "jiff",
    "reqwest",
    "hyper",
    "rustls",
    "mosaik",
    "dcap-qvl",
    "tdx-quote",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Where a crate under `crates` or at the top is.
fn folder(room: &str) -> PathBuf {
    let inside = root().join("crates").join(room);
    if inside.is_dir() { inside } else { root().join(room) }
}

/// The rooms that are neither right under `crates` nor the benchmark.
fn outside() -> [PathBuf; 8] {
    [
        "attestation",
        "attestation/tls",
        "attestation/pccs",
        "crates/committee/fold",
        "crates/committee/raft",
        "crates/committee/store",
        "enclave",
        "enclave/simulated",
    ]
    .map(|room| root().join(room))
}

/// Every workspace member's own dependencies, without those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned(), "--locked".to_owned()])
        .exec()
        .unwrap();
    metadata
        .packages
        .iter()
        .map(|package| {
            let needed =
                package.dependencies.iter().filter(|it| it.kind != DependencyKind::Development);
            (package.name.to_string(), needed.map(|it| it.name.clone()).collect())
        })
        .collect()
}

fn reachable(from: &str) -> BTreeSet<&'static str> {
    let direct = ARROWS.iter().find(|(name, _)| *name == from).map(|(_, to)| *to);
    let mut all = BTreeSet::new();
    for to in
        direct.unwrap_or_else(|| panic!("{from} is no room of the house: add it to the design"))
    {
        all.insert(*to);
        all.extend(reachable(to));
    }
    all
}

#[test]
fn nobody_imports_what_the_design_does_not_draw() {
    let dependencies = dependencies();
    assert!(dependencies.len() >= 6);
    for (package, needed) in &dependencies {
        let room =
            package.strip_prefix("holobiont-").expect("packages are named holobiont-<folder>");
        let allowed = reachable(room);
        for name in needed.iter().filter_map(|name| name.strip_prefix("holobiont-")) {
            assert!(allowed.contains(name), "{room} may not import {name}");
        }
    }
}

#[test]
fn pure_crates_bring_no_clock_network_or_randomness() {
    for (package, needed) in dependencies() {
        let room = package.strip_prefix("holobiont-").unwrap();
        if PURE.contains(&room) {
            for name in IMPURE.into_iter().filter(|name| !LET_THROUGH.contains(&(room, *name))) {
                assert!(!needed.contains(name), "{room} may not use {name}");
            }
        }
    }
}

#[test]
fn pure_crates_forbid_clocks_environment_hash_maps_and_floats() {
    for room in PURE {
        let lints = fs::read_to_string(folder(room).join("clippy.toml")).unwrap();
        for path in [
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "std::thread::sleep",
            "std::env::var",
            "std::collections::HashMap",
            "std::collections::HashSet",
            "\"f32\"",
            "\"f64\"",
        ] {
            assert!(lints.contains(path), "{room}/clippy.toml lets {path} through");
        }
        let library = fs::read_to_string(folder(room).join("src/lib.rs")).unwrap();
        let denied = "#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]";
        assert!(library.contains(denied), "{room}");
    }
}

#[test]
fn unsafe_code_is_forbidden_but_where_files_are_mapped() {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for dir in crates.chain(outside()) {
        let main = if dir.ends_with("node") { "src/main.rs" } else { "src/lib.rs" };
        let forbids =
            fs::read_to_string(dir.join(main)).unwrap().contains("#![forbid(unsafe_code)]");
        assert_eq!(forbids, !dir.ends_with("surface"), "{}", dir.display());
    }
    for (room, allowed) in [("crates/surface", "mapped.rs"), ("bench", "mapped.rs")] {
        let mut allowing = Vec::new();
        let mut dirs = vec![root().join(room).join("src")];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if fs::read_to_string(&path).unwrap_or_default().contains("(unsafe_code") {
                    allowing.push(path.file_name().unwrap().to_owned());
                }
            }
        }
        assert_eq!(allowing, [allowed], "{room}");
    }
}

#[test]
fn versions_live_in_one_table() {
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let rooms =
        crates.map(|entry| entry.unwrap().path()).chain(outside()).chain([root().join("bench")]);
    for manifest in rooms.map(|room| room.join("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).unwrap();
        let table: toml::Table = text.parse().unwrap();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(listed) = table.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, value) in listed {
                let from_table = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(from_table, Some(true), "{}: {name}", manifest.display());
            }
        }
    }
}

/// Cargo unites features: any crate in the graph could turn this one on for all.
#[test]
fn nobody_lets_tcb_levels_be_overridden() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .unwrap();
    let verifiers: Vec<_> =
        metadata.packages.iter().filter(|package| package.name.as_str() == "dcap-qvl").collect();
    assert_eq!(verifiers.len(), 1, "one dcap-qvl, the one that is pinned");
    assert_eq!(verifiers[0].version.to_string(), "0.7.1");
    let resolved = metadata.resolve.as_ref().unwrap();
    let node = resolved.nodes.iter().find(|node| node.id == verifiers[0].id).unwrap();
    let features: Vec<&str> = node.features.iter().map(|feature| feature.as_str()).collect();
    for forbidden in ["danger-allow-tcb-override", "report", "rustcrypto", "default"] {
        assert!(!features.contains(&forbidden), "{features:?}");
    }
    for feature in ["std", "ring", "default-x509"] {
        assert!(features.contains(&feature), "{features:?}");
    }
}

/// What is left of simulated TDX in a production build: nothing. Built as the README says, but
/// unoptimised.
#[test]
fn a_production_build_knows_no_simulated_tdx() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("production");
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        .args(["build", "--locked", "--quiet", "--package", "holobiont-node"])
        .args(["--no-default-features", "--features", "second-opinion"])
        .args(["--config", "profile.dev.opt-level=0", "--config", "profile.dev.debug=false"])
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        .arg("--target-dir")
        .arg(&target);
    assert!(cargo.status().unwrap().success());
    let production = fs::read(target.join("debug/holobiont")).unwrap();
    let ours = fs::read(assert_cmd::cargo::cargo_bin!("holobiont")).unwrap();
    let has = |binary: &[u8], text: &str| {
        binary.windows(text.len()).any(|window| window == text.as_bytes())
    };
    // The first is in the certificates that the simulator makes.
    for mark in ["holobiont simulated Intel", "insecure-simulated-tdx", "enclave-simulated"] {
        assert!(
            has(&ours, mark) || mark == "enclave-simulated",
            "{mark} is nowhere: look for another"
        );
        assert!(!has(&production, mark), "{mark}");
    }
    assert!(has(&production, "PCK chain does not lead to"), "it is the program that was searched");
    let dev = std::process::Command::new(target.join("debug/holobiont")).arg("dev").output();
    assert_eq!(dev.unwrap().status.code(), Some(2), "there is no such command");
}
