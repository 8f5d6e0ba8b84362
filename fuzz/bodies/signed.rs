//! The committee's signed log: whatever is in it, the machine goes on, and the same elsewhere.

mod input;
mod signed_log;

use holobiont_committee::{Certificate, Machine, MachineEvent, Signed, SignedOrder};
use input::Input;
use signed_log::{Growing, HELD};

const MAX_ENTRIES: usize = 200;

/// The first byte chooses where the entries, or the machine, come from.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => read(input.rest()),
        1 => drop(grown(input)),
        2 => raw_entries(&mut input),
        _ => go_on_from_anything(&mut input),
    }
}

/// Bytes as each of the formats.
fn read(bytes: &[u8]) {
    match Signed::decode(bytes) {
        Ok(signed) => assert_eq!(signed.encode(), bytes),
        Err(error) => drop(error.to_string()),
    }
    match Certificate::decode(bytes) {
        Ok(certificate) => {
            assert_eq!(certificate.encode(), bytes);
            assert!(certificate.verify(2, &|_, _| false).is_err());
        }
        Err(error) => drop(error.to_string()),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        match SignedOrder::from_json(text) {
            Ok(order) => assert_eq!(SignedOrder::from_json(&order.to_json()), Ok(order)),
            Err(error) => drop(error.to_string()),
        }
    }
    if let Err(error) = Machine::restore(bytes, &*HELD) {
        drop(error.to_string());
    }
}

/// A log as a committee would leave it, and now and then as it would not.
fn grown(input: Input<'_>) -> Machine {
    let mut growing = Growing::new(input);
    let mut restored = signed_log::first_machine();
    let mut certified = Vec::new();
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = growing.entry() else { break };
        let index = growing.machine.log_index() + 1;
        let effects = growing.machine.apply(index, &entry.payload, &*HELD).expect("it goes on");
        assert_eq!(restored.apply(index, &entry.payload, &*HELD).as_ref(), Ok(&effects));
        for event in &effects.events {
            if let MachineEvent::Certified(certificate) = event {
                let cut = certificate.statement.cut;
                assert!(!certified.contains(&cut), "one certificate a cut");
                certified.push(cut);
                assert_eq!(certificate.verify(1, &|_, _| true), Ok(()));
            }
            if let MachineEvent::Ignored(reason) = event {
                drop(reason.to_string());
            }
        }
        if index.is_multiple_of(64) {
            let snapshot = restored.snapshot();
            restored = Machine::restore(&snapshot, &*HELD).expect("its own snapshot");
            assert_eq!(restored.snapshot(), snapshot);
        }
    }
    assert_eq!(restored.snapshot(), growing.machine.snapshot());
    growing.machine
}

/// Anything at all, each behind its length.
fn raw_entries(input: &mut Input<'_>) {
    let mut machine = signed_log::first_machine();
    let mut index = 0;
    while !input.is_empty() && index < 64 {
        index += 1;
        let effects = machine.apply(index, input.blob(), &*HELD).expect("it goes on");
        assert!(effects.events.len() <= 1);
    }
    assert!(machine.apply(index, &[], &*HELD).is_err(), "an entry counts once");
}

/// A machine that no log has left, if it is taken at all, must still not panic.
fn go_on_from_anything(input: &mut Input<'_>) {
    let mut bytes = grown(Input::new(input.blob())).snapshot();
    input.edit(&mut bytes);
    let mut machine = match Machine::restore(&bytes, &*HELD) {
        Ok(machine) => machine,
        Err(error) => return drop(error.to_string()),
    };
    assert_eq!(machine.snapshot(), bytes);
    let mut growing = Growing::new(Input::new(input.rest()));
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = growing.entry() else { break };
        let index = growing.machine.log_index() + 1;
        drop(growing.machine.apply(index, &entry.payload, &*HELD));
        drop(machine.apply(machine.log_index().saturating_add(1), &entry.payload, &*HELD));
    }
}
