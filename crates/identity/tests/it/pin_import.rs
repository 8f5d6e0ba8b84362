//! flashbots' `measurements.json`, made up here and as published.

use std::path::PathBuf;

use holobiont_identity::Organism;
use holobiont_identity::pins::{
    ImportError, ImportGap, ImportedPin, MAX_IMPORT_BYTES, MAX_IMPORT_RECORDS, Measurement,
    PlatformKind, RtmrRule, import_flashbots, to_toml,
};
use proptest::prelude::*;

use crate::organism::LEAST;

/// A whole record, to be perturbed.
const WHOLE: &str = r#"[{ "measurement_id": "image-7", "attestation_type": "qemu-tdx", "notes": 1,
    "measurements": {
        "0": { "expected": "A1" }, "rtmr0": { "expected_any": ["A2"] },
        "RTMR1": { "expected": "A3" }, "3": { "expected": "A4" }, "4": { "expected": "00" }
    } }]"#;

fn whole() -> String {
    ["A1", "A2", "A3", "A4", "00"].iter().fold(WHOLE.to_owned(), |json, byte| {
        json.replace(&format!("\"{byte}\""), &format!("\"{}\"", byte.repeat(48)))
    })
}

fn import(json: &str) -> Vec<ImportedPin> {
    import_flashbots(json).unwrap_or_else(|error| panic!("{error}"))
}

/// What keeps the record from being a pin, after a replacement in it.
fn gaps(from: &str, to: &str) -> Vec<ImportGap> {
    let json = whole();
    assert!(json.contains(from), "the record has {from}");
    let [imported] = import(&json.replacen(from, to, 1)).try_into().expect("one record");
    assert!(imported.assumed.is_empty(), "nothing is assumed for what is not imported");
    imported.set.unwrap_err()
}

/// A file of the real data, if it is there.
#[expect(clippy::disallowed_methods, reason = "where the data lies is no input of the crate")]
fn real(file: &str) -> Option<String> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tdx");
    let folder = std::env::var_os("HOLOBIONT_TDX_VECTORS").map_or(default, PathBuf::from);
    let path = folder.join("attested-tls").join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is not there (set HOLOBIONT_TDX_VECTORS)", path.display());
    }
    text
}

/// The pins read back from the text that they are written as.
fn reload(imported: &[ImportedPin]) -> Vec<String> {
    let sets: Vec<_> = imported.iter().filter_map(|pin| pin.set.clone().ok()).collect();
    let source = format!("{LEAST}[[surface]]\nname = \"USD\"\n{}", to_toml(&sets));
    let organism = Organism::parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let read = &organism.pins("USD").unwrap().sets;
    assert_eq!(read, &sets);
    read.iter().map(|pin| pin.label.clone()).collect()
}

#[test]
fn a_whole_record_becomes_a_pin_that_loads() {
    let [imported] = import(&whole()).try_into().unwrap();
    let pin = imported.set.as_ref().unwrap();
    let register = |byte| Measurement([byte; 48]);
    assert_eq!((pin.label.as_str(), pin.platform), ("image-7", PlatformKind::Qemu));
    assert_eq!(pin.mrtd, register(0xa1));
    let rtmr = [0xa2, 0xa3, 0xa4, 0].map(register).map(RtmrRule::Exact);
    assert_eq!(pin.rtmr, rtmr);
    assert_eq!(hex::encode(pin.xfam), "e702060000000000");
    assert!(imported.assumed.iter().any(|line| line.starts_with("xfam e702060000000000")));
    assert_eq!(imported.assumed.len(), 3, "{:?}", imported.assumed);
    assert_eq!(reload(&[imported]), ["image-7"]);
}

#[test]
fn the_platform_is_said_or_told_as_a_guess() {
    let of = |json: String| import(&json).remove(0);
    let said = of(whole().replace("qemu-tdx", "gcp-tdx"));
    let pin = said.set.unwrap();
    assert_eq!(pin.platform, PlatformKind::GoogleCloud);
    assert_eq!(hex::encode(pin.xfam), "e700060000000000");
    let guessed = of(whole().replace("qemu-tdx", "dcap-tdx").replace("image-7", "image-gcp"));
    assert_eq!(guessed.set.unwrap().platform, PlatformKind::GoogleCloud);
    assert!(guessed.assumed[0].starts_with("platform \"gcp\""), "{:?}", guessed.assumed);
}

#[test]
fn what_is_not_whole_is_refused_by_name() {
    let a3 = format!("\"RTMR1\": {{ \"expected\": \"{}\" }},", "A3".repeat(48));
    assert_eq!(gaps(&a3, ""), [ImportGap::Unpinned { registers: vec!["rtmr1"] }]);
    let any = format!("[\"{}\"]", "A2".repeat(48));
    let two = any.replace(']', &format!(", \"{}\"]", "A5".repeat(48)));
    assert_eq!(gaps(&any, &two), [ImportGap::SeveralValues { register: "rtmr0", count: 2 }]);
    assert_eq!(gaps(&any, "[]"), [ImportGap::NoValue { register: "rtmr0" }]);
    let both = format!("{any}, \"expected\": \"{}\"", "A2".repeat(48));
    assert_eq!(gaps(&any, &both), [ImportGap::NoValue { register: "rtmr0" }]);
    let zero = "0".repeat(96);
    assert_eq!(gaps(&"A1".repeat(48), &zero), [ImportGap::Zero { register: "mrtd" }]);
    let simulated = format!("{}{}", hex::encode(b"SIMULATE"), "00".repeat(40));
    assert_eq!(gaps(&"A1".repeat(48), &simulated), [ImportGap::Simulated]);
    let [ImportGap::BadValue { register: "rtmr2", error }] = &gaps(&"A4".repeat(48), "A4")[..]
    else {
        panic!("a bad value");
    };
    assert!(error.to_string().contains("expected 96 hex digits"), "{error}");
}

#[test]
fn what_may_mean_two_things_is_refused() {
    // The second `0` would win in most readers.
    let first = "\"0\": {";
    let again = format!("\"mrtd\": {{ \"expected\": \"{}\" }}, {first}", "A9".repeat(48));
    assert_eq!(gaps(first, &again), [ImportGap::Twice { register: "mrtd" }]);
    assert_eq!(gaps(first, &again.replace("mrtd", "0")), [ImportGap::Twice { register: "mrtd" }]);
    let ten = gaps("\"4\": {", "\"10\": {");
    let unknown = ImportGap::UnknownRegister { key: "10".into() };
    assert_eq!(ten, [unknown, ImportGap::Unpinned { registers: vec!["rtmr3"] }]);
    let malformed = gaps("\"expected_any\"", "\"expected_all\"");
    assert!(
        matches!(&malformed[..], [ImportGap::Malformed { why }] if why.contains("expected_all"))
    );
}

#[test]
fn azure_and_no_attestation_are_refused_as_such() {
    assert_eq!(gaps("qemu-tdx", "azure-tdx"), [ImportGap::Azure]);
    let none = ImportGap::NoTdx { kind: "none".into() };
    assert_eq!(gaps("qemu-tdx", "none"), [none]);
}

#[test]
fn labels_are_names_and_unique() {
    let no_label = |id: &str| ImportGap::NoLabel { id: id.into() };
    assert_eq!(gaps("image-7", "image 7"), [no_label("image 7")]);
    assert_eq!(gaps("\"measurement_id\": \"image-7\",", ""), [no_label("")]);
    let record = whole().trim_matches(['[', ']']).to_owned();
    let imported = import(&format!("[{record}, {record}]"));
    assert!(imported[0].set.is_ok());
    let taken = ImportGap::LabelTaken { label: "image-7".into() };
    assert_eq!(imported[1].set, Err(vec![taken]));
    assert_eq!(imported[1].record, 2);
}

#[test]
fn what_is_no_list_or_without_end_is_refused() {
    for text in ["", "{}", "null", "[", "[1,]", "measurements"] {
        let error = import_flashbots(text).unwrap_err();
        assert!(matches!(error, ImportError::NotAList { .. }), "{text}: {error}");
    }
    let error = import_flashbots(&" ".repeat(MAX_IMPORT_BYTES + 1)).unwrap_err();
    assert!(error.to_string().contains("1048577 bytes, above 1048576"), "{error}");
    let many = format!("[{}0]", "0,".repeat(MAX_IMPORT_RECORDS));
    let error = import_flashbots(&many).unwrap_err();
    assert_eq!(error, ImportError::TooMany { count: 4097, limit: 4096 });
    // A record that is none does not keep the others from being read.
    let imported = import(&format!("[7, {}]", whole().trim_matches(['[', ']'])));
    assert!(imported[0].set.is_err() && imported[1].set.is_ok());
}

#[test]
fn the_published_example_gives_its_one_whole_set() {
    let Some(json) = real("measurements.json") else { return };
    let imported = import(&json);
    let azure = Err(vec![ImportGap::Azure]);
    assert_eq!((imported.len(), &imported[0].set, &imported[1].set), (3, &azure, &azure));
    assert_eq!(reload(&imported), ["dcap-tdx-example"]);
    let pin = imported[2].set.as_ref().unwrap();
    assert!(pin.mrtd.to_string().starts_with("47a1cc074b91"));
    assert_eq!(pin.rtmr[3], RtmrRule::Exact(Measurement::ZERO));
}

#[test]
fn buildernets_file_gives_its_two_whole_sets() {
    let Some(json) = real("buildernet_measurements.json") else { return };
    let imported = import(&json);
    assert_eq!(imported.len(), 23);
    assert_eq!(
        reload(&imported),
        [
            "buildernet-gcp_2.2.2-1dd1c254.efi-eu-c3-standard-44",
            "buildernet-gcp_2.2.2-1dd1c254.efi-us-c3-standard-44"
        ]
    );
    let gaps = |id: &str| {
        let imported = imported.iter().find(|imported| imported.id == id).unwrap();
        imported.set.clone().unwrap_err()
    };
    assert_eq!(
        gaps("buildernet-gcp_measurements_test.efi"),
        [ImportGap::Unpinned { registers: vec!["rtmr0", "rtmr3"] }]
    );
    assert_eq!(
        gaps("buildernet-gcp_2.3.2-df1e6b91.efi-c3-standard-44"),
        [
            ImportGap::SeveralValues { register: "mrtd", count: 2 },
            ImportGap::SeveralValues { register: "rtmr0", count: 4 },
        ]
    );
    let azure = imported.iter().filter(|imported| imported.set == Err(vec![ImportGap::Azure]));
    assert_eq!(azure.count(), 14);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,200}") {
        let _ = import_flashbots(&text);
    }

    #[test]
    fn a_damaged_file_gives_only_pins_that_load(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..60,
        insert in "[\\[\\]{}:,\"a-f0-9]{0,8}",
    ) {
        let json = whole();
        let at = at.index(json.len());
        let end = (at + cut).min(json.len());
        let broken = format!("{}{insert}{}", &json[..at], &json[end..]);
        let imported = import_flashbots(&broken).unwrap_or_default();
        if imported.iter().any(|imported| imported.set.is_ok()) {
            reload(&imported);
        }
    }
}
