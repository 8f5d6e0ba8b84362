use holobiont_identity::Organism;
use holobiont_programs::{CrossFeed, LoadError, PROGRAMS, Visit, load};
use holobiont_replay::{Program, ProgramError};

use crate::hex;

const ORGANISM: &str = include_str!("../vectors/organism.toml");
const AT_START: &str = include_str!("../vectors/snapshot_at_start.hex");

struct Snapshot;
impl Visit for Snapshot {
    type Output = (&'static str, u32, Vec<u8>);

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let mut bytes = Vec::new();
        program.snapshot(&mut bytes);
        (P::NAME, P::VERSION, bytes)
    }
}

fn load_with(from: &str, to: &str) -> Result<(&'static str, u32, Vec<u8>), LoadError> {
    let source = ORGANISM.replacen(from, to, 1);
    assert!(from == to || source != ORGANISM);
    load(&Organism::parse(&source).unwrap(), Snapshot)
}

#[test]
fn loads_the_program_that_is_named() {
    let (name, version, snapshot) = load_with("", "").unwrap();
    assert_eq!(PROGRAMS, [(name, version)]);
    assert_eq!(snapshot, hex(AT_START));
}

#[test]
fn the_window_is_60_unless_set() {
    let default = load_with("window = 3", "").unwrap().2;
    assert_eq!(default, load_with("window = 3", "window = 60").unwrap().2);
    assert_ne!(default, load_with("window = 3", "window = 61").unwrap().2);
}

#[test]
fn refuses_another_name_or_version_and_says_which_there_are() {
    let refusal = load_with("cross-feed", "crossfeed").unwrap_err();
    let known = "cross-feed".to_owned();
    assert_eq!(refusal, LoadError::UnknownProgram { name: "crossfeed".into(), known });
    let refusal = load_with("\"cross-feed\"\nversion = 1", "\"cross-feed\"\nversion = 2");
    let name = "cross-feed".to_owned();
    assert_eq!(refusal.unwrap_err(), LoadError::UnknownVersion { name, version: 2, known: 1 });
}

#[test]
fn refuses_settings_that_it_does_not_have() {
    let refusal = load_with("window = 3", "widow = 3").unwrap_err();
    let (program, key) = ("cross-feed", "widow".to_owned());
    assert_eq!(refusal, LoadError::UnknownSetting { program, key, known: "window" });
}

#[test]
fn refuses_windows_out_of_bounds_and_what_is_no_number() {
    for window in ["2", "1000"] {
        assert!(load_with("window = 3", &format!("window = {window}")).is_ok(), "{window}");
    }
    for window in ["1", "0", "-60", "1001", "65538", "\"60\"", "true", "[60]", "{ closes = 60 }"] {
        let refusal = load_with("window = 3", &format!("window = {window}")).unwrap_err();
        assert!(matches!(refusal, LoadError::Setting { key: "window", .. }), "{window}: {refusal}");
        assert!(refusal.to_string().contains("from 2 to 1000"), "{refusal}");
    }
}

#[test]
fn refuses_an_alignment_without_closed_clocks() {
    let refusal = load_with("version = 1\n", "version = 1\nalign = \"arrival\"\n").unwrap_err();
    assert_eq!(refusal, LoadError::Alignment { program: "cross-feed" });
}

#[test]
fn takes_up_its_own_snapshot_and_no_other() {
    let organism = Organism::parse(ORGANISM).unwrap();
    let mut program = CrossFeed::new(&organism).unwrap();
    program.restore(&hex(AT_START)).unwrap();
    assert_eq!(program, CrossFeed::new(&organism).unwrap());
    let refused = |bytes: &[u8]| {
        let mut program = CrossFeed::new(&organism).unwrap();
        matches!(program.restore(bytes), Err(ProgramError::Snapshot { .. }))
    };
    let mut longer = hex(AT_START);
    longer.push(0);
    let mut newer = hex(AT_START);
    newer[0] += 1;
    assert!(refused(&[]) && refused(&longer) && refused(&newer));
}
