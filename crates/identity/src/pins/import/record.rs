use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{ImportGap, ImportedPin};
use crate::config::is_name;
use crate::pins::{Measurement, Pin, PlatformKind, SIMULATED_MRTD_PREFIX};

const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/// What guests of qemu have in real quotes, as the quote has it.
const QEMU_XFAM: [u8; 8] = [0xe7, 0x02, 0x06, 0, 0, 0, 0, 0];

/// The same for Google Cloud.
const GOOGLE_CLOUD_XFAM: [u8; 8] = [0xe7, 0x00, 0x06, 0, 0, 0, 0, 0];

/// A record. What else it may say is remarks.
#[derive(Deserialize)]
struct Record {
    measurement_id: Option<String>,
    attestation_type: String,
    measurements: Option<Entries>,
}

/// The registers in the order of the file, also where one is there twice.
struct Entries(Vec<(String, Entry)>);

/// The values of a register. Another key here might change what they mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    expected: Option<String>,
    expected_any: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the values of registers by name")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

pub(super) fn read(number: usize, json: &str) -> ImportedPin {
    let record: Record = match serde_json::from_str(json) {
        Ok(record) => record,
        Err(error) => {
            let set = Err(vec![ImportGap::Malformed { why: error.to_string() }]);
            return ImportedPin { record: number, id: String::new(), set, assumed: Vec::new() };
        }
    };
    let id = record.measurement_id.unwrap_or_default();
    let entries = record.measurements.map(|entries| entries.0).unwrap_or_default();
    let (set, assumed) = match platform(&record.attestation_type, &id) {
        Ok(platform) => (set(&id, platform, &entries), platform.assumed()),
        Err(gap) => (Err(vec![gap]), Vec::new()),
    };
    let assumed = if set.is_ok() { assumed } else { Vec::new() };
    ImportedPin { record: number, id, set, assumed }
}

/// The platform of a record, said or guessed.
#[derive(Clone, Copy)]
struct Platform {
    kind: PlatformKind,
    is_guess: bool,
}

fn platform(kind: &str, id: &str) -> Result<Platform, ImportGap> {
    let (kind, is_guess) = match kind {
        "gcp-tdx" => (PlatformKind::GoogleCloud, false),
        "qemu-tdx" => (PlatformKind::Qemu, false),
        // This kind says only that there is a plain quote.
        "dcap-tdx" if id.contains("gcp") => (PlatformKind::GoogleCloud, true),
        "dcap-tdx" => (PlatformKind::Qemu, true),
        "azure-tdx" => return Err(ImportGap::Azure),
        _ => return Err(ImportGap::NoTdx { kind: kind.chars().take(80).collect() }),
    };
    Ok(Platform { kind, is_guess })
}

impl Platform {
    const fn xfam(self) -> [u8; 8] {
        match self.kind {
            PlatformKind::GoogleCloud => GOOGLE_CLOUD_XFAM,
            _ => QEMU_XFAM,
        }
    }

    /// What no record says.
    fn assumed(self) -> Vec<String> {
        let guess = self.is_guess.then(|| {
            format!("platform \"{}\": the record says only that there is a TDX quote", self.kind)
        });
        let others = [
            format!("xfam {}: what guests of \"{}\" have", hex::encode(self.xfam()), self.kind),
            "td_attributes 0000001000000000: what ordinary guests have".to_owned(),
            "mrconfigid, mrowner and mrownerconfig zero: nothing was named at launch".to_owned(),
        ];
        guess.into_iter().chain(others).collect()
    }
}

fn set(id: &str, platform: Platform, entries: &[(String, Entry)]) -> Result<Pin, Vec<ImportGap>> {
    let mut gaps = Vec::new();
    if !is_name(id) {
        gaps.push(ImportGap::NoLabel { id: id.chars().take(80).collect() });
    }
    let mut values: [Option<Measurement>; 5] = [None; 5];
    let mut named = [false; 5];
    for (key, entry) in entries {
        let place = register(key);
        let slot = place.and_then(|place| {
            Some((*REGISTERS.get(place)?, named.get_mut(place)?, values.get_mut(place)?))
        });
        let Some((register, named, value)) = slot else {
            gaps.push(ImportGap::UnknownRegister { key: key.chars().take(80).collect() });
            continue;
        };
        if std::mem::replace(named, true) {
            gaps.push(ImportGap::Twice { register });
            continue;
        }
        match the_one(register, entry) {
            Ok(one) => *value = Some(one),
            Err(gap) => gaps.push(gap),
        }
    }
    let unnamed = REGISTERS.into_iter().zip(named).filter(|(_, is_named)| !is_named);
    let registers: Vec<&str> = unnamed.map(|(register, _)| register).collect();
    if !registers.is_empty() {
        gaps.push(ImportGap::Unpinned { registers });
    }
    match values {
        [Some(mrtd), Some(first), Some(second), Some(third), Some(last)] if gaps.is_empty() => {
            let rtmr = [first, second, third, last];
            Ok(Pin::new(id, platform.kind, mrtd, rtmr, platform.xfam()))
        }
        _ => Err(gaps),
    }
}

/// The place of a register, by either of its names.
fn register(key: &str) -> Option<usize> {
    let by_number = ["0", "1", "2", "3", "4"].iter().position(|number| *number == key);
    by_number.or_else(|| REGISTERS.iter().position(|name| name.eq_ignore_ascii_case(key)))
}

/// The only value that a register may have.
fn the_one(register: &'static str, entry: &Entry) -> Result<Measurement, ImportGap> {
    let values = match (&entry.expected, &entry.expected_any) {
        (Some(value), None) => std::slice::from_ref(value),
        (None, Some(values)) => values.as_slice(),
        _ => return Err(ImportGap::NoValue { register }),
    };
    let value = match values {
        [] => return Err(ImportGap::NoValue { register }),
        [value] => value,
        _ => return Err(ImportGap::SeveralValues { register, count: values.len() }),
    };
    let value =
        Measurement::from_hex(value).map_err(|error| ImportGap::BadValue { register, error })?;
    if value.is_zero() && register != "rtmr3" {
        return Err(ImportGap::Zero { register });
    }
    if register == "mrtd" && value.0.starts_with(&SIMULATED_MRTD_PREFIX) {
        return Err(ImportGap::Simulated);
    }
    Ok(value)
}
