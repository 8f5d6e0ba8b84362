//! `bench replay`, on few records: what it says, never how fast it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, copy, demo, holobiont};

/// Rows that every build has, on two threads.
const ROWS: [(&str, &[&str]); 3] = [
    (
        "fixed-256",
        &[
            "fetch-hash-1-core",
            "fetch-hash-all-cores",
            "hash-1-core",
            "hash-all-cores",
            "crc32c",
            "memory-copy",
            "read",
            "mapped-casts",
            "direct-1",
            "direct-4",
            "scan-1-core",
            "scan-all-cores",
            "scan-seal",
            "scan-none",
            "scan-none-mapped",
            "cold-scan-all-cores",
            "replay-1-core",
            "replay-all-cores",
            "merge-1-1-core",
            "merge-1-all-cores",
            "merge-2-1-core",
            "merge-2-all-cores",
            "merge-8-1-core",
            "merge-8-all-cores",
        ],
    ),
    (
        "zipf",
        &["fetch-hash-1-core", "mapped-casts", "scan-1-core", "scan-all-cores", "replay-1-core"],
    ),
    (
        "ecb",
        &[
            "fetch-hash-1-core",
            "replay-1-core",
            "replay-all-cores",
            "cross-feed-1-core",
            "cross-feed-all-cores",
        ],
    ),
];

/// A quick run that kept its records, and the report that it wrote.
struct Kept {
    _dir: TempDir,
    records: PathBuf,
    json: PathBuf,
    ran: Ran,
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let args = "bench replay --quick --threads 2 --keep --dir records --out out --json";
        let ran = run(dir.path(), args).expect(0);
        let (records, json) = (dir.path().join("records"), dir.path().join("out/replay.json"));
        Kept { _dir: dir, records, json, ran }
    })
}

fn run(dir: &Path, args: &str) -> Ran {
    holobiont(dir, &args.split(' ').collect::<Vec<_>>())
}

/// Measures kept records again, only one row and its floor.
fn again(records: &Path, more: &str) -> Ran {
    let records = records.to_str().unwrap();
    let args = "bench replay --reuse --threads 2 --repeat 1 --only fixed-256/scan-1-core --dir";
    run(Path::new("."), &format!("{args} {records} {more}"))
}

fn scenario<'a>(report: &'a Value, name: &str) -> &'a Value {
    let scenarios = report["scenarios"].as_array().unwrap();
    scenarios.iter().find(|it| it["name"] == name).unwrap()
}

fn row<'a>(scenario: &'a Value, name: &str) -> &'a Value {
    let rows = scenario["rows"].as_array().unwrap();
    rows.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_row_arrives_at_what_it_must() {
    let report = kept().ran.json();
    assert_eq!(
        (&report["schema"], &report["ok"]),
        (&"holobiont.bench-replay/v1".into(), &true.into())
    );
    assert_eq!(report["valid"], true);
    for (name, rows) in ROWS {
        let scenario = scenario(&report, name);
        for name in rows {
            let row = row(scenario, name);
            let is_direct = name.starts_with("direct");
            let outcome = &row["outcome"]["is"];
            assert!(outcome == "valid" || (is_direct && outcome == "skipped"), "{row}");
            assert!(outcome == "skipped" || row["records_per_s"]["median"].as_f64() > Some(0.0));
        }
    }
    for name in ["fixed-256", "zipf"] {
        let scenario = scenario(&report, name);
        assert_eq!(scenario["sum"]["records"], 4096);
        assert!(row(scenario, "scan-1-core")["peak_bytes"].as_u64() > Some(0));
    }
    let merged = row(scenario(&report, "fixed-256"), "merge-8-1-core");
    assert_eq!(merged["ratios"][0]["against"], "fetch-hash-1-core");
    assert_eq!(merged["ratios"][1]["at_least"], 0.85);
    assert_eq!(merged["ratios"][1]["holds"], Value::Null, "a quick run judges nothing");
    assert_eq!(report["limits"].as_array().unwrap().len(), 2);
}

#[test]
fn the_rates_lead_to_the_head_that_the_demo_publishes() {
    let report = kept().ran.json();
    assert_eq!(scenario(&report, "ecb")["head"], demo().ran.json()["output_head"]);
}

#[test]
fn the_file_holds_what_was_printed() {
    let file: Value = serde_json::from_slice(&fs::read(&kept().json).unwrap()).unwrap();
    let printed = kept().ran.json();
    for part in ["scenarios", "limits", "machine", "settings", "notes"] {
        assert_eq!(file[part], printed[part], "{part}");
    }
    let page = fs::read_to_string(kept().json.with_file_name("replay.html")).unwrap();
    assert!(page.contains("fixed-256") && !page.contains("src="), "one self-contained page");
}

#[test]
fn a_baseline_is_compared_by_its_ratios_to_floors() {
    let dir = tempfile::tempdir().unwrap();
    let own = kept().json.to_str().unwrap();
    let same = again(&kept().records, &format!("--json --baseline {own} --threshold 100"));
    let same = same.expect(0).json();
    let compared = same["compared"].as_array().unwrap();
    let of = |name: &str| compared.iter().find(|it| it["row"] == name).unwrap();
    assert_eq!(of("fixed-256/scan-1-core")["floor"], "fetch-hash-1-core");
    assert!(of("fixed-256/scan-1-core")["now"].is_number());
    assert_eq!(of("zipf/scan-1-core")["now"], Value::Null, "not asked for, and no regression");

    let mut better: Value = serde_json::from_slice(&fs::read(own).unwrap()).unwrap();
    let rows = better["scenarios"][0]["rows"].as_array_mut().unwrap();
    let scan = rows.iter_mut().find(|it| it["name"] == "scan-1-core").unwrap();
    scan["ratios"][0]["ratio"]["median"] = 1e6.into();
    let doctored = dir.path().join("better.json");
    fs::write(&doctored, better.to_string()).unwrap();
    let doctored = doctored.to_str().unwrap();
    let worse = again(&kept().records, &format!("--json --baseline {doctored}")).expect(8);
    assert_eq!(worse.json()["ok"], false);
    worse.tells(&["fixed-256/scan-1-core is 100.0 % worse against fetch-hash-1-core"]);
    let text = again(&kept().records, &format!("--baseline {doctored}")).expect(8);
    assert!(text.stdout.contains("REGRESSED"), "{}", text.stdout);

    fs::write(dir.path().join("no.json"), "{\"scenarios\": 1}").unwrap();
    let none = dir.path().join("no.json");
    again(&kept().records, &format!("--baseline {}", none.display())).expect(5);
    again(&kept().records, &format!("--baseline {own} --threshold NaN")).expect(2);
}

#[test]
fn an_altered_record_makes_the_run_invalid() {
    let dir = tempfile::tempdir().unwrap();
    let records = dir.path().join("records");
    copy(&kept().records, &records);
    let member = records.join("fixed-256/members-1/surfaces/m000");
    let segment = fs::read_dir(member).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|it| it.extension().is_some_and(|it| it == "segment"));
    let segment = segment.unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let first_payload = 128 + 32;
    bytes[first_payload] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let ran = again(&records, "--json").expect(7);
    assert_eq!((&ran.json()["ok"], &ran.json()["valid"]), (&false.into(), &false.into()));
    ran.tells(&["this run is INVALID", "fixed-256/scan-1-core", "damage"]);
    let records = records.display();
    let casts = format!("bench replay --reuse --repeat 1 --only mapped-casts --dir {records}");
    let casts = run(dir.path(), &casts).expect(7);
    casts.tells(&["fixed-256/mapped-casts: it read other records"]);
    assert!(casts.stdout.contains("INVALID"), "{}", casts.stdout);
}

#[test]
fn it_works_only_in_a_folder_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/diary"), "dear").unwrap();
    run(dir.path(), "bench replay --quick --dir mine").expect(2).tells(&["holds something else"]);
    assert!(dir.path().join("mine/diary").exists());
    run(dir.path(), "bench replay --reuse --dir mine").expect(6);
    run(dir.path(), "bench replay --quick --members 0").expect(2);
    let nothing = "bench replay --quick --scenario fixed --members 1 --only nothing";
    run(dir.path(), nothing).expect(2).tells(&["no row has `nothing` in its name"]);
    let args = "bench replay --quick --scenario fixed --members 1 --threads 1 --only scan-1-core";
    let told = run(dir.path(), args).expect(0);
    assert!(told.stdout.contains("scan-1-core") && !told.stdout.contains("merge-"));
    assert!(!dir.path().join("holobiont-bench").exists());
}
