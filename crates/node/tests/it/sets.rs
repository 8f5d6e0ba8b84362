//! Several sets of collateral at hand: which of them decides, and what is told of bad ones.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use holobiont_attestation::{
    Binding, Collateral, InspectBinding, PckCa, QuoteProvider as _, TrustRoot as _,
};
use holobiont_enclave_simulated::{
    Fault, QuoteForm, SimulatedGuest, SimulatedImage, SimulatedIntel,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::run::holobiont;

const DAY_S: u64 = 86_400;

/// A simulated Intel of now, and in the folder its root and the quote of its machine 0.
fn world() -> (TempDir, SimulatedIntel, u64) {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let intel = SimulatedIntel::new(now_s).unwrap();
    let image = SimulatedImage::new("node 1.0", "ro quiet");
    let platform = intel.platform(0, PckCa::Platform).unwrap();
    let guest = SimulatedGuest::new(platform, image, QuoteForm::V5Td15);
    let binding = Binding::Inspect(InspectBinding { simulated: true, challenge: [7; 32] });
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("quote"), guest.quote(&binding.report_data()).unwrap()).unwrap();
    fs::write(dir.path().join("root.der"), intel.root().certificate_der()).unwrap();
    (dir, intel, now_s)
}

/// Exit code and code of the verdict, by sets in one file, then in a folder.
fn verdicts(dir: &Path, sets: &[&Collateral]) -> [(i32, Value); 2] {
    let texts: Vec<String> = sets.iter().map(|set| set.to_json()).collect();
    fs::write(dir.join("sets.json"), format!("[{}]", texts.join(","))).unwrap();
    let kept = tempfile::tempdir_in(dir).unwrap();
    let kept = kept.path().to_str().unwrap();
    holobiont(dir, &["collateral", "import", "sets.json", "--dir", kept]).expect(0);
    ["sets.json", kept].map(|collateral| {
        let args = ["dev", "verify", "quote", "--root", "root.der", "--collateral", collateral];
        let ran = holobiont(dir, &[&args[..], &["--insecure-simulated-tdx", "--json"]].concat());
        (ran.code, ran.json()["verdict"]["code"].clone())
    })
}

#[test]
fn an_older_set_does_not_forgive_what_the_newest_revokes() {
    let (dir, intel, now_s) = world();
    let older = intel.collateral_at(PckCa::Platform, now_s - 5 * DAY_S).unwrap();
    assert_eq!(verdicts(dir.path(), &[&older]), [(0, Value::Null), (0, Value::Null)]);
    for (fault, exit) in [(Fault::PckRevoked, 5), (Fault::TcbRevoked, 5)] {
        let newest = intel.faulty_collateral(PckCa::Platform, now_s, fault).unwrap();
        let revoked = (exit, Value::from(fault.expected_code()));
        for sets in [[&older, &newest], [&newest, &older]] {
            assert_eq!(verdicts(dir.path(), &sets), [revoked.clone(), revoked.clone()]);
        }
    }
}

#[test]
fn a_forged_set_stands_in_the_way_of_none() {
    let (dir, intel, now_s) = world();
    let good = intel.collateral_at(PckCa::Platform, now_s - 5 * DAY_S).unwrap();
    for fault in [Fault::TcbInfoForged, Fault::RootCrlForged, Fault::PckCrlForged] {
        let forged = intel.faulty_collateral(PckCa::Platform, now_s, fault).unwrap();
        for sets in [[&good, &forged], [&forged, &good]] {
            assert_eq!(verdicts(dir.path(), &sets), [(0, Value::Null), (0, Value::Null)]);
        }
        let refused = (5, Value::from(fault.expected_code()));
        assert_eq!(verdicts(dir.path(), &[&forged]), [refused.clone(), refused]);
    }
}

#[test]
fn damaged_collateral_is_one_line_of_many() {
    let (dir, intel, _) = world();
    let set = intel.collateral(PckCa::Platform).unwrap();
    fs::write(dir.path().join("set.json"), set.to_json()).unwrap();
    holobiont(dir.path(), &["collateral", "import", "set.json", "--dir", "kept"]).expect(0);
    let kept = dir.path().join(format!("kept/53494d000000-platform/{}.json", set.id()));
    fs::write(kept, "{}").unwrap();
    let args = ["doctor", "--collateral", "kept", "--system-root", ".", "--json"];
    let told = holobiont(dir.path(), &args).expect(6).json();
    let lines = told["lines"].as_array().unwrap();
    let damaged = lines.iter().find(|line| line["what"] == "collateral").unwrap();
    assert!(damaged["found"].as_str().unwrap().contains("is damaged"), "{damaged}");
    assert!(lines.iter().any(|line| line["what"] == "clock"));
}

#[test]
fn what_is_not_there_is_told_and_nothing_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let export = ["collateral", "export", "out.json", "--dir", "nowhere"];
    let ran = holobiont(dir.path(), &export).expect(6);
    assert_eq!(ran.stderr.matches("No such file").count(), 1, "{}", ran.stderr);
    fs::create_dir(dir.path().join("empty")).unwrap();
    let export = ["collateral", "export", "out.json", "--dir", "empty"];
    holobiont(dir.path(), &export).expect(2).tells(&["no collateral to export"]);
    assert!(!dir.path().join("nowhere").exists() && !dir.path().join("out.json").exists());
    let fetch = ["collateral", "fetch", "--fmspc", "53494d000000", "--url", "pccs.example.org"];
    holobiont(dir.path(), &fetch).expect(2).tells(&["http"]);
}

#[test]
fn a_file_does_not_command_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let key = "\\u001b[2Jtrusted\\u009b0m";
    let binding = format!("\"binding\": {{\"purpose\": \"{key}\"}}");
    for text in [format!("{{\"{key}\": 1}}"), format!("{{{binding}}}")] {
        fs::write(dir.path().join("quote.json"), &text).unwrap();
        let ran = holobiont(dir.path(), &["verify", "quote.json"]).expect(5);
        assert!(!ran.stderr.contains(['\u{1b}', '\u{9b}']), "{:?}", ran.stderr);
    }
    fs::write(dir.path().join("set.json"), format!("{{\"{key}\": 1}}")).unwrap();
    let ran = holobiont(dir.path(), &["collateral", "show", "set.json"]).expect(5);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{9b}']), "{:?}", ran.stderr);
}
