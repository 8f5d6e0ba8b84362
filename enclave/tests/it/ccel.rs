//! The firmware's event log: had, absent, or refused; never silently missing.

use holobiont_attestation::{EventLog, MAX_EVENT_LOG_BYTES, ProviderError, QuoteProvider};
use holobiont_enclave::{FileTree, Roots, event_log};

use crate::scripted::{EACCES, Fault, Kernel};
use crate::vectors;

/// An ACPI table of this kind: its signature, its length, the kind of guest.
fn table(kind: u8) -> Vec<u8> {
    let mut table = vec![0; 56];
    table[..4].copy_from_slice(b"CCEL");
    table[4] = 56;
    table[36] = kind;
    table
}

fn with(table: Option<Vec<u8>>, log: Option<Result<Vec<u8>, i32>>) -> Kernel {
    let kernel = Kernel::with([Fault::None]);
    let roots = Roots::default();
    if let Some(table) = table {
        kernel.put(&roots.ccel_table, Ok(table));
    }
    if let Some(log) = log {
        kernel.put(&roots.ccel_data, log);
    }
    kernel
}

#[test]
fn the_log_comes_as_it_lies_in_memory() {
    let log = vec![7; MAX_EVENT_LOG_BYTES];
    let kernel = with(Some(table(2)), Some(Ok(log.clone())));
    assert_eq!(kernel.provider().event_log().unwrap(), Some(log));
}

#[test]
fn firmware_without_a_log_has_none() {
    assert_eq!(with(None, None).provider().event_log().unwrap(), None);
}

#[test]
fn a_log_that_cannot_be_had_is_an_error_and_not_none() {
    let roots = Roots::default();
    let wrong = [
        (with(Some(table(1)), Some(Ok(vec![7]))), "kind 1"),
        (with(Some(vec![0; 56]), Some(Ok(vec![7]))), "signature"),
        (with(Some(b"CCEL".to_vec()), Some(Ok(vec![7]))), "cut short"),
        (with(Some(table(2)), Some(Ok(Vec::new()))), "empty"),
        (with(Some(table(2)), Some(Ok(vec![7; MAX_EVENT_LOG_BYTES + 1]))), "larger than"),
    ];
    for (kernel, why) in wrong {
        let error = event_log(&kernel, &roots).unwrap_err();
        assert!(matches!(error, ProviderError::SelfCheck { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    for kernel in [with(Some(table(2)), None), with(Some(table(2)), Some(Err(EACCES)))] {
        let Err(ProviderError::Io { path, .. }) = event_log(&kernel, &roots) else { panic!() };
        assert_eq!(path, "/sys/firmware/acpi/tables/data/CCEL");
    }
}

/// Google Cloud's real table and log, over real files.
#[test]
fn a_real_table_and_log_are_read() {
    let (Some(table), Some(log)) =
        (vectors::read("go-tdx-guest/ccel_table.dat"), vectors::read("go-tdx-guest/ccel_data.dat"))
    else {
        return;
    };
    let temporary = tempfile::tempdir().unwrap();
    let roots = Roots::under(temporary.path());
    std::fs::create_dir_all(roots.ccel_data.parent().unwrap()).unwrap();
    std::fs::write(&roots.ccel_table, table).unwrap();
    std::fs::write(&roots.ccel_data, &log).unwrap();
    let read = event_log(&FileTree, &roots).unwrap().unwrap();
    assert_eq!(read, log);
    EventLog::parse(&read).unwrap();
}
