//! Who may import whom, and what the pure crates may not touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The arrows of the design, one step each; what they reach together is allowed too.
const ARROWS: [(&str, &[&str]); 14] = [
    ("identity", &[]),
    ("surface", &["identity"]),
    ("policy", &["identity"]),
    ("replay", &["policy", "surface"]),
    ("programs", &["replay"]),
    ("attestation", &["identity"]),
    ("committee", &["replay", "attestation"]),
    ("mosaik", &["surface", "attestation"]),
    ("enclave", &["attestation"]),
    ("enclave-simulated", &["attestation"]),
    ("simulated", &["attestation"]),
    ("bench", &["programs"]),
    ("node", &["committee", "mosaik", "programs", "enclave", "bench"]),
    ("fuzz", &["node", "committee", "mosaik", "programs", "enclave"]),
];

/// Crates whose decisions must be a function of their arguments.
const PURE: [&str; 5] = ["identity", "surface", "policy", "replay", "programs"];

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
            for name in IMPURE {
                assert!(!needed.contains(name), "{room} may not use {name}");
            }
        }
    }
}

#[test]
fn pure_crates_forbid_clocks_environment_hash_maps_and_floats() {
    for room in PURE {
        let lints =
            fs::read_to_string(root().join("crates").join(room).join("clippy.toml")).unwrap();
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
        let library = root().join("crates").join(room).join("src/lib.rs");
        let library = fs::read_to_string(library).unwrap();
        let denied = "#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]";
        assert!(library.contains(denied), "{room}");
    }
}

#[test]
fn unsafe_code_is_forbidden_but_where_files_are_mapped() {
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let dir = entry.unwrap().path();
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
    let rooms = crates.map(|entry| entry.unwrap().path()).chain([root().join("bench")]);
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
