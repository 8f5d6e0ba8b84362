//! Quotes, verdicts, measurements and collateral, as an operator types them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, holobiont};

const INSECURE: &str = "--insecure-simulated-tdx";

/// Real quotes and collateral, where they are.
fn vectors(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = std::env::var_os("HOLOBIONT_TDX_VECTORS")
        .map_or_else(|| root.join("../shared/data/tdx"), |named| root.join(PathBuf::from(named)));
    if dir.join("expected.json").is_file() {
        return Some(dir);
    }
    println!("{test}: skipped, no real TDX quotes in {}", dir.display());
    None
}

/// A simulated guest's files in `sim`, and the challenge that its quote was made for.
fn simulated(dir: &Path, out: &str, command_line: &str) -> String {
    let args = ["dev", "guest", "--out", out, "--command-line", command_line, INSECURE, "--json"];
    let told = holobiont(dir, &args).expect(0).json();
    assert_eq!(told["simulated"], true);
    told["challenge"].as_str().unwrap().to_owned()
}

fn world() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let challenge = simulated(dir.path(), "sim", "ro quiet");
    (dir, challenge)
}

/// `dev verify` of a file in `sim`, with everything that makes it good.
fn verify(dir: &Path, file: &str, challenge: &str, more: &[&str]) -> Ran {
    let args = ["dev", "verify", file, "--root", "sim/root.der", INSECURE, "--json"];
    let asked = ["--collateral", "sim/collateral.json", "--challenge", challenge];
    let pins = ["--pins", "sim/organism.toml", "--surface", "committee"];
    holobiont(dir, &[&args[..], &asked, &pins, more].concat())
}

#[test]
fn real_quotes_get_the_verdict_that_is_theirs() {
    let Some(vectors) = vectors("real_quotes_get_the_verdict_that_is_theirs") else { return };
    let dir = tempfile::tempdir().unwrap();
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(vectors.join("expected.json")).unwrap()).unwrap();
    let cases = expected["cases"].as_array().unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let quote = vectors.join(case["quote"].as_str().unwrap());
        let collateral = vectors.join(case["collateral"].as_str().unwrap());
        let judge = |at: u64| {
            let at = at.to_string();
            let (quote, collateral) = (quote.to_str().unwrap(), collateral.to_str().unwrap());
            let args = ["verify", quote, "--collateral", collateral, "--at", &at, "--json"];
            holobiont(dir.path(), &args)
        };
        let ran = judge(case["now"].as_u64().unwrap());
        let verdict = &ran.json()["verdict"];
        match (case["result"].as_str().unwrap(), case["status"].as_str()) {
            ("ok", Some("UpToDate")) => {
                assert_eq!((ran.code, &verdict["trusted"]), (0, &Value::Bool(true)), "{case}");
                let end = judge(case["earliest_expiry"].as_u64().unwrap() + 1);
                assert_eq!(end.code, 6, "{case}: {}", end.stderr);
            }
            ("ok", status) => {
                assert_eq!(ran.code, 4, "{case}");
                assert_eq!(verdict["tcb"]["status"].as_str(), status, "{case}");
            }
            _ => assert!((4..=6).contains(&ran.code) && !verdict["trusted"].as_bool().unwrap()),
        }
    }
}

#[test]
fn a_measured_boot_is_explained_by_its_event_log() {
    let Some(vectors) = vectors("a_measured_boot_is_explained_by_its_event_log") else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| vectors.join(name).to_str().unwrap().to_owned();
    let quote = at("go-tdx-guest/cos-113-tdx-quote.dat");
    let collateral = at("derived/gcp-00806f050000-2025-10.json");
    let asked = ["verify", &quote, "--collateral", &collateral, "--at", "2025-10-19T17:48:51Z"];
    let log = at("go-tdx-guest/ccel_data.dat");
    let ran = holobiont(dir.path(), &[&asked[..], &["--event-log", &log]].concat()).expect(0);
    assert!(ran.stdout.contains("event-log     passed"), "{}", ran.stdout);

    let other = at("derived/near-mpc.eventlog.json");
    let ran = holobiont(dir.path(), &[&asked[..], &["--event-log", &other]].concat()).expect(5);
    ran.tells(&["event log"]);

    let toml = holobiont(
        dir.path(),
        &["measure", "show", &quote, "--label", "cos-113", "--platform", "gcp"],
    )
    .expect(0);
    let header = "version = 1\nname = \"o\"\nprogram = { name = \"p\", version = 1 }\n\
                  policy = { max_advance = 1 }\n[[member]]\nname = \"m\"\nstable_id = \"m\"\n\
                  surface = \"s\"\n[[surface]]\nname = \"m\"\n";
    fs::write(dir.path().join("organism.toml"), format!("{header}{}", toml.stdout)).unwrap();
    let pinned = ["--pins", "organism.toml", "--surface", "m"];
    let ran = holobiont(dir.path(), &[&asked[..], &pinned].concat()).expect(0);
    assert!(ran.stdout.contains("cos-113"), "{}", ran.stdout);
    let near = at("derived/near-mpc.quote.bin");
    let set = at("derived/near-mpc-collateral.json");
    let asked = ["verify", &near, "--collateral", &set, "--at", "1786617939"];
    let ran = holobiont(dir.path(), &[&asked[..], &pinned].concat()).expect(4);
    assert!(ran.stdout.contains("no pin of surface `m` matches"), "{}", ran.stdout);
}

#[test]
fn a_simulated_guest_is_good_under_its_own_root_alone() {
    let (dir, challenge) = world();
    let told = verify(dir.path(), "sim/quote.json", &challenge, &[]).expect(0).json();
    assert_eq!(told["verdict"]["admits"], true);
    assert_eq!(told["verdict"]["simulated"], true);
    assert_eq!(told["verdict"]["signature_checks"]["fresh"], 9);

    let intel = ["verify", "sim/quote.json", "--collateral", "sim/collateral.json", "--json"];
    let refused = holobiont(dir.path(), &intel).expect(5).json();
    assert_eq!(refused["verdict"]["code"], "pck-chain-not-intel");
    let pinned = ["--pins", "sim/organism.toml", "--surface", "committee"];
    let ran = holobiont(dir.path(), &[&intel[..4], &pinned].concat()).expect(3);
    ran.tells(&["pins a simulated guest"]);

    let args = ["dev", "verify", "sim/quote.json", "--root", "sim/root.der"];
    holobiont(dir.path(), &args).expect(2).tells(&[INSECURE]);
}

#[test]
fn what_is_wrong_is_named_and_gives_the_exit_code() {
    let (dir, challenge) = world();
    let other = simulated(dir.path(), "other", "ro quiet init=/bin/sh");
    let code = |ran: Ran| ran.json()["verdict"]["code"].as_str().unwrap().to_owned();

    let ran = verify(dir.path(), "sim/quote.json", &"ab".repeat(32), &[]).expect(5);
    assert_eq!(code(ran), "report-data");
    // Another Intel's guest: its own root, collateral and pins are not these.
    let ran = verify(dir.path(), "other/quote.json", &other, &[]).expect(5);
    assert_eq!(code(ran), "pck-chain-not-intel");
    let ran = verify(dir.path(), "sim/quote.json", &challenge, &["--at", "4102444000"]).expect(6);
    assert!(code(ran).ends_with("-expired"));
    let ran = verify(dir.path(), "sim/quote.json", &challenge, &["--at", "1000000000"]);
    assert!(ran.code == 6 && code(ran).ends_with("-not-yet-valid"));

    let text = fs::read_to_string(dir.path().join("sim/quote.json")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["binding"]["challenge"] = "00".repeat(32).into();
    fs::write(dir.path().join("lies.json"), document.to_string()).unwrap();
    let ran = verify(dir.path(), "lies.json", &challenge, &[]).expect(5);
    ran.tells(&["lies.json", "the quote binds other data"]);
    let told = ran.json();
    assert_eq!((&told["ok"], &told["verdict"]["admits"]), (&false.into(), &true.into()));
    assert!(told["made_for_refused"].as_str().unwrap().contains("binds other data"));

    let mut document: Value = serde_json::from_str(&text).unwrap();
    let quote = document["quote"].as_str().unwrap().to_owned();
    // One bit of MRTD, which the attestation key signed.
    let flipped = format!(
        "{}{}{}",
        &quote[..400],
        if &quote[400..401] == "0" { "1" } else { "0" },
        &quote[401..]
    );
    document["quote"] = flipped.into();
    fs::write(dir.path().join("bent.json"), document.to_string()).unwrap();
    assert_eq!(code(verify(dir.path(), "bent.json", &challenge, &[]).expect(5)), "quote-signature");

    let nothing = ["dev", "verify", "sim/quote.json", "--root", "sim/root.der", INSECURE, "--json"];
    assert_eq!(code(holobiont(dir.path(), &nothing).expect(6)), "collateral-missing");
    fs::write(dir.path().join("short"), "{\"schema\":\"holobiont.quote/v2\"}").unwrap();
    verify(dir.path(), "short", &challenge, &[]).expect(5).tells(&["short"]);
}

#[test]
fn measure_diff_names_the_event() {
    let (dir, _) = world();
    simulated(dir.path(), "other", "ro quiet init=/bin/sh");
    let args = ["measure", "diff", "sim/quote.json", "other/quote.json"];
    let ran = holobiont(dir.path(), &args).expect(0);
    assert!(ran.stdout.contains("rtmr2"), "{}", ran.stdout);
    let wanted = "kernel command line: changed from \"ro quiet\" to \"ro quiet init=/bin/sh\"";
    assert!(ran.stdout.contains(wanted), "{}", ran.stdout);
    let json = holobiont(dir.path(), &[&args[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(json["registers"][0]["register"], "rtmr2");
    assert_eq!(json["events"][0]["first"], true);
    let same = ["measure", "diff", "sim/quote.json", "sim/quote.json"];
    assert!(holobiont(dir.path(), &same).expect(0).stdout.contains("no difference"));
}

#[test]
fn pins_are_imported_where_they_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let register = |digit: &str| format!("{{\"expected\": \"{}\"}}", digit.repeat(96));
    let whole = format!(
        r#"[{{"measurement_id": "image-1", "attestation_type": "dcap-tdx", "measurements":
        {{"0": {}, "1": {}, "2": {}, "3": {}, "4": {}}}}}]"#,
        register("a"),
        register("b"),
        register("c"),
        register("d"),
        register("0")
    );
    fs::write(dir.path().join("whole.json"), &whole).unwrap();
    let ran = holobiont(dir.path(), &["measure", "import", "whole.json"]).expect(0);
    assert!(ran.stdout.contains("label = \"image-1\""), "{}", ran.stdout);
    ran.tells(&["assumed", "xfam"]);
    let half = whole.replace(&format!("\"0\": {}, ", register("a")), "");
    fs::write(dir.path().join("half.json"), half).unwrap();
    holobiont(dir.path(), &["measure", "import", "half.json"]).expect(5).tells(&["mrtd"]);
}

#[test]
fn collateral_is_kept_shown_and_handed_on() {
    let (dir, challenge) = world();
    let import = ["collateral", "import", "sim/collateral.json", "--dir", "kept"];
    holobiont(dir.path(), &import).expect(0);
    let shown = holobiont(dir.path(), &["collateral", "show", "kept", "--json"]).expect(0).json();
    assert_eq!(shown["sets"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&shown["sets"][0]["usable"], &shown["sets"][0]["ca"]),
        (&true.into(), &"platform".into())
    );
    holobiont(dir.path(), &["collateral", "export", "bundle.json", "--dir", "kept"]).expect(0);
    holobiont(dir.path(), &["collateral", "import", "bundle.json", "--dir", "again"]).expect(0);
    let again = holobiont(dir.path(), &["collateral", "show", "again", "--json"]).expect(0).json();
    assert_eq!(again["sets"][0]["id"], shown["sets"][0]["id"]);

    // A folder also keeps marks: what was proved of time and numbers does not go back.
    let args = ["dev", "verify", "sim/quote.json", "--root", "sim/root.der", INSECURE];
    let asked = ["--collateral", "kept", "--challenge", &challenge];
    holobiont(dir.path(), &[&args[..], &asked].concat()).expect(0);
    // Those of a simulated root are none of Intel's business.
    assert!(dir.path().join("kept/simulated/marks.bin").is_file());
    assert!(!dir.path().join("kept/marks.bin").exists());
    let ran =
        holobiont(dir.path(), &[&args[..], &asked, &["--at", "1000000000"]].concat()).expect(6);
    ran.tells(&["clock"]);

    let fetch = ["collateral", "fetch", "--fmspc", "53494d000000", "--dir", "kept"];
    let ran = holobiont(dir.path(), &[&fetch[..], &["--url", "http://127.0.0.1:9"]].concat());
    assert_eq!(ran.code, 6, "{}", ran.stderr);
}

#[test]
fn a_quote_is_taken_from_an_address() {
    let (dir, challenge) = world();
    let body = fs::read(dir.path().join("sim/quote.json")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/quote.json", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).unwrap() > 0);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
    });
    let args = ["dev", "verify", "--url", &url, "--root", "sim/root.der", INSECURE, "--json"];
    let asked = ["--collateral", "sim/collateral.json", "--challenge", &challenge];
    holobiont(dir.path(), &[&args[..], &asked].concat()).expect(0);
    server.join().unwrap();
    let plain = ["verify", "--url", "http://example.org/quote.json"];
    holobiont(dir.path(), &plain).expect(2).tells(&["neither https nor http on this machine"]);
    for disguised in ["http://127.0.0.1:80@example.org/q", "http://localhost:1@127.0.0.2/q"] {
        holobiont(dir.path(), &["verify", "--url", disguised]).expect(2);
    }
}

#[test]
fn two_guests_attest_to_each_other_and_a_stranger_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let told = holobiont(dir.path(), &["dev", "handshake", INSECURE, "--json"]).expect(0).json();
    assert_eq!((&told["ok"], &told["simulated"]), (&true.into(), &true.into()));
    assert_eq!(told["pinned"]["attested"], true);
    assert_eq!(told["stranger"]["attested"], false);
    assert!(told["stranger"]["refused"].as_str().unwrap().contains("rtmr2"));
}

/// Where there is no TDX guest, everything says so and what to do.
#[test]
fn a_machine_without_tdx_is_told_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = ["--system-root", "."];
    let ran = holobiont(dir.path(), &[&["doctor", "--json"][..], &nowhere].concat()).expect(6);
    let told = ran.json();
    assert_eq!(told["ok"], false);
    let lines = told["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["level"] == "ok" || line["advice"].is_string()));
    // What a guest can do without is no failure.
    let level =
        |what: &str| lines.iter().find(|line| line["what"] == what).unwrap()["level"].clone();
    assert_eq!(
        [level("quotes"), level("registers"), level("event log")],
        ["fail", "warning", "warning"]
    );
    let challenge = "07".repeat(32);
    let quote = ["quote", "--purpose", "inspect", "--challenge", &challenge];
    holobiont(dir.path(), &[&quote[..], &nowhere].concat())
        .expect(6)
        .tells(&["modprobe tdx_guest"]);
    holobiont(dir.path(), &[&["measure", "local"][..], &nowhere].concat()).expect(6);
    holobiont(dir.path(), &["quote", "--purpose", "inspect"]).expect(2).tells(&["--challenge"]);
}

/// The kernel's interfaces as a guest has them, made of files.
#[test]
fn registers_are_read_where_the_kernel_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let shown = dir.path().join("sys/devices/virtual/misc/tdx_guest/measurements");
    fs::create_dir_all(&shown).unwrap();
    let names = ["mrtd:sha384", "rtmr0:sha384", "rtmr1:sha384", "rtmr2:sha384", "rtmr3:sha384"];
    for (byte, name) in
        (1_u8..).zip(names.iter().chain(&["mrconfigid", "mrowner", "mrownerconfig"]))
    {
        fs::write(shown.join(name), [byte; 48]).unwrap();
    }
    let args = ["measure", "local", "--system-root", ".", "--json"];
    let told = holobiont(dir.path(), &args).expect(0).json();
    assert_eq!(told["registers"]["rtmr2"], "04".repeat(48));
}
