//! `bench committee`, on little: what it says, never how fast it was.

use crate::run::holobiont;

#[test]
fn every_part_is_measured_and_a_replay_alone_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["bench", "committee", "--quick", "--members", "2", "--json"];
    let report = holobiont(dir.path(), &arguments).expect(0).json();
    assert_eq!(
        (&report["schema"], &report["ok"]),
        (&"holobiont.bench-committee/v1".into(), &true.into())
    );
    assert_eq!(report["wrong"].as_array().map(Vec::len), Some(0), "{report}");
    let above_zero = |pointer: &str| {
        let found = report.pointer(pointer).and_then(serde_json::Value::as_f64);
        assert!(found > Some(0.0), "{pointer} in {report}");
    };
    for pointer in [
        "/floors/fsync_ms/p50",
        "/floors/attested_round_trip_ms/p50",
        "/paced/latency_ms/p99",
        "/paced/commits_per_s",
        "/paced/log/bytes_per_1000_records",
        "/flat/records_per_s",
        "/flat/log/bytes_per_1000_records",
        "/flat/alone/records_per_s",
        "/down/caught_up_s",
        "/down/fold_s/0",
        "/down/alone/seconds",
        "/kills/without_certificates_ms/p99",
        "/machine/cores",
    ] {
        above_zero(pointer);
    }
    assert!(report["down"]["records"].as_u64() >= Some(20_000), "{report}");
    assert_eq!(report["kills"]["kills"], 1);
    let limits = report["limits"].as_array().unwrap();
    assert_eq!(limits.len(), 3);
    assert!(limits.iter().all(|limit| limit["holds"].is_null()), "a quick run judges nothing");
    assert!(!dir.path().join("holobiont-bench-committee").exists());
}

#[test]
fn a_folder_that_is_somebody_elses_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), "").unwrap();
    let ran = holobiont(dir.path(), &["bench", "committee", "--quick", "--dir", "."]);
    ran.expect(2).tells(&["is not empty"]);
    assert!(dir.path().join("mine").is_file());
}
