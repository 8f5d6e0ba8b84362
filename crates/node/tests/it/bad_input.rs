//! Input that cannot be used gets a code, a place and an advice.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{Ran, command, copy, demo, holobiont};

const ORGANISM: &str = "version = 1\nname = \"o\"\n[program]\nname = \"cross-feed\"\nversion = 1\n\
    [policy]\nmax_advance = 9\n[[member]]\nname = \"A\"\nstable_id = \"A\"\nsurface = \"rates\"\n";

fn import(text: &str, more: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("in.csv"), text).unwrap();
    let base = ["surface", "import", "in.csv", "--out", "s"];
    let ran = holobiont(dir.path(), &[&base, more].concat());
    assert!(!dir.path().join("s/A").exists(), "nothing is left of an import that failed");
    ran
}

fn check(text: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("organism.toml"), text).unwrap();
    holobiont(dir.path(), &["config", "check", "organism.toml"])
}

#[test]
fn csv() {
    let date = ["--clock-column", "Date", "--clock", "days"];
    import("A,B\n1,2\n", &date).expect(5).tells(&[
        "in.csv, line 1: no column is called `Date`; there are: A, B",
        "name the clock's column with --clock-column",
    ]);
    import("Date,A\n2026-01-02,1\n2026-01-05,2\n2026-01-02,3\n", &date)
        .expect(5)
        .tells(&["line 4, column Date: the clock 2026-01-02 is already on line 2"]);
    import("Date,A,B\n2026-01-02,1,2\n2026-01-05,1,x2\n", &date)
        .expect(5)
        .tells(&["in.csv, line 3, column B: `x2` is no number", "write a decimal number"]);
    import("Date,A\nyesterday,1\n", &date)
        .expect(5)
        .tells(&["line 2, column Date: `yesterday` is no date"]);
    import("Date,A,A\n2026-01-02,1,1\n", &date)
        .expect(5)
        .tells(&["column A: the column is there twice"]);
    import("Date,../A\n2026-01-02,1\n", &date).expect(5).tells(&["`../A` cannot name a member"]);
    import("Date,A,\n2026-01-02,1,2\n", &date).expect(5).tells(&["in a column without a name"]);
    import("Date,A\n2026-01-02,1,1789\n", &date)
        .expect(5)
        .tells(&["line 2: `1789` stands past the last column", "numbers have a decimal point"]);
    import("Date,A\n20260102,1\n", &date).expect(5).tells(&["`20260102` is no date"]);
    import("Date,B,B\n2026-01-02,,1\n", &date)
        .expect(5)
        .tells(&["column B: the column is there twice"]);
    import("Date\n2026-01-02\n", &date).expect(5).tells(&["holds no member"]);
    import("Date,A\n", &[]).expect(2).tells(&["a CSV needs --clock-column"]);
}

#[test]
fn ndjson() {
    let run = |text: &str| import(text, &["--format", "ndjson"]);
    run("{\"member\":\"A\",\"clock\":1}\nnot json\n").expect(5).tells(&["in.csv, line 2"]);
    run("{\"member\":\"A\",\"clock\":-1}\n").expect(5).tells(&["in.csv, line 1"]);
    run("{\"member\":\"A\",\"clock\":1,\"colour\":2}\n")
        .expect(5)
        .tells(&["unknown field `colour`"]);
    run("{\"member\":\"A\",\"clock\":1,\"payload_hex\":\"0\"}\n").expect(5).tells(&["payload_hex"]);
    run("{\"member\":\"A\",\"clock\":1,\"closes_clock\":true}\n{\"member\":\"A\",\"clock\":1}\n")
        .expect(5)
        .tells(&["in.csv, line 2: member A", "clock 1 is closed"]);
    run("{\"member\":\"A\",\"clock\":1.0}\n").expect(5).tells(&["clock 1.0 is no whole number"]);
}

#[test]
fn configs_underline_the_line_and_suggest_the_key() {
    check(&ORGANISM.replace("max_advance", "max_advanse")).expect(3).tells(&[
        "organism.toml has 1 problem",
        "`max_advanse` is no key",
        "did you mean `max_advance`?",
    ]);
    let twice =
        format!("{ORGANISM}[[member]]\nname = \"A\"\nstable_id = \"B\"\nsurface = \"rates\"\n");
    check(&twice).expect(3).tells(&["`A`", "twice"]);
    check(&format!("{ORGANISM}[member.policy]\nweight = -1\n"))
        .expect(3)
        .tells(&["weight below zero"]);
    check(&ORGANISM.replace("cross-feed", "crossfeed"))
        .expect(3)
        .tells(&["the program of organism.toml cannot be made", "crossfeed"]);
    check(&format!("{ORGANISM}[program.settings]\nwindow = 1\n")).expect(3).tells(&["window"]);
    let underlined = check(&ORGANISM.replace("max_advance", "max_advanse")).stderr;
    assert!(underlined.contains("organism.toml:7"), "{underlined}");
}

#[test]
fn orders_are_checked_against_the_organism() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("organism.toml"), ORGANISM).unwrap();
    let order =
        "version = 1\n[[order]]\nclock = 1\naction = \"retire\"\nmember = \"B\"\nlast_clock = 1\n";
    fs::write(dir.path().join("orders.toml"), order).unwrap();
    let args = [
        "replay",
        "--organism",
        "organism.toml",
        "--surfaces",
        "s",
        "--out",
        "o",
        "--orders",
        "orders.toml",
    ];
    holobiont(dir.path(), &args).expect(3).tells(&["orders.toml", "`B` is no member of o"]);
}

#[test]
fn surfaces_that_are_not_there_or_another_organism_s() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("organism.toml"), ORGANISM).unwrap();
    let replay = |dir: &Path| {
        let args = ["replay", "--organism", "organism.toml", "--surfaces", "s", "--out", "o"];
        holobiont(dir, &args)
    };
    replay(dir.path()).expect(6).tells(&["the members' surfaces cannot be looked for"]);
    fs::create_dir(dir.path().join("s")).unwrap();
    replay(dir.path()).expect(6).tells(&["A: no surface", "holobiont surface import"]);
    let csv = "Date,A\n1,2\n";
    fs::write(dir.path().join("in.csv"), csv).unwrap();
    let import = ["surface", "import", "in.csv", "--clock-column", "Date", "--out", "s"];
    holobiont(dir.path(), &[&import[..], &["--stable-id", "other."]].concat()).expect(0);
    replay(dir.path()).expect(6).tells(&["it was made for another stable id or surface name"]);
    holobiont(dir.path(), &import).expect(6).tells(&["already has"]);
    assert!(!dir.path().join("o").exists(), "nothing is written before everything was found");
}

#[test]
fn an_output_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "").unwrap();
    let root = demo().root.to_str().unwrap();
    let (organism, surfaces) = (format!("{root}/organism.toml"), format!("{root}/surfaces"));
    let args = ["replay", "--organism", &organism, "--surfaces", &surfaces, "--out", "."];
    holobiont(dir.path(), &args).expect(2).tells(&["is not empty", "name a new folder with --out"]);
}

#[test]
fn an_output_of_another_config_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    copy(&demo().root, dir.path());
    let file = dir.path().join("organism.toml");
    let text = fs::read_to_string(&file).unwrap().replace("normal = 880", "normal = 881");
    fs::write(file, text).unwrap();
    let args =
        ["audit", "--organism", "organism.toml", "--surfaces", "surfaces", "--against", "out"];
    holobiont(dir.path(), &args).expect(3).tells(&["was written under content hash"]);
}

#[test]
fn orders_without_effect_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let root = demo().root.to_str().unwrap();
    let (organism, surfaces) = (format!("{root}/organism.toml"), format!("{root}/surfaces"));
    let order = "version = 1\n[[order]]\nclock = 10595\naction = \"release\"\nmember = \"USD\"\n";
    fs::write(dir.path().join("orders.toml"), order).unwrap();
    let args = [
        "replay",
        "--organism",
        &organism,
        "--surfaces",
        &surfaces,
        "--orders",
        "orders.toml",
        "--out",
        "out",
    ];
    holobiont(dir.path(), &args)
        .expect(0)
        .tells(&["warning: order 1 had no effect: USD is joining"]);
}

#[test]
fn an_organism_that_needs_more_memory_is_refused() {
    let root = &demo().root;
    let args = [
        "audit",
        "--organism",
        "organism.toml",
        "--surfaces",
        "surfaces",
        "--against",
        "out",
        "--memory-mib",
        "81",
    ];
    holobiont(root, &args).expect(3).tells(&["raise the budget"]);
    holobiont(root, &[&args[..8], &["82"]].concat()).expect(0);
}

#[test]
fn a_lost_genesis_and_two_copies_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    copy(&demo().root, dir.path());
    let audit =
        ["audit", "--organism", "organism.toml", "--surfaces", "surfaces", "--against", "out"];
    copy(&dir.path().join("surfaces/USD"), &dir.path().join("surfaces/0-old"));
    holobiont(dir.path(), &audit).expect(5).tells(&["0-old", "USD", "keep one"]);
    fs::remove_dir_all(dir.path().join("surfaces/0-old")).unwrap();
    fs::remove_file(dir.path().join("surfaces/USD/genesis")).unwrap();
    let verify = holobiont(dir.path(), &["surface", "verify", "surfaces", "--json"]).expect(6);
    let told = verify.json();
    assert_eq!(told["ok"], false);
    let surfaces = told["surfaces"].as_array().unwrap();
    assert_eq!(surfaces.len(), 41, "the others are told all the same");
    let failed: Vec<&str> = surfaces
        .iter()
        .filter(|it| !it["failure"].is_null())
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["USD"]);
    holobiont(dir.path(), &audit).expect(6).tells(&["USD", "it has no genesis"]);
}

#[test]
fn an_unreadable_directory() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    holobiont(dir.path(), &["surface", "verify", "file"]).expect(6).tells(&["file"]);
    holobiont(dir.path(), &["surface", "inspect", "nowhere"]).expect(6).tells(&["check the path"]);
    holobiont(dir.path(), &["surface", "verify", "."]).expect(6).tells(&["is not a surface"]);
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (0..50_000).map(|clock| format!("{clock},1.25\n")).collect();
    fs::write(dir.path().join("in.csv"), format!("Date,A\n{rows}")).unwrap();
    // Files may not grow past 512 KiB, and the signal that would tell so is ignored.
    let binary = command(dir.path()).get_program().to_owned();
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" surface import in.csv --clock-column Date --out s";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(&binary)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    if ran.code == 0 {
        println!("skipped: this shell cannot limit the size of files");
        return;
    }
    ran.expect(6).tells(&["check the disk"]);
    assert_eq!(fs::read_dir(dir.path().join("s")).unwrap().count(), 0);
    let again = ["surface", "import", "in.csv", "--clock-column", "Date", "--out", "s"];
    holobiont(dir.path(), &again).expect(0);
}

#[test]
fn a_full_standard_output_is_an_error_and_a_closed_one_is_quiet() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full here");
        return;
    };
    let surface = demo().root.join("surfaces/USD");
    let mut export = command(&demo().root);
    export.args(["surface", "export"]).arg(&surface);
    let output = export.stdout(full).output().unwrap();
    Ran::of(&output).expect(6).tells(&["standard output cannot be written", "the disk is full"]);

    let mut export = command(&demo().root);
    let mut child = export
        .args(["surface", "export"])
        .arg(&surface)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
