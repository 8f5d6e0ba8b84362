use ring::digest::{SHA384, digest};
use serde_json::{Value, json};

use crate::SimulatedError;

const EV_NO_ACTION: u32 = 3;
const EV_SEPARATOR: u32 = 4;
const EV_IPL: u32 = 13;
const EV_EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
const EV_EFI_ACTION: u32 = 0x8000_0007;
/// dstack's, for what a running guest measures.
const RUNTIME: u32 = 0x0800_0001;
/// 8be4df61-93ca-11d2-aa0d-00e098032b8c
const EFI_GLOBAL_VARIABLE: [u8; 16] = [
    0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C,
];
const SHA384_ALGORITHM: u16 = 0x000C;
const END: [u8; 4] = [0xFF; 4];

/// What the boot loader writes before the command line that it measures.
const COMMAND_LINE: &str = "kernel_cmdline: ";

/// One measured thing: what the log says of it, and what the register was extended by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    rtmr: u8,
    kind: u32,
    digest: [u8; 48],
    /// What a runtime event is called, beside its payload.
    name: String,
    payload: Vec<u8>,
}

impl Measured {
    /// An action of the firmware, measured as its text.
    pub(crate) fn action(rtmr: u8, text: &str) -> Self {
        Self::whole(rtmr, EV_EFI_ACTION, text.into())
    }

    /// The mark between what is measured before and after the firmware hands over.
    pub(crate) fn separator(rtmr: u8) -> Self {
        Self::whole(rtmr, EV_SEPARATOR, vec![0; 4])
    }

    /// The firmware's variable `SecureBoot`, on.
    pub(crate) fn secure_boot() -> Self {
        let name: Vec<u8> = "SecureBoot".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut payload = EFI_GLOBAL_VARIABLE.to_vec();
        payload.extend(10_u64.to_le_bytes());
        payload.extend(1_u64.to_le_bytes());
        payload.extend(name);
        payload.push(1);
        Self::whole(0, EV_EFI_VARIABLE_DRIVER_CONFIG, payload)
    }

    /// The kernel's command line, as GRUB measures it: without its prefix.
    pub(crate) fn command_line(text: &str) -> Self {
        let payload = format!("{COMMAND_LINE}{text}\0").into_bytes();
        let digest = sha384(&[text.as_bytes()]);
        Self { rtmr: 2, kind: EV_IPL, digest, name: String::new(), payload }
    }

    /// What runs in the guest measures something of its own.
    pub(crate) fn runtime(name: &str, payload: &[u8]) -> Self {
        let kind = RUNTIME.to_le_bytes();
        let digest = sha384(&[&kind, b":", name.as_bytes(), b":", payload]);
        Self { rtmr: 3, kind: RUNTIME, digest, name: name.to_owned(), payload: payload.to_vec() }
    }

    fn whole(rtmr: u8, kind: u32, payload: Vec<u8>) -> Self {
        Self { rtmr, kind, digest: sha384(&[&payload]), name: String::new(), payload }
    }

    /// The log says another digest than the register was extended by.
    pub(crate) fn tamper(&mut self) {
        crate::authorities::turn_last_bit(&mut self.digest);
    }
}

/// What the registers hold after these.
pub(crate) fn replay(events: &[Measured]) -> [[u8; 48]; 4] {
    let mut registers = [[0; 48]; 4];
    for event in events {
        if let Some(register) = registers.get_mut(usize::from(event.rtmr)) {
            *register = sha384(&[register, &event.digest]);
        }
    }
    registers
}

/// The log, in the form that says all of it: as firmware leaves it, or as dstack writes it where
/// something was measured by what runs in the guest.
pub(crate) fn encode(events: &[Measured]) -> Result<Vec<u8>, SimulatedError> {
    if events.iter().any(|event| event.kind == RUNTIME) { Ok(json(events)) } else { ccel(events) }
}

/// The log as the firmware leaves it in the memory that the ACPI table CCEL points to.
///
/// Source of the format: UEFI 2.10, section 38.4.1, and "TCG PC Client Platform Firmware Profile",
/// 1.06, section 10.2. Register 0 of the firmware is MRTD, so RTMR `n` is `n + 1`.
fn ccel(events: &[Measured]) -> Result<Vec<u8>, SimulatedError> {
    let specification = specification();
    let mut bytes = Vec::new();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(EV_NO_ACTION.to_le_bytes());
    bytes.extend([0; 20]);
    bytes.extend(length(&specification)?);
    bytes.extend(specification);
    for event in events {
        bytes.extend(u32::from(event.rtmr).saturating_add(1).to_le_bytes());
        bytes.extend(event.kind.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(SHA384_ALGORITHM.to_le_bytes());
        bytes.extend(event.digest);
        bytes.extend(length(&event.payload)?);
        bytes.extend(&event.payload);
    }
    bytes.extend(END);
    Ok(bytes)
}

/// The log as dstack's guest agent gives it: a JSON list, runtime events with their name.
fn json(events: &[Measured]) -> Vec<u8> {
    let entry = |event: &Measured| {
        json!({
            "imr": event.rtmr,
            "event_type": event.kind,
            "digest": hex::encode(event.digest),
            "event": event.name,
            "event_payload": hex::encode(&event.payload),
        })
    };
    Value::Array(events.iter().map(entry).collect()).to_string().into_bytes()
}

/// The first event of every log: which algorithms follow.
fn specification() -> Vec<u8> {
    let mut bytes = b"Spec ID Event03\0".to_vec();
    bytes.extend([0; 4]);
    // Version 2.0, no errata, 64-bit addresses.
    bytes.extend([0, 2, 0, 2]);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(SHA384_ALGORITHM.to_le_bytes());
    bytes.extend(48_u16.to_le_bytes());
    bytes.push(0);
    bytes
}

fn length(payload: &[u8]) -> Result<[u8; 4], SimulatedError> {
    let size_bytes = payload.len();
    let length = u32::try_from(size_bytes);
    length.map(u32::to_le_bytes).map_err(|_| SimulatedError::Length { what: "event", size_bytes })
}

pub(crate) fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    let mut hash = [0; 48];
    let whole = digest(&SHA384, &parts.concat());
    for (to, from) in hash.iter_mut().zip(whole.as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests {
    use holobiont_attestation::EventLog;

    use super::*;

    fn boot() -> Vec<Measured> {
        vec![
            Measured::secure_boot(),
            Measured::separator(1),
            Measured::command_line("quiet"),
            Measured::action(2, "Exit Boot Services Invocation"),
        ]
    }

    #[test]
    fn both_forms_replay_to_the_registers() {
        let mut events = boot();
        let ccel = EventLog::parse(&encode(&events).unwrap()).unwrap();
        assert_eq!(ccel.replay(), replay(&events));
        events.push(Measured::runtime("program", b"v7"));
        let json = EventLog::parse(&encode(&events).unwrap()).unwrap();
        assert_eq!(json.replay(), replay(&events));
        assert_eq!(json.replay()[..3], ccel.replay()[..3]);
        assert_ne!(json.replay()[3], [0; 48]);
    }

    #[test]
    fn every_digest_covers_what_its_event_says() {
        let mut events = boot();
        events.push(Measured::runtime("program", b"v7"));
        let log = EventLog::parse(&encode(&events).unwrap()).unwrap();
        assert!(log.events().iter().all(|event| event.value.is_some()));
    }

    #[test]
    fn a_tampered_event_says_nothing_and_spoils_its_register() {
        let mut events = boot();
        let good = replay(&events);
        events[0].tamper();
        let log = EventLog::parse(&encode(&events).unwrap()).unwrap();
        assert_ne!(log.replay()[0], good[0]);
        assert_eq!(log.replay()[1..], good[1..]);
        assert_eq!(log.events()[0].value, None);
    }
}
