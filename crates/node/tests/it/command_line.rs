use crate::run::{demo, holobiont};

const COMMANDS: [&[&str]; 34] = [
    &["demo"],
    &["run"],
    &["status"],
    &["order", "sign"],
    &["order", "merge"],
    &["order", "send"],
    &["certificate", "verify"],
    &["surface", "import"],
    &["surface", "inspect"],
    &["surface", "verify"],
    &["surface", "export"],
    &["config", "check"],
    &["config", "fingerprint"],
    &["replay"],
    &["audit"],
    &["explain"],
    &["surface", "seal"],
    &["surface", "serve"],
    &["bench", "replay"],
    &["quote"],
    &["verify"],
    &["measure", "local"],
    &["measure", "show"],
    &["measure", "diff"],
    &["measure", "import"],
    &["collateral", "fetch"],
    &["collateral", "show"],
    &["collateral", "export"],
    &["collateral", "import"],
    &["doctor"],
    &["dev"],
    &["dev", "guest"],
    &["dev", "verify"],
    &["dev", "handshake"],
];

#[test]
fn every_command_explains_itself_with_an_example() {
    let dir = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let help = holobiont(dir.path(), &[command, &["--help"]].concat()).expect(0).stdout;
        assert!(help.contains("Example"), "{help}");
        assert!(help.contains(&format!("holobiont {}", command.join(" "))), "{help}");
    }
}

#[test]
fn exit_codes_are_the_same_in_help_and_readme() {
    let dir = tempfile::tempdir().unwrap();
    let help = holobiont(dir.path(), &["--help"]).expect(0).stdout;
    let readme = include_str!("../../../../README.md");
    let codes = help.lines().skip_while(|line| *line != "Exit codes:").skip(1);
    let mut seen = 0;
    for line in codes {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(readme.contains(&row), "{row}");
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[test]
fn wrong_usage_is_code_2() {
    let dir = tempfile::tempdir().unwrap();
    holobiont(dir.path(), &["replay"]).expect(2);
    holobiont(dir.path(), &["nonsense"]).expect(2);
    holobiont(dir.path(), &["surface", "import", "x.csv", "--out", "o", "--clock", "weeks"])
        .expect(2);
}

#[test]
fn machines_get_one_object_on_success_and_on_failure() {
    let demo = demo();
    let check =
        holobiont(&demo.root, &["config", "check", "organism.toml", "--json"]).expect(0).json();
    assert_eq!(check["ok"], true);
    let print = holobiont(&demo.root, &["config", "fingerprint", "organism.toml", "--json"]);
    let print = print.expect(0).json();
    assert_eq!(print["stable_id"], demo.ran.json()["stable_id"]);
    assert_eq!(print["content_hash"], check["content_hash"]);

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("organism.toml"), "version = 1\nnmae = \"x\"\n").unwrap();
    let failed = holobiont(dir.path(), &["config", "check", "organism.toml", "--json"]).expect(3);
    let failed = failed.json();
    assert_eq!((&failed["ok"], &failed["exit_code"]), (&false.into(), &3.into()));
    assert!(failed["problems"].as_array().unwrap().len() > 1, "{failed}");
    let audit = [
        "audit",
        "--organism",
        "organism.toml",
        "--surfaces",
        "surfaces",
        "--against",
        "out",
        "--json",
    ];
    let audit = holobiont(&demo.root, &audit).expect(0).json();
    assert_eq!(audit["state_digest"], demo.ran.json()["state_digest"]);
}

#[test]
fn a_coalition_is_known_by_its_keys() {
    let dir = tempfile::tempdir().unwrap();
    let text = include_str!("../../../identity/tests/vectors/coalition.toml");
    std::fs::write(dir.path().join("any-name.toml"), text).unwrap();
    let told = holobiont(dir.path(), &["config", "check", "any-name.toml"]).expect(0).stdout;
    assert!(told.contains("is a coalition") && told.contains("coalition root"), "{told}");
    let json = holobiont(dir.path(), &["config", "fingerprint", "any-name.toml", "--json"]);
    assert!(json.expect(0).json()["document_fingerprint"].is_string());
}
