use std::io;
use std::path::Path;

use holobiont_attestation::{MAX_EVENT_LOG_BYTES, ProviderError};

use crate::{Roots, Tree};

/// The longest ACPI table of this kind; today's has 56 bytes.
const MAX_TABLE_BYTES: usize = 4096;
const SIGNATURE: &[u8] = b"CCEL";
/// Where the kind of confidential guest stands in the table, and the kind that is TDX.
const KIND_AT: usize = 36;
const KIND_TDX: u8 = 2;

/// The event log that the firmware left for this guest, as it lies in memory. `None` where the
/// firmware made none: a pin with event rules is then not met.
///
/// # Errors
///
/// [`ProviderError`] when there is one that cannot be had: no permission, not TDX's, larger than
/// [`MAX_EVENT_LOG_BYTES`], or a table without its log.
pub fn event_log(tree: &impl Tree, roots: &Roots) -> Result<Option<Vec<u8>>, ProviderError> {
    let table = match tree.read(&roots.ccel_table, MAX_TABLE_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| io_error(&roots.ccel_table, error))?,
    };
    if !table.starts_with(SIGNATURE) {
        return Err(malformed("the ACPI table CCEL has another signature"));
    }
    match table.get(KIND_AT) {
        Some(&KIND_TDX) => {}
        Some(kind) => {
            return Err(malformed(&format!("its table is for a guest of kind {kind}, not TDX")));
        }
        None => return Err(malformed("the ACPI table CCEL is cut short")),
    }
    match tree.read(&roots.ccel_data, MAX_EVENT_LOG_BYTES) {
        Ok(log) if log.is_empty() => Err(malformed("it is empty")),
        Ok(log) => Ok(Some(log)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(malformed(&format!("it is larger than {MAX_EVENT_LOG_BYTES} bytes")))
        }
        Err(error) => Err(io_error(&roots.ccel_data, error)),
    }
}

/// The host wrote both, so a log that is wrong is this guest's evidence failing.
fn malformed(why: &str) -> ProviderError {
    ProviderError::SelfCheck {
        why: format!("its event log: {why}; the firmware or the host is at fault"),
    }
}

fn io_error(path: &Path, error: io::Error) -> ProviderError {
    ProviderError::Io { path: path.display().to_string(), source: error }
}
