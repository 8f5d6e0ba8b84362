//! 28 years of real data, replayed in every way there is.

use std::collections::BTreeMap;

use holobiont_identity::Organism;
use holobiont_programs::CrossFeedCommit;
use holobiont_replay::Published;
use holobiont_surface::Surface;
use serde_json::Value;

use crate::run::{demo, holobiont};

#[test]
fn ten_days_match_the_independent_computation_to_the_last_digit() {
    let demo = demo();
    let golden: Vec<Value> =
        serde_json::from_str(include_str!("../../../../examples/euro-fx/golden.json")).unwrap();
    assert_eq!(golden.len(), 10);
    let text = std::fs::read_to_string(demo.root.join("organism.toml")).unwrap();
    let organism = Organism::parse(&text).unwrap();
    let names: Vec<&str> = organism.members.iter().map(|member| member.name.as_str()).collect();
    let surface = Surface::open(&demo.root.join("out/surface")).unwrap();
    let mut cursor = surface.cursor(0).unwrap();
    let mut commits = BTreeMap::new();
    while cursor.peek().unwrap().is_some() {
        let record = cursor.current().unwrap();
        if let Published::Commit(commit) = Published::read(&record).unwrap() {
            let said = CrossFeedCommit::decode(&commit.payload).unwrap();
            let view = serde_json::to_value(said.view(&names).unwrap()).unwrap();
            commits.insert(said.clock, view);
        }
        cursor.advance();
    }
    assert_eq!(commits.len(), 7_126);
    for day in &golden {
        let date = &day["date"];
        let commit = &commits[&day["clock"].as_u64().unwrap()];
        assert_eq!(commit["index"], day["index"], "{date}");
        let lines = commit["members"].as_array().unwrap();
        assert_eq!(Some(lines.len() as u64), day["counted"].as_u64(), "{date}");
        for (name, expected) in day["members"].as_object().unwrap() {
            let line = lines.iter().find(|line| line["name"] == **name).unwrap();
            for part in ["value", "standing", "correlation"] {
                let got = line.get(part).unwrap_or(&Value::Null);
                assert_eq!(*got, expected[part], "{date} {name} {part}");
            }
        }
    }
}

#[test]
fn from_cuts_from_a_snapshot_and_from_other_segments_the_same_comes_out() {
    let demo = demo();
    let dir = tempfile::tempdir().unwrap();
    let (root, out) = (demo.root.to_str().unwrap(), dir.path().to_str().unwrap());
    let organism = format!("{root}/organism.toml");
    let expected = demo.ran.json();
    let run = |surfaces: &str, name: &str, more: &[&str]| {
        let to = format!("{out}/{name}");
        let base =
            ["replay", "--json", "--organism", &organism, "--surfaces", surfaces, "--out", &to];
        let told = holobiont(dir.path(), &[&base, more].concat()).expect(0).json();
        for part in ["output_head", "state_digest", "log_digest", "watermark"] {
            assert_eq!(told[part], expected[part], "{name}: {part}");
        }
    };
    let surfaces = format!("{root}/surfaces");
    let cuts = format!("{root}/out/cuts.log");
    run(&surfaces, "cuts", &["--cuts", &cuts]);
    for cut in [1_000, 4_000] {
        let snapshot = format!("{root}/out/snapshots/cut-{cut:012}.snapshot");
        let name = format!("resumed-{cut}");
        run(&surfaces, &name, &["--cuts", &cuts, "--resume", &snapshot]);
        let against = format!("{out}/{name}");
        let audit = [
            "audit",
            "--organism",
            &organism,
            "--surfaces",
            &surfaces,
            "--against",
            &against,
            "--from-snapshot",
            &snapshot,
        ];
        holobiont(dir.path(), &audit[..7]).expect(2).tells(&["give that snapshot"]);
        holobiont(dir.path(), &audit).expect(0);
    }
    let rates = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/euro-fx/eurofxref-hist.csv");
    let import = [
        "surface",
        "import",
        rates,
        "--clock-column",
        "Date",
        "--clock",
        "days",
        "--stable-id",
        "ecb.euro-fx.",
        "--segment-bytes",
        "5000",
        "--out",
        "small-segments",
    ];
    holobiont(dir.path(), &import).expect(0);
    let sealed = std::fs::read_dir(dir.path().join("small-segments/USD")).unwrap().count();
    assert!(sealed > 20, "{sealed} files");
    let orders = format!("{root}/orders.toml");
    run(&format!("{out}/small-segments"), "segments", &["--orders", &orders]);

    let against = format!("{out}/segments");
    let audit = ["audit", "--organism", &organism, "--surfaces", &surfaces, "--against", &against];
    let told = holobiont(dir.path(), &audit).expect(0);
    assert!(told.stdout.starts_with("agrees: 7,"), "{}", told.stdout);
}

#[test]
fn a_commit_is_explained_down_to_its_records() {
    let demo = demo();
    let base = ["explain", "--against", "out", "--surfaces", "surfaces", "--clock", "days"];
    let last = holobiont(&demo.root, &base).expect(0).stdout;
    assert!(last.contains("clock 2026-10-30"), "{last}");
    assert!(last.contains("normal: members that count weigh"), "{last}");
    assert!(last.contains("29 members live"), "{last}");
    assert!(last.contains("RUB stalled (skipped)"), "{last}");
    let usd = last.lines().rfind(|line| line.starts_with(" USD")).unwrap();
    assert!(usd.contains("7125") && usd.contains("1.1172") && usd.contains("at 7125"), "{usd}");

    let first = holobiont(&demo.root, &[&base[..], &["--commit", "0"]].concat()).expect(0).stdout;
    assert!(
        first.contains("change of status") && first.contains("from absent to joining"),
        "{first}"
    );
    let json = holobiont(&demo.root, &[&base[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(json["program"]["index"], "137.63625441");
    assert_eq!(json["citations"].as_array().unwrap().len(), 29);
    let missing = holobiont(&demo.root, &[&base[..], &["--commit", "99999"]].concat()).expect(6);
    missing.tells(&["record 99999 is not here yet, the next one is 7221"]);
}

#[test]
fn every_commit_as_a_line() {
    let all = holobiont(&demo().root, &["explain", "--against", "out", "--all"]).expect(0).stdout;
    assert_eq!(all.lines().count(), 7_126);
    let last: Value = serde_json::from_str(all.lines().last().unwrap()).unwrap();
    assert_eq!((&last["clock"], &last["grade"]), (&20_756.into(), &"normal".into()));
    assert_eq!(last["program"]["index"], "137.63625441");
}

#[test]
fn an_organism_that_waits_says_for_whom() {
    let dir = tempfile::tempdir().unwrap();
    let root = demo().root.to_str().unwrap();
    let text = std::fs::read_to_string(demo().root.join("organism.toml")).unwrap();
    // The rouble is no longer passed over.
    let (before, after) = text.split_once("name = \"RUB\"").unwrap();
    let after = after.replacen("weight = 40", "weight = 40\non_stall = \"hold\"", 1);
    std::fs::write(dir.path().join("organism.toml"), format!("{before}name = \"RUB\"{after}"))
        .unwrap();
    let (surfaces, orders) = (format!("{root}/surfaces"), format!("{root}/orders.toml"));
    let args = [
        "replay",
        "--organism",
        "organism.toml",
        "--surfaces",
        &surfaces,
        "--orders",
        &orders,
        "--out",
        "out",
        "--clock",
        "days",
    ];
    let told = holobiont(dir.path(), &args).expect(0).stdout;
    assert!(told.contains("up to 2022-03-01"), "{told}");
    assert!(told.contains("not taken: it waits for RUB (stalled (held))"), "{told}");
    let rub = told.lines().find(|line| line.starts_with(" RUB")).unwrap();
    assert!(rub.contains("since then stalled (held)"), "{rub}");
}
