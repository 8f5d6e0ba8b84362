//! An event log, as any bytes and grown from them: what it says is what its digests cover.

mod input;

use std::fmt::Display;

use holobiont_attestation::{Event, EventLog, EventMismatch, MAX_EVENT_LOG_BYTES, MAX_EVENTS};
use input::Input;
use sha2::{Digest as _, Sha384};

/// A separator, a tag, a boot loader's, variables, texts, a table, a runtime event, one that
/// extends nothing, one of no meaning.
const KINDS: [u32; 12] = [
    0x4,
    0x6,
    0xa,
    0xd,
    0x8000_0001,
    0x8000_0002,
    0x8000_00e0,
    0x8000_0007,
    0x8000_0006,
    0x0800_0001,
    0x3,
    0x77,
];
/// So that many events of one input, and no more, are what a fuzzer's log holds.
const MAX_GROWN_BYTES: usize = 128 * 1024;

/// The first byte chooses: the bytes as they are, or events grown from them, in either form.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    if mode & 1 == 0 {
        return check(input.rest(), &[]);
    }
    let events = grown(&mut Input::new(input.blob()));
    let repeats = if mode & 2 == 0 { 1 } else { usize::from(input.byte()) * 16 };
    let mut bytes = written(mode & 4 == 0, &events, repeats);
    let mut other = bytes.clone();
    input.edit(&mut bytes);
    input.edit(&mut other);
    check(&bytes, &other);
}

struct Grown {
    rtmr: u8,
    kind: u32,
    name: String,
    payload: Vec<u8>,
    digest: [u8; 48],
}

/// Events whose digests are of the whole payload, of a part of it, or of nothing in it.
fn grown(input: &mut Input<'_>) -> Vec<Grown> {
    let mut events = Vec::new();
    while !input.is_empty() {
        let (place, covered) = (input.byte(), input.byte());
        let name = String::from_utf8_lossy(input.take(usize::from(covered >> 4))).into_owned();
        let kind = KINDS[usize::from(place >> 2) % KINDS.len()];
        let length = usize::from(input.byte());
        let payload = shaped(kind, &name, input.take(length));
        let digest = match covered % 4 {
            0 => Sha384::digest(&payload),
            1 => Sha384::digest(payload.get(usize::from(covered >> 2)..).unwrap_or_default()),
            2 => Sha384::digest(
                [&kind.to_le_bytes(), b":".as_slice(), name.as_bytes(), b":", &payload].concat(),
            ),
            _ => Sha384::digest(b"other"),
        };
        events.push(Grown { rtmr: place % 4, kind, name, payload, digest: digest.into() });
    }
    events
}

/// The payload in the structure that its kind has.
fn shaped(kind: u32, name: &str, value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    match kind {
        0x6 => {
            payload.extend(0x8f3b_22ed_u32.to_le_bytes());
            payload.extend(u32_of(value.len()));
        }
        0xd if !name.is_empty() => payload.extend(b"kernel_cmdline: "),
        0x8000_0001 | 0x8000_0002 | 0x8000_00e0 => {
            let name: Vec<u16> = name.encode_utf16().collect();
            payload.extend([7; 16]);
            payload.extend(widened(name.len()));
            payload.extend(widened(value.len()));
            payload.extend(name.into_iter().flat_map(u16::to_le_bytes));
        }
        _ => {}
    }
    payload.extend(value);
    payload
}

fn u32_of(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("far below 4 GiB").to_le_bytes()
}

fn widened(length: usize) -> [u8; 8] {
    u64::try_from(length).expect("a length").to_le_bytes()
}

fn written(is_ccel: bool, events: &[Grown], repeats: usize) -> Vec<u8> {
    let one: Vec<Vec<u8>> =
        events.iter().map(|it| if is_ccel { ccel(it) } else { json(it) }).collect();
    let one = if is_ccel { one.concat() } else { one.join(&b","[..]) };
    let repeats = repeats.min(MAX_GROWN_BYTES / (one.len() + 1)).max(1);
    if is_ccel {
        return [spec_id(), one.repeat(repeats)].concat();
    }
    [b"[".to_vec(), vec![one; repeats].join(&b","[..]), b"]".to_vec()].concat()
}

/// What every binary log begins with: the digests' lengths, of SHA-256 and SHA-384.
fn spec_id() -> Vec<u8> {
    let spec =
        [b"Spec ID Event03\0".as_slice(), &[0; 8], &[2, 0, 0, 0, 0xb, 0, 32, 0, 0xc, 0, 48, 0, 0]]
            .concat();
    [[1, 0, 0, 0, 3, 0, 0, 0].as_slice(), &[0; 20], &u32_of(spec.len()), &spec].concat()
}

fn ccel(event: &Grown) -> Vec<u8> {
    let register = u32::from(event.rtmr) + 1;
    [
        register.to_le_bytes().as_slice(),
        &event.kind.to_le_bytes(),
        &[1, 0, 0, 0, 0xc, 0],
        &event.digest,
        &u32_of(event.payload.len()),
        &event.payload,
    ]
    .concat()
}

fn json(event: &Grown) -> Vec<u8> {
    serde_json::json!({
        "imr": event.rtmr,
        "event_type": event.kind,
        "digest": hex::encode(event.digest),
        "event": event.name,
        "event_payload": hex::encode(&event.payload),
    })
    .to_string()
    .into_bytes()
}

fn check(bytes: &[u8], other: &[u8]) {
    let (parsed, replayed) = super::cost::bounded("an event log", bytes.len(), || {
        let parsed = EventLog::parse(bytes);
        let replayed = parsed.as_ref().map_or_else(|_| [[0; 48]; 4], EventLog::replay);
        (parsed, replayed)
    });
    let log = match parsed {
        Ok(log) => log,
        Err(error) => return printable(&error),
    };
    assert!(log.events().len() <= MAX_EVENTS && bytes.len() <= MAX_EVENT_LOG_BYTES);
    assert!(log.size_bytes() <= bytes.len());
    assert_eq!(EventLog::parse(&bytes[..log.size_bytes()]).as_ref(), Ok(&log));
    assert_eq!(replayed, extended(log.events()));
    assert!(log.diff(&log).is_empty());
    for event in log.events() {
        said(event);
    }
    // Rules are few; the events may be many.
    for event in log.events().iter().take(4).chain(log.events().last()) {
        held(&log, event);
    }
    if let Ok(other) = EventLog::parse(other) {
        differ(&log, &other);
        differ(&other, &log);
    }
}

fn extended(events: &[Event]) -> [[u8; 48]; 4] {
    let mut registers = [[0; 48]; 4];
    for event in events {
        let register = &mut registers[usize::from(event.rtmr)];
        *register = Sha384::digest([*register, event.digest].concat()).into();
    }
    registers
}

/// What an event says is hashed: the value somewhere in what the digest is of.
fn said(event: &Event) {
    printable(event);
    assert!(event.value.is_some() || !event.name_is_measured);
    event.text().iter().for_each(printable);
}

fn held(log: &EventLog, event: &Event) {
    let value = event.value.clone().unwrap_or_default();
    let size_bytes = log.size_bytes();
    let holds = |value: &[u8]| {
        super::cost::bounded("a rule", size_bytes, || log.holds(event.rtmr, &event.name, value))
    };
    let other = [value.as_slice(), b"x"].concat();
    match (holds(&value), holds(&other)) {
        (Ok(()), Ok(())) => panic!("an event of one name has one value"),
        (Ok(()), Err(mismatch)) => {
            let mut same = log.events().iter().filter(|it| it.rtmr == event.rtmr);
            let is_there = same.any(|it| it.name_is_measured && it.value.as_ref() == Some(&value));
            assert!(is_there, "nothing measured says so");
            assert!(matches!(mismatch, EventMismatch::Differs { .. }));
        }
        (Err(mismatch), _) => printable(&mismatch),
    }
}

/// A difference is told where the registers differ, and only there.
fn differ(left: &EventLog, right: &EventLog) {
    let size_bytes = left.size_bytes().max(right.size_bytes());
    let differences = super::cost::bounded("a diff", size_bytes, || left.diff(right));
    let (ours, theirs) = (left.replay(), right.replay());
    for (rtmr, (ours, theirs)) in (0_u8..).zip(ours.iter().zip(&theirs)) {
        let of_it: Vec<_> = differences.iter().filter(|it| it.rtmr == rtmr).collect();
        assert_eq!(of_it.is_empty(), ours == theirs, "RTMR{rtmr}");
        let first = of_it.iter().filter(|it| it.first).count();
        assert_eq!(first, usize::from(!of_it.is_empty()));
    }
    differences.iter().for_each(printable);
}

/// Nothing reaches a terminal that it would obey.
fn printable(shown: &impl Display) {
    let text = shown.to_string();
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}
