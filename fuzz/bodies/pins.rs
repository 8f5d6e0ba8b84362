//! Pins, as an operator writes and imports them: what is read is written again, the same.

mod input;

use std::collections::BTreeSet;

use holobiont_identity::Organism;
use holobiont_identity::pins::{
    MAX_PINS, Pin, PlatformKind, RtmrRule, SIMULATED_MRTD_PREFIX, SurfacePins, import_flashbots,
    to_toml,
};
use input::Input;

/// An organism that lacks its pins.
const HEAD: &str = r#"
version = 1
name = "fuzzed"
[program]
name = "none"
version = 1
[floor]
normal = 1
halt_below = 1
[policy]
max_advance = 40
[[member]]
name = "one"
stable_id = "fuzzed.one"
surface = "s"
[member.policy]
on_stall = "hold"
"#;

/// The first byte chooses: `[[surface]]` tables, or a `measurements.json`.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let Ok(text) = std::str::from_utf8(input.rest()) else {
        return;
    };
    if mode & 1 == 0 {
        tables(text);
    } else {
        import(text);
    }
}

fn tables(text: &str) {
    let text = format!("{HEAD}{text}");
    let read = super::cost::bounded("pins", text.len(), || Organism::parse(&text));
    match read {
        Ok(organism) => sound(&organism),
        Err(error) => {
            assert!(!error.problems.is_empty() && !error.to_string().is_empty());
            for problem in &error.problems {
                let is_inside = problem.span.clone().is_none_or(|span| text.get(span).is_some());
                assert!(is_inside, "{problem:?}");
            }
        }
    }
}

fn sound(organism: &Organism) {
    let mut hashes = BTreeSet::new();
    for pins in &organism.surfaces {
        assert_eq!(organism.pins(&pins.surface), Some(pins));
        assert!(hashes.insert(pins.policy_hash()), "two surfaces never have one policy hash");
        assert!(pins.sets.len() <= MAX_PINS && !pins.tcb.allowed.is_empty());
        pins.sets.iter().for_each(complete);
        written(pins);
    }
    assert!(organism.pins("nobody's").is_none());
}

/// A pin leaves no register open, and a simulated guest is never taken for a real one.
fn complete(pin: &Pin) {
    let is_marked = pin.mrtd.0.starts_with(&SIMULATED_MRTD_PREFIX);
    assert_eq!(is_marked, pin.platform == PlatformKind::Simulated);
    assert!(!pin.mrtd.is_zero());
    let [first, second, third, last] = &pin.rtmr;
    for rule in [first, second, third] {
        assert!(matches!(rule, RtmrRule::Exact(value) if !value.is_zero()));
    }
    assert!(*last != RtmrRule::EventLog || !pin.events.is_empty(), "something is pinned");
}

/// Written and read again the pins are the same, and so is their hash.
fn written(pins: &SurfacePins) {
    let surface = serde_json::to_string(&pins.surface).expect("text");
    let text = format!("{HEAD}[[surface]]\nname = {surface}\n{}", to_toml(&pins.sets));
    let again = Organism::parse(&text);
    let again = again.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    let again = again.pins(&pins.surface).expect("the surface");
    assert_eq!(again.sets, pins.sets);
    let rules_of = SurfacePins { sets: again.sets.clone(), ..pins.clone() };
    assert_eq!(rules_of.policy_hash(), pins.policy_hash());
    let mut fewer = pins.clone();
    fewer.sets.pop();
    assert_eq!(fewer.policy_hash() == pins.policy_hash(), pins.sets.is_empty());
}

fn import(text: &str) {
    let imported = match super::cost::bounded("an import", text.len(), || import_flashbots(text)) {
        Ok(imported) => imported,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut sets = Vec::new();
    for record in &imported {
        match &record.set {
            Ok(pin) => sets.push(pin.clone()),
            Err(gaps) => {
                assert!(!gaps.is_empty(), "a record that is no pin says why");
                assert!(gaps.iter().all(|gap| !gap.to_string().is_empty()));
            }
        }
    }
    let labels: BTreeSet<_> = sets.iter().map(|pin| &pin.label).collect();
    assert_eq!(labels.len(), sets.len());
    sets.truncate(MAX_PINS);
    let text = format!("{HEAD}[[surface]]\nname = \"one\"\n{}", to_toml(&sets));
    if sets.is_empty() {
        return;
    }
    let organism = Organism::parse(&text);
    let organism = organism.unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert_eq!(organism.pins("one").expect("the surface").sets, sets);
    sound(&organism);
}
