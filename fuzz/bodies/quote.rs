//! A quote, as any bytes: canonical or refused, the same to every parser, never trusted by itself.

mod input;

use std::sync::LazyLock;

use holobiont_attestation::{
    Ask, Evidence, Intel, MAX_QUOTE_BYTES, Marks, Quote, Verifier, claimed_platform,
};
use input::Input;

const NOW_S: u64 = 1_800_000_000;
/// Intel's id as the vendor of the quoting enclave.
const VENDOR: [u8; 16] = [
    0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07,
];
/// Lengths of the bodies, by type: TDX 1.0, 1.5, 1.5 extended.
const BODIES: [(u16, usize); 3] = [(2, 584), (3, 648), (4, 885)];

static VERIFIER: LazyLock<Verifier<Intel>> = LazyLock::new(Verifier::new);
static MARKS: LazyLock<Marks> = LazyLock::new(Marks::default);

/// The first byte chooses: the bytes as they are, or with the lengths of a quote around them.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    if mode & 1 == 0 {
        return check(input.rest().to_vec());
    }
    let mut bytes = shaped(mode, &mut input);
    input.edit(&mut bytes);
    check(bytes);
}

/// A quote whose every length is right, of the input's bytes; its chain as often as `mode` says.
fn shaped(mode: u8, input: &mut Input<'_>) -> Vec<u8> {
    let (body_type, body_bytes) = BODIES[usize::from(mode >> 2) % 3];
    let is_v4 = mode & 2 == 0;
    let mut bytes = Vec::new();
    bytes.extend(if is_v4 { [4, 0, 2, 0] } else { [5, 0, 2, 0] });
    bytes.extend(0x81_u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(VENDOR);
    bytes.extend([0; 20]);
    if is_v4 {
        bytes.extend(input.fixed::<584>());
    } else {
        bytes.extend(body_type.to_le_bytes());
        bytes.extend(u32_of(body_bytes));
        bytes.extend(&input.fixed::<885>()[..body_bytes]);
    }
    let report = input.fixed::<448>();
    let authentication = input.take(usize::from(mode >> 5) * 16);
    let kind = u16::from_le_bytes([5, 0]) ^ u16::from(mode >> 4 & 1);
    let repeats = usize::from(input.u16() >> 4).max(1);
    let piece = input.blob();
    let room = (MAX_QUOTE_BYTES - 4096) / piece.len().max(1);
    let chain = piece.repeat(repeats.min(room));

    let mut certification = report.to_vec();
    certification.extend(&u32_of(authentication.len())[..2]);
    certification.extend(authentication);
    certification.extend(kind.to_le_bytes());
    certification.extend(u32_of(chain.len()));
    certification.extend(chain);

    let mut section = input.fixed::<128>().to_vec();
    section.extend(6_u16.to_le_bytes());
    section.extend(u32_of(certification.len()));
    section.extend(certification);
    bytes.extend(u32_of(section.len()));
    bytes.extend(section);
    bytes
}

fn u32_of(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("far below 4 GiB").to_le_bytes()
}

fn check(bytes: Vec<u8>) {
    let parsed = super::cost::bounded("a quote's parse", bytes.len(), || Quote::parse(&bytes));
    match &parsed {
        Ok(quote) => canonical(quote, &bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let evidence = Evidence { quote: bytes, event_log: None, batch: None };
    let ask = Ask {
        now_s: NOW_S,
        pins: None,
        binding: None,
        collateral: None,
        marks: &MARKS,
        quote_made_s: None,
    };
    let size_bytes = evidence.quote.len();
    let verdict = super::cost::bounded("a verdict without collateral", size_bytes, || {
        VERIFIER.verify(&evidence, &ask)
    });
    assert!(!verdict.trusted() && verdict.reason().is_some(), "{verdict}");
    assert_eq!(verdict.measurements.is_some(), parsed.is_ok());
    assert!(verdict.to_json().is_object());
}

/// One form only, and one platform named, which padding does not change.
fn canonical(quote: &Quote, bytes: &[u8]) {
    let (read, padding) = bytes.split_at(quote.bytes().len());
    assert_eq!(quote.bytes(), read);
    assert!(padding.iter().all(|byte| *byte == 0));
    assert_eq!(Quote::parse(read).as_ref(), Ok(quote));
    assert!(read.starts_with(quote.signed()));
    if read.len() + 8 <= MAX_QUOTE_BYTES {
        let padded = Quote::parse(&[read, &[0; 8]].concat()).expect("padding is stripped");
        assert_eq!((&padded, padded.identity()), (quote, quote.identity()));
        assert_eq!(claimed_platform(&padded), claimed_platform(quote));
        assert!(Quote::parse(&[read, &[0, 0, 1]].concat()).is_err());
    }
}
