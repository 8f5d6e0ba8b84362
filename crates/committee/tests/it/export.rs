//! A log as a file, for auditors.

use holobiont_committee::{
    ExportError, ExportFile, ExportReader, ExportStart, ExportWriter, LogCommand,
};
use holobiont_identity::{Digest, OrderAction};
use holobiont_policy::{Command, Roster};

use crate::signed_log::{CONFIGS, config, first_machine};
use crate::world::World;

fn first() -> ExportStart {
    let roster = first_machine().roster().clone();
    ExportStart::First { content_hash: CONFIGS[0].content_hash(), roster }
}

/// Entries of a log that takes up a config, and the machine at its end.
fn log() -> (Vec<Vec<u8>>, World) {
    let mut it = World::new();
    let mut log = Vec::new();
    let mut write = |it: &mut World, node, command| {
        log.push(it.entry(node, command));
        it.apply(log.last().unwrap());
    };
    for node in 0..3 {
        it.boots[usize::from(node)] = 1;
        let key = it.key(node);
        write(&mut it, node, LogCommand::Key { key, enrolment: vec![node], quote: vec![node; 3] });
    }
    for (by, node) in [(1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (1, 2)] {
        let key = it.key(node);
        write(&mut it, by, LogCommand::Admit { node: u16::from(node), key });
    }
    let content_hash = CONFIGS[1].content_hash();
    let order = it.signed_order(OrderAction::Config { content_hash }, &[0, 1]);
    write(&mut it, 0, LogCommand::Order(order));
    for node in 0..2 {
        write(&mut it, node, LogCommand::Hold { config: content_hash });
    }
    write(&mut it, 2, LogCommand::Policy(Command::Tick));
    (log, it)
}

#[test]
fn an_auditor_goes_on_over_a_config_with_nothing_but_the_file() {
    let (log, it) = log();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cuts.log");
    let mut export = ExportFile::create(&file, &first()).unwrap();
    export.config(&CONFIGS[0].content_hash(), &config("")).unwrap();
    export.config(&CONFIGS[1].content_hash(), &config("stall_after = 9")).unwrap();
    for (index, payload) in (1..).zip(&log) {
        export.entry(index, payload).unwrap();
    }
    assert!(!file.exists(), "under its name only when it is whole");
    export.finish().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

    let mut reader = ExportReader::open(&file).unwrap();
    let mut machine = None;
    while let Some((index, payload)) = reader.entry().unwrap() {
        let machine = machine.get_or_insert_with(|| reader.machine(reader.configs()).unwrap());
        machine.apply(index, &payload, reader.configs()).unwrap();
    }
    assert_eq!(machine.unwrap().snapshot(), it.machine.snapshot());
    assert_eq!(reader.configs().texts().count(), 2);
}

#[test]
fn each_version_refuses_the_other_by_name() {
    let mut version_1 = b"HBCL\x01\0\0\0".to_vec();
    version_1.extend([0; 200]);
    let error = ExportReader::new(version_1.as_slice()).unwrap_err();
    assert!(matches!(error, ExportError::Unsigned), "{error}");
    assert!(error.to_string().contains("replay --cuts"));
    let version_3 = b"HBCL\x03\0\0\0\0";
    let error = ExportReader::new(version_3.as_slice()).unwrap_err();
    assert!(matches!(error, ExportError::UnknownVersion { version: 3 }));

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cuts.log");
    ExportFile::create(&file, &first()).unwrap().finish().unwrap();
    let error = holobiont_replay::LogReader::open(&file, &CONFIGS[0]).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn a_writer_writes_only_what_a_reader_takes() {
    let mut writer = ExportWriter::new(Vec::new(), &first()).unwrap();
    writer.entry(4, b"four").unwrap();
    let unordered = writer.entry(4, b"four").unwrap_err();
    assert!(matches!(unordered, ExportError::Unordered { index: 4, last: 4 }));
    let large = vec![0; holobiont_committee::MAX_SIGNED_BYTES + 1];
    assert!(matches!(writer.entry(5, &large).unwrap_err(), ExportError::TooLarge { .. }));
    let other = Digest::of("another config");
    assert!(matches!(writer.config(&other, &config("")), Err(ExportError::Config { .. })));
    let bytes = writer.finish().unwrap();
    let mut reader = ExportReader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.entry().unwrap(), Some((4, b"four".to_vec())));
    assert_eq!(reader.entry().unwrap(), None);
}

#[test]
fn damage_is_named_with_its_offset() {
    let mut writer = ExportWriter::new(Vec::new(), &first()).unwrap();
    writer.entry(1, b"one").unwrap();
    let start = writer.get_mut().len();
    writer.entry(2, b"two").unwrap();
    let mut bytes = writer.finish().unwrap();
    bytes[start + 18] ^= 1;
    let mut reader = ExportReader::new(bytes.as_slice()).unwrap();
    reader.entry().unwrap();
    let ExportError::Damage { offset, .. } = reader.entry().unwrap_err() else { panic!("damage") };
    assert_eq!(offset, start as u64);
}

#[test]
fn a_snapshot_of_another_index_is_no_start() {
    let (_, mut it) = log();
    let cut = it.cut(0);
    let statement = it.statement(cut);
    let machine = it.machine.snapshot();
    it.sign(0, &statement);
    let effects = it.sign(1, &statement);
    let certificate = Box::new(crate::world::certificates(&effects)[0].clone());
    let log_index = certificate.statement.log_index;
    let start = ExportStart::Snapshot { log_index, machine, certificate: certificate.clone() };
    let open = |start: &ExportStart| {
        let bytes = ExportWriter::new(Vec::new(), start).unwrap().finish().unwrap();
        ExportReader::new(bytes.as_slice()).map(|reader| reader.machine(&*crate::signed_log::HELD))
    };
    assert_eq!(open(&start).unwrap().unwrap().log_index(), log_index);
    let machine = it.machine.snapshot();
    let late = ExportStart::Snapshot {
        log_index,
        machine: machine.clone(),
        certificate: certificate.clone(),
    };
    assert!(open(&late).unwrap().is_err());
    let other = ExportStart::Snapshot { log_index: log_index + 2, machine, certificate };
    assert!(matches!(open(&other), Err(ExportError::Damage { .. })));
    let stranger = ExportStart::First { content_hash: Digest::of("o"), roster: Roster::replay() };
    assert!(open(&stranger).unwrap().is_err());
}
