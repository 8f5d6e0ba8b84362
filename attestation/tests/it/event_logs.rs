use holobiont_attestation::{
    EventLog, EventLogError, EventMismatch, MAX_EVENT_LOG_BYTES, MAX_EVENTS, Quote,
};
use proptest::prelude::*;
use sha2::{Digest, Sha384};

use crate::quotes::real;

const SEPARATOR: u32 = 4;
const NO_ACTION: u32 = 3;
const IPL: u32 = 0xd;

fn sha384(bytes: &[u8]) -> [u8; 48] {
    Sha384::digest(bytes).into()
}

fn near() -> Option<(EventLog, Quote, serde_json::Value)> {
    let json = real("derived/near-mpc.eventlog.json")?;
    let quote = Quote::parse(&real("derived/near-mpc.quote.bin")?).unwrap();
    Some((EventLog::parse(&json).unwrap(), quote, serde_json::from_slice(&json).unwrap()))
}

/// A CCEL as firmware writes it.
struct Ccel(Vec<u8>);

impl Ccel {
    fn new() -> Self {
        Self::with_algorithms(&[(0xc, 48)])
    }

    fn with_algorithms(algorithms: &[(u16, u16)]) -> Self {
        let mut spec = b"Spec ID Event03\0".to_vec();
        spec.extend([0, 0, 0, 0, 0, 2, 0, 2]);
        spec.extend(u32::try_from(algorithms.len()).unwrap().to_le_bytes());
        for (id, bytes) in algorithms {
            spec.extend(id.to_le_bytes());
            spec.extend(bytes.to_le_bytes());
        }
        spec.push(0);
        let mut out = [1_u32.to_le_bytes(), NO_ACTION.to_le_bytes()].concat();
        out.extend([0; 20]);
        out.extend(u32::try_from(spec.len()).unwrap().to_le_bytes());
        out.extend(spec);
        Self(out)
    }

    fn event(mut self, register: u32, kind: u32, digests: &[(u16, &[u8])], payload: &[u8]) -> Self {
        self.0.extend(register.to_le_bytes());
        self.0.extend(kind.to_le_bytes());
        self.0.extend(u32::try_from(digests.len()).unwrap().to_le_bytes());
        for (id, digest) in digests {
            self.0.extend(id.to_le_bytes());
            self.0.extend(*digest);
        }
        self.0.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        self.0.extend(payload);
        self
    }

    /// An event that is hashed whole, of this RTMR.
    fn rtmr(self, rtmr: u8, kind: u32, payload: &[u8]) -> Self {
        self.event(u32::from(rtmr) + 1, kind, &[(0xc, &sha384(payload))], payload)
    }

    /// A kernel command line, of which GRUB hashes what follows the prefix.
    fn command_line(self, line: &str) -> Self {
        let payload = format!("kernel_cmdline: {line}\0");
        self.event(3, IPL, &[(0xc, &sha384(line.as_bytes()))], payload.as_bytes())
    }

    fn parse(&self) -> Result<EventLog, EventLogError> {
        EventLog::parse(&self.0)
    }
}

#[test]
fn a_real_dstack_log_replays_to_all_four_registers() {
    let Some((log, quote, _)) = near() else { return };
    assert_eq!(log.events().len(), 29);
    assert_eq!(log.replay(), quote.measurements().rtmr);
}

#[test]
fn a_real_cloud_log_replays_to_the_firmware_and_kernel_registers() {
    let (Some(log), Some(quote)) =
        (real("go-tdx-guest/ccel_data.dat"), real("go-tdx-guest/cos-113-tdx-quote.dat"))
    else {
        return;
    };
    let log = EventLog::parse(&log).unwrap();
    let quote = Quote::parse(&quote).unwrap();
    assert_eq!(log.replay(), quote.measurements().rtmr);
    assert_eq!(log.replay()[3], [0; 48], "nothing extends it there");
    assert_eq!(log.events().len(), 43);
}

#[test]
fn a_real_cloud_log_without_its_padding_is_the_same_log() {
    let Some(bytes) = real("go-tdx-guest/ccel_data.dat") else { return };
    let log = EventLog::parse(&bytes).unwrap();
    assert!(log.size_bytes() < 20_000, "of {} bytes", bytes.len());
    assert_eq!(EventLog::parse(&bytes[..log.size_bytes()]), Ok(log));
}

#[test]
fn events_of_a_real_log_are_named() {
    let Some(bytes) = real("go-tdx-guest/ccel_data.dat") else { return };
    let log = EventLog::parse(&bytes).unwrap();
    let label = |at: usize| log.events()[at].to_string();
    assert_eq!(label(2), "event 2, firmware variable SecureBoot");
    assert_eq!(label(7), "event 7, separator");
    assert_eq!(label(11), "event 11, boot variable BootOrder");
    assert_eq!(label(16), "event 16, partition table");
    assert_eq!(label(24), "event 24, boot loader item /efi/boot/grub.cfg");
    assert_eq!(label(40), "event 40, kernel command line");
    assert_eq!(label(42), "event 42, firmware action Exit Boot Services Returned with Success");
    let line = log.events()[40].text().unwrap();
    assert!(line.starts_with("/syslinux/vmlinuz.A init="), "{line}");
    assert_eq!(log.events()[8].text(), None, "its digest is of a table, not of its text");
    // Secure boot is off there, and the digest covers that it is this variable.
    assert_eq!(log.holds(0, "SecureBoot", &[0]), Ok(()));
    assert!(matches!(log.holds(0, "SecureBoot", &[1]), Err(EventMismatch::Differs { .. })));
}

#[test]
fn a_real_runtime_event_is_held_to_its_value() {
    let Some((log, _, json)) = near() else { return };
    let compose = hex::decode(json[22]["event_payload"].as_str().unwrap()).unwrap();
    assert_eq!(log.events()[22].to_string(), "event 22, runtime event compose-hash");
    assert_eq!(log.events()[26].text().as_deref(), Some("zfs"));
    assert_eq!(log.holds(3, "compose-hash", &compose), Ok(()));
    assert!(matches!(log.holds(3, "compose-hash", &[0; 32]), Err(EventMismatch::Differs { .. })));
    assert!(matches!(log.holds(3, "absent", &[]), Err(EventMismatch::Missing { .. })));
    assert!(matches!(log.holds(2, "compose-hash", &compose), Err(EventMismatch::Missing { .. })));
}

/// Whoever hands a log over can change all but the digests, and must gain nothing by it.
#[test]
fn an_event_whose_digest_does_not_cover_it_says_nothing() {
    let Some((_, quote, json)) = near() else { return };
    let compose = hex::decode(json[22]["event_payload"].as_str().unwrap()).unwrap();
    for (key, value) in [
        ("event_payload", "00".into()),
        ("event", "other".into()),
        ("event_type", 0x0800_0002.into()),
    ] {
        let mut changed = json.clone();
        changed[22][key] = value;
        let log = EventLog::parse(changed.to_string().as_bytes()).unwrap();
        assert_eq!(log.replay(), quote.measurements().rtmr, "{key}: the registers do not tell");
        assert_eq!(log.events()[22].value, None, "{key}");
        let held = log.holds(3, "compose-hash", &compose);
        assert_eq!(held, Err(EventMismatch::Unexplained { index: 22 }), "{key}");
    }
}

/// The bytes that a runtime event's digest covers, handed over as another type's payload.
#[test]
fn a_runtime_event_cannot_hide_behind_another_type() {
    let Some((_, _, mut json)) = near() else { return };
    let payload = hex::decode(json[22]["event_payload"].as_str().unwrap()).unwrap();
    let covered = [&0x0800_0001_u32.to_le_bytes(), b":compose-hash:".as_slice(), &payload].concat();
    json[22]["event_type"] = SEPARATOR.into();
    json[22]["event_payload"] = hex::encode(covered).into();
    let log = EventLog::parse(json.to_string().as_bytes()).unwrap();
    assert!(log.events()[22].value.is_some());
    let held = log.holds(3, "app-id", &payload[..20]);
    assert_eq!(held, Err(EventMismatch::Unexplained { index: 22 }));
}

#[test]
fn a_second_event_of_the_name_must_say_the_same() {
    let secure_boot = |on: u8| {
        let mut payload = vec![0; 16];
        payload.extend(10_u64.to_le_bytes());
        payload.extend(1_u64.to_le_bytes());
        payload.extend("SecureBoot".encode_utf16().flat_map(u16::to_le_bytes));
        payload.push(on);
        payload
    };
    let log = |values: &[u8]| {
        let variable = |log: Ccel, on: &u8| log.rtmr(0, 0x8000_0001, &secure_boot(*on));
        values.iter().fold(Ccel::new(), variable).parse().unwrap()
    };
    assert_eq!(log(&[1, 1]).holds(0, "SecureBoot", &[1]), Ok(()));
    assert!(log(&[1, 0]).holds(0, "SecureBoot", &[1]).is_err());
    assert!(log(&[]).holds(0, "SecureBoot", &[1]).is_err());
}

#[test]
fn registers_count_from_one_and_what_extends_nothing_is_passed_over() {
    let log = Ccel::new().rtmr(0, NO_ACTION, b"x").rtmr(3, SEPARATOR, &[0; 4]).parse().unwrap();
    assert_eq!(log.events().len(), 1);
    assert_eq!((log.events()[0].index, log.events()[0].rtmr), (1, 3));
    let extended = sha384(&[[0; 48], sha384(&[0; 4])].concat());
    assert_eq!(log.replay(), [[0; 48], [0; 48], [0; 48], extended]);
}

#[test]
fn digests_of_other_announced_algorithms_are_stepped_over() {
    let digest = sha384(b"x");
    let both: [(u16, &[u8]); 2] = [(0xb, &[7; 32]), (0xc, &digest)];
    let log = Ccel::with_algorithms(&[(0xb, 32), (0xc, 48)]).event(1, SEPARATOR, &both, b"x");
    assert_eq!(log.parse().unwrap().events()[0].digest, digest);
}

#[test]
fn a_log_that_is_not_as_it_announces_is_refused() {
    let digest = sha384(b"x");
    let sha256 = (0xb, [7; 32].as_slice());
    let sha384 = (0xc, digest.as_slice());
    let event = |register, digests: &[(u16, &[u8])]| {
        Ccel::new().event(register, SEPARATOR, digests, b"x").parse().unwrap_err()
    };
    let index = 0;
    assert_eq!(event(1, &[sha256]), EventLogError::Algorithm { index, algorithm: 0xb });
    assert_eq!(event(1, &[]), EventLogError::Digests { index, got: 0 });
    assert_eq!(event(1, &[sha384, sha384]), EventLogError::Digests { index, got: 2 });
    assert_eq!(event(0, &[sha384]), EventLogError::Register { index, got: 0 });
    assert_eq!(event(5, &[sha384]), EventLogError::Register { index, got: 5 });
    let other = Ccel::with_algorithms(&[(0xb, 32)]).parse();
    assert!(matches!(other, Err(EventLogError::SpecId { .. })));
    let shorter = Ccel::with_algorithms(&[(0xc, 20)]).parse();
    assert!(matches!(shorter, Err(EventLogError::SpecId { .. })));
    assert_eq!(EventLog::parse(b"\x01\0\0\0\x04\0\0\0"), Err(EventLogError::UnknownForm));
}

#[test]
fn only_padding_may_follow_the_last_event() {
    let log = Ccel::new().rtmr(0, SEPARATOR, b"x");
    for padding in [0, 0xff] {
        for length in [1, 3, 4, 8, 100] {
            let padded = [log.0.as_slice(), &vec![padding; length]].concat();
            let parsed = EventLog::parse(&padded).unwrap();
            assert_eq!((parsed.events().len(), parsed.size_bytes()), (1, log.0.len()));
        }
        let mut followed = [log.0.as_slice(), &[padding; 100]].concat();
        followed.push(1);
        let at = log.0.len();
        assert_eq!(EventLog::parse(&followed), Err(EventLogError::Trailing { at }));
    }
}

#[test]
fn more_than_the_limits_is_not_read() {
    let long = vec![b' '; MAX_EVENT_LOG_BYTES + 1];
    assert!(matches!(EventLog::parse(&long), Err(EventLogError::TooLong { .. })));
    let many = (0..=MAX_EVENTS).fold(Ccel::new(), |log, _| log.rtmr(0, SEPARATOR, b""));
    let refused = Err(EventLogError::TooManyEvents { limit: MAX_EVENTS });
    assert_eq!(many.parse(), refused);
    let one = format!(r#"{{"imr":0,"event_type":4,"digest":"{}"}}"#, "00".repeat(48));
    let json = format!("[{}]", vec![one; MAX_EVENTS + 1].join(","));
    assert_eq!(EventLog::parse(json.as_bytes()), refused);
}

#[test]
fn json_that_is_no_log_is_refused_with_the_event() {
    let refusal = |digest: &str, payload: &str, imr: u32| {
        let json = format!(
            r#"[{{"imr":{imr},"event_type":4,"digest":"{digest}","event_payload":"{payload}"}}]"#
        );
        EventLog::parse(json.as_bytes()).unwrap_err().to_string()
    };
    let digest = "00".repeat(48);
    assert!(refusal("00", "", 0).contains("digest of event 0"));
    assert!(refusal(&digest, "0g", 0).contains("payload of event 0"));
    assert!(refusal(&digest, "", 4).contains("register 4"));
    assert!(EventLog::parse(b"[1]").is_err());
    assert!(EventLog::parse(b"{}").is_err());
}

#[test]
fn a_diff_names_the_event_that_makes_the_logs_differ() {
    let log = |line: &str| {
        let start = Ccel::new().rtmr(0, SEPARATOR, &[0; 4]).rtmr(2, IPL, b"MokList\0");
        start.command_line(line).rtmr(2, SEPARATOR, &[0; 4]).parse().unwrap()
    };
    assert!(log("quiet").diff(&log("quiet")).is_empty());
    let differences = log("quiet").diff(&log("quiet debug"));
    assert_eq!(differences.len(), 1);
    assert_eq!((differences[0].rtmr, differences[0].first), (2, true));
    let shown = "RTMR2, event 2, kernel command line: changed from \"quiet\" to \"quiet debug\"";
    assert_eq!(differences[0].to_string(), shown);
}

#[test]
fn a_diff_tells_what_is_new_gone_and_moved() {
    let items = |names: &[&str]| {
        let item = |log: Ccel, name: &&str| log.rtmr(2, IPL, name.as_bytes());
        names.iter().fold(Ccel::new(), item).parse().unwrap()
    };
    let shown = |left: &[&str], right: &[&str]| {
        let differences = items(left).diff(&items(right));
        let shown: Vec<_> = differences.iter().map(ToString::to_string).collect();
        shown.join("; ")
    };
    assert_eq!(shown(&["a", "b"], &["a", "x", "b"]), "RTMR2, event 1, boot loader item x: new");
    assert_eq!(shown(&["a", "b", "c"], &["a", "c"]), "RTMR2, event 1, boot loader item b: gone");
    assert_eq!(
        shown(&["a", "b"], &["b", "a"]),
        "RTMR2, event 0, boot loader item a: moved, there it is event 1"
    );
    let both = shown(&["a", "b", "c", "d"], &["x", "b", "c", "y"]);
    assert_eq!(both.matches("new").count(), 2, "{both}");
    assert_eq!(both.matches("gone").count(), 2, "{both}");
}

/// Registers, types, payloads; and whether the digest is of the payload.
fn events() -> impl Strategy<Value = Vec<(u8, u32, Vec<u8>, bool)>> {
    let kind = prop::sample::select(vec![4, 6, 0xa, 0xd, 0x8000_0001, 0x8000_0002, 0x8000_0007]);
    let payload = prop::collection::vec(any::<u8>(), 0..60);
    prop::collection::vec((0..4_u8, kind, payload, any::<bool>()), 0..20)
}

fn digest_of((_, _, payload, covered): &(u8, u32, Vec<u8>, bool)) -> [u8; 48] {
    if *covered { sha384(payload) } else { [9; 48] }
}

proptest! {
    /// The same events in either form are the same log, and extend as the hardware does.
    #[test]
    fn both_forms_say_the_same(events in events()) {
        let ccel = events.iter().fold(Ccel::new(), |log, event| {
            let (rtmr, kind, payload, _) = event;
            log.event(u32::from(*rtmr) + 1, *kind, &[(0xc, &digest_of(event))], payload)
        });
        let json: Vec<_> = events.iter().map(|event| {
            let (rtmr, kind, payload, _) = event;
            serde_json::json!({
                "imr": rtmr,
                "event_type": kind,
                "digest": hex::encode(digest_of(event)),
                "event": "",
                "event_payload": hex::encode(payload),
            })
        }).collect();
        let ccel = ccel.parse().unwrap();
        let json = EventLog::parse(serde_json::to_string(&json).unwrap().as_bytes()).unwrap();
        prop_assert_eq!(ccel.events(), json.events());
        prop_assert!(ccel.diff(&json).is_empty());

        let mut registers = [[0; 48]; 4];
        for event in &events {
            let register = &mut registers[usize::from(event.0)];
            *register = sha384(&[*register, digest_of(event)].concat());
        }
        prop_assert_eq!(ccel.replay(), registers);
    }

    /// A log that is cut is a shorter log, at the end of an event, or none.
    #[test]
    fn a_cut_log_is_shorter_or_refused(events in events(), end in any::<prop::sample::Index>()) {
        let log = events.iter().fold(Ccel::new(), |log, (rtmr, kind, payload, _)| {
            log.rtmr(*rtmr, *kind, payload)
        });
        let whole = log.parse().unwrap();
        let cut = &log.0[..end.index(log.0.len() + 1)];
        if let Ok(shorter) = EventLog::parse(cut) {
            prop_assert!(whole.events().starts_with(shorter.events()));
            prop_assert!(shorter.size_bytes() <= cut.len());
        }
    }

    #[test]
    fn a_damaged_log_never_panics(
        events in events(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut log = events.iter().fold(Ccel::new(), |log, (rtmr, kind, payload, _)| {
            log.rtmr(*rtmr, *kind, payload)
        });
        for (at, value) in changes {
            let at = at.index(log.0.len());
            log.0[at] = value;
        }
        if let Ok(parsed) = log.parse() {
            let _ = (parsed.replay(), parsed.diff(&parsed));
            for event in parsed.events() {
                let _ = (event.text(), event.to_string());
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = EventLog::parse(&bytes);
    }
}
