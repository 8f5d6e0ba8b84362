use std::fs;
use std::path::Path;

use crate::run::{Ran, demo, holobiont};

fn import_csv(dir: &Path, text: &str) -> Ran {
    fs::write(dir.join("rates.csv"), text).unwrap();
    let args = [
        "surface",
        "import",
        "rates.csv",
        "--clock-column",
        "Date",
        "--clock",
        "days",
        "--out",
        "s",
        "--json",
    ];
    holobiont(dir, &args)
}

#[test]
fn rows_may_come_in_any_order_and_empty_cells_are_no_record() {
    let rows = ["2026-01-02,1.5,N/A,", "2026-01-03,1.6,7,", "2026-01-05,,8,"];
    let mut heads = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let dir = tempfile::tempdir().unwrap();
        let text: String = order.iter().map(|at| format!("{}\n", rows[*at])).collect();
        let told = import_csv(dir.path(), &format!("Date,A,B,\n{text}")).expect(0).json();
        let surfaces = told["surfaces"].as_array().unwrap();
        assert_eq!(surfaces.len(), 2);
        assert_eq!((&surfaces[0]["member"], &surfaces[0]["records"]), (&"A".into(), &2.into()));
        assert_eq!(surfaces[1]["first_clock"], 20_456);
        heads.push(surfaces[0]["head"].clone());
    }
    assert!(heads.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_is_exported_imports_to_the_same_head() {
    let demo = demo();
    let dir = tempfile::tempdir().unwrap();
    let surface = demo.root.join("surfaces/ISK");
    let export = ["surface", "export", surface.to_str().unwrap(), "--format", "ndjson"];
    let exported = holobiont(dir.path(), &export).expect(0).stdout;
    assert_eq!(exported.lines().count(), 4_785);
    fs::write(dir.path().join("isk.ndjson"), &exported).unwrap();
    let import =
        ["surface", "import", "isk.ndjson", "--stable-id", "ecb.euro-fx.", "--out", "again"];
    holobiont(dir.path(), &import).expect(0);
    let inspect = |at: &Path| {
        let told = holobiont(dir.path(), &["surface", "inspect", at.to_str().unwrap(), "--json"]);
        told.expect(0).json()["surfaces"][0]["mark"].clone()
    };
    assert_eq!(inspect(&surface), inspect(&dir.path().join("again/ISK")));
}

#[test]
fn ndjson_takes_any_payload_and_closes_clocks_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "{\"member\":\"a\",\"clock\":2,\"payload\":{\"price\":1.5}}\n\
                 {\"member\":\"a\",\"clock\":1,\"payload\":\"first\"}\n\n\
                 {\"member\":\"a\",\"clock\":2,\"payload_hex\":\"00ff\"}\n\
                 {\"member\":\"a\",\"clock\":3,\"payload\":1.10000000000000000001}\n\
                 {\"member\":\"b\",\"clock\":\"9\",\"payload\":null}\n";
    fs::write(dir.path().join("in.ndjson"), lines).unwrap();
    holobiont(dir.path(), &["surface", "import", "in.ndjson", "--out", "s"]).expect(0);
    let exported = holobiont(dir.path(), &["surface", "export", "s/a"]).expect(0).stdout;
    let lines: Vec<serde_json::Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let parts: Vec<_> =
        lines.iter().map(|it| (it["clock"].as_u64(), it["closes_clock"].as_bool())).collect();
    let expected = [(1, true), (2, false), (2, true), (3, true)];
    assert_eq!(parts, expected.map(|(clock, closes)| (Some(clock), Some(closes))));
    assert_eq!(lines[3]["payload"], "1.10000000000000000001", "kept as it was written");
    assert_eq!(lines[1]["payload"], "{\"price\":1.5}");
    assert_eq!(lines[2]["payload_hex"], "00ff");
}

#[test]
fn a_range_is_verified_by_its_windows_only() {
    let surface = demo().root.join("surfaces/USD");
    let surface = surface.to_str().unwrap();
    let verify = |more: &[&str]| {
        holobiont(&demo().root, &[&["surface", "verify", surface, "--json"], more].concat())
    };
    let all = verify(&[]).expect(0).json();
    assert_eq!(all["surfaces"][0]["records"], 7_126);
    assert_eq!(all["surfaces"][0]["windows"], 28);
    let some = verify(&["--from", "300", "--to", "600"]).expect(0).json();
    assert_eq!(some["surfaces"][0]["windows"], 2);
    let past = verify(&["--from", "7000", "--to", "7126"]).expect(6).json();
    assert_eq!(past["surfaces"][0]["is_damaged"], false);
    verify(&["--from", "9", "--to", "3"]).expect(2).tells(&["--from is after --to"]);
}
