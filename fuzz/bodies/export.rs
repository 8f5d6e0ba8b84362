//! Exports of a committee's log: what can be read whole is what a writer writes.

mod input;
mod signed_log;

use std::sync::LazyLock;

use holobiont_committee::{
    Certificate, ExportError, ExportReader, ExportStart, ExportWriter, Machine, MachineEvent,
};
use input::Input;
use signed_log::{CONFIGS, Growing, HELD, STARTED};

/// An export of a grown log, and one from its last certified cut. Growing takes long, so it is done
/// once; what is done to it is the input's.
static SOUND: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let mut bytes = vec![0; 2_000];
    blake3::Hasher::new().update(b"export").finalize_xof().fill(&mut bytes);
    let bytes = [&STARTED, bytes.as_slice()].concat();
    let mut growing = Growing::new(Input::new(&bytes));
    let mut entries = Vec::new();
    let mut certified: Option<(Certificate, Vec<u8>)> = None;
    let mut snapshots = Vec::new();
    for index in 1..=400 {
        let Some(entry) = growing.entry() else { break };
        let effects = growing.machine.apply(index, &entry.payload, &*HELD).expect("it goes on");
        if effects.applied.cut.is_some() {
            snapshots.push((index, growing.machine.snapshot()));
        }
        for event in effects.events {
            if let MachineEvent::Certified(certificate) = event {
                let is_its =
                    |(index, _): &&(u64, Vec<u8>)| *index == certificate.statement.log_index;
                certified = snapshots.iter().find(is_its).map(|(_, it)| (certificate, it.clone()));
            }
        }
        entries.push((index, entry.payload));
    }
    let first = ExportStart::First {
        content_hash: CONFIGS[0].content_hash(),
        roster: signed_log::first_machine().roster().clone(),
    };
    let (certificate, machine) = certified.expect("a cut is certified");
    let log_index = certificate.statement.log_index;
    let later = ExportStart::Snapshot { log_index, machine, certificate: Box::new(certificate) };
    [first, later].map(|start| {
        let mut writer = ExportWriter::new(Vec::new(), &start).expect("memory takes it");
        for (config, change) in CONFIGS.iter().zip(["", "stall_after = 9"]) {
            let text = signed_log::config(change);
            writer.config(&config.content_hash(), &text).expect("a sound config");
        }
        for (index, payload) in entries.iter().filter(|(index, _)| *index > start.log_index()) {
            writer.entry(*index, payload).expect("in order");
        }
        writer.finish().expect("memory takes it")
    })
});

/// The first byte chooses between the bytes themselves and a sound export that is changed.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let mut bytes = match mode % 4 {
        0 => input.rest().to_vec(),
        1 => [b"HBCL\x02\0\0\0".as_slice(), input.rest()].concat(),
        sound => SOUND[usize::from(sound - 2)].clone(),
    };
    let is_sound = mode % 4 > 1;
    if is_sound {
        let before = bytes.clone();
        input.edit(&mut bytes);
        let is_changed = bytes != before;
        let read = read(&bytes);
        assert_eq!(read.is_err(), is_changed, "a change is found, and nothing else");
        return;
    }
    if let Err(error) = read(&bytes) {
        drop(error.to_string());
    }
}

/// Reads it to its end, as an auditor would, and writes it again.
fn read(bytes: &[u8]) -> Result<(), ExportError> {
    let mut reader = ExportReader::new(bytes)?;
    let mut entries = Vec::new();
    let mut machine: Option<Machine> = None;
    let mut last = reader.start().log_index();
    while let Some((index, payload)) = reader.entry()? {
        assert!(index > last);
        last = index;
        if machine.is_none() {
            machine = reader.machine(reader.configs()).ok();
        }
        if let Some(machine) = &mut machine {
            // A config that is not among those read is the export's fault, and no panic.
            drop(machine.apply(index, &payload, reader.configs()));
        }
        entries.push((index, payload));
    }
    assert_eq!(reader.entry()?, None, "its end is its end");
    let mut writer = ExportWriter::new(Vec::new(), reader.start())?;
    for (content_hash, text) in reader.configs().texts() {
        writer.config(content_hash, text)?;
    }
    for (index, payload) in &entries {
        writer.entry(*index, payload)?;
    }
    let again = writer.finish()?;
    let mut again = ExportReader::new(again.as_slice())?;
    for entry in entries {
        assert_eq!(again.entry()?, Some(entry));
    }
    assert_eq!(again.entry()?, None);
    Ok(())
}
