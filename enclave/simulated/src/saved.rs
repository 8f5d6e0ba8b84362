//! A simulated machine as text, so that several processes can be guests of one simulation.
//!
//! **These texts hold private keys.** They are keys of a fake processor that proves nothing.

use serde_json::{Value, json};

use crate::key::Key;
use crate::{MARK, SimulatedError};

/// What one machine is made of.
pub(crate) struct Saved {
    pub(crate) index: u32,
    pub(crate) pck: Key,
    pub(crate) attestation_key: Key,
    pub(crate) pck_chain_pem: String,
}

pub(crate) fn to_json(saved: &Saved) -> String {
    json!({
        "what": MARK,
        "warning": "private keys of a SIMULATED processor: they prove nothing, to nobody",
        "version": 1,
        "index": saved.index,
        "pck_pkcs8": hex::encode(saved.pck.pkcs8()),
        "attestation_pkcs8": hex::encode(saved.attestation_key.pkcs8()),
        "pck_chain_pem": saved.pck_chain_pem,
    })
    .to_string()
}

pub(crate) fn from_json(text: &str) -> Result<Saved, SimulatedError> {
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let what = value.get("what").and_then(Value::as_str);
    if what != Some(MARK) || number("version") != Some(1) {
        return Err(wrong("it says that it is something else, or of another version".to_owned()));
    }
    let index = number("index").and_then(|index| u32::try_from(index).ok());
    Ok(Saved {
        index: index.ok_or_else(|| wrong("index is no small number".to_owned()))?,
        pck: key(&value, "pck_pkcs8")?,
        attestation_key: key(&value, "attestation_pkcs8")?,
        pck_chain_pem: text_of(&value, "pck_chain_pem")?.to_owned(),
    })
}

fn key(value: &Value, name: &str) -> Result<Key, SimulatedError> {
    let pkcs8 =
        hex::decode(text_of(value, name)?).map_err(|_| wrong(format!("{name} is no hex")))?;
    Key::from_pkcs8(&pkcs8)
}

fn text_of<'a>(value: &'a Value, name: &str) -> Result<&'a str, SimulatedError> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| wrong(format!("{name} is no text")))
}

const fn wrong(reason: String) -> SimulatedError {
    SimulatedError::Saved { reason }
}

#[cfg(test)]
mod tests {
    use holobiont_attestation::PckCa;

    use super::*;
    use crate::{SimulatedIntel, SimulatedPlatform};

    #[test]
    fn a_machine_comes_back_as_itself() {
        let intel = SimulatedIntel::new(1_800_000_000).unwrap();
        let platform = intel.platform(3, PckCa::Platform).unwrap();
        let again = SimulatedPlatform::from_json(&platform.to_json()).unwrap();
        assert_eq!(again.to_json(), platform.to_json());
        assert_eq!(again.instance_id(), platform.instance_id());
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        let intel = SimulatedIntel::new(1_800_000_000).unwrap();
        let good = intel.platform(0, PckCa::Platform).unwrap().to_json();
        for (bad, named) in [
            ("{}".to_owned(), "something else"),
            ("[]".to_owned(), "something else"),
            (good.replace(MARK, "Intel"), "something else"),
            (good.replace("\"version\":1", "\"version\":2"), "another version"),
            (good.replace("\"index\":0", "\"index\":-1"), "index"),
            (good.replace("attestation_pkcs8", "attestation"), "attestation_pkcs8"),
            (good.chars().take(40).collect(), "cannot be read"),
        ] {
            let error = from_json(&bad).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(named), "{bad}: {error}");
        }
    }
}
