//! Reading flashbots' `measurements.json` (their attested-tls, cvm-reverse-proxy).

mod gap;
mod record;

pub use gap::{ImportError, ImportGap};

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::Pin;

/// The largest `measurements.json` that is read, in bytes.
pub const MAX_IMPORT_BYTES: usize = 1 << 20;

/// The most records of one `measurements.json`.
pub const MAX_IMPORT_RECORDS: usize = 4096;

/// One record of the file, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedPin {
    /// The record's place in the file, from 1.
    pub record: usize,
    /// The record's `measurement_id`; empty where it has none.
    pub id: String,
    /// The set it makes, or everything that keeps it from being one.
    pub set: Result<Pin, Vec<ImportGap>>,
    /// What the set says that the record does not, one line each: to be compared with a real guest.
    pub assumed: Vec<String>,
}

/// Reads a `measurements.json`: a list of records, each with an id, a kind of attestation and the
/// values of registers. The registers are `mrtd`, `rtmr0` to `rtmr3`, or `0` to `4` for the same.
///
/// A record accepts anything in a register that it does not name, and any combination of the values
/// that it lists. Neither can be a pin. So each record that has exactly one value for each of the
/// five registers becomes a pin, and for the others the answer says what is in the way.
///
/// ```
/// use holobiont_identity::pins::{ImportGap, import_flashbots};
///
/// let json = r#"[{ "measurement_id": "image-7", "attestation_type": "qemu-tdx",
///                  "measurements": {} }]"#;
/// let imported = import_flashbots(json)?;
/// let gaps = imported[0].set.as_ref().unwrap_err();
/// assert!(gaps[0].to_string().contains("leaves mrtd, rtmr0, rtmr1, rtmr2, rtmr3 unpinned"));
/// # Ok::<(), holobiont_identity::pins::ImportError>(())
/// ```
///
/// # Errors
///
/// [`ImportError`] where the text is no list of that kind, or above its limits: up to
/// [`MAX_IMPORT_BYTES`] and [`MAX_IMPORT_RECORDS`].
pub fn import_flashbots(json: &str) -> Result<Vec<ImportedPin>, ImportError> {
    if json.len() > MAX_IMPORT_BYTES {
        let (size_bytes, limit_bytes) = (json.len(), MAX_IMPORT_BYTES);
        return Err(ImportError::TooLarge { size_bytes, limit_bytes });
    }
    let records: Vec<&RawValue> = serde_json::from_str(json)
        .map_err(|error| ImportError::NotAList { why: error.to_string() })?;
    if records.len() > MAX_IMPORT_RECORDS {
        return Err(ImportError::TooMany { count: records.len(), limit: MAX_IMPORT_RECORDS });
    }
    let mut labels = BTreeSet::new();
    let numbered = (1..).zip(records);
    Ok(numbered
        .map(|(number, json)| {
            let mut imported = record::read(number, json.get());
            if let Ok(pin) = &imported.set
                && !labels.insert(pin.label.clone())
            {
                imported.set = Err(vec![ImportGap::LabelTaken { label: pin.label.clone() }]);
            }
            imported
        })
        .collect())
}
