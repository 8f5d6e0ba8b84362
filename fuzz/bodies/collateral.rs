//! Collateral from anybody: parsed to one meaning or refused, whatever is in the lists.

mod input;

use std::sync::LazyLock;

use holobiont_attestation::{
    Collateral, CollateralParts, MAX_CRL_BYTES, MAX_DOCUMENT_BYTES, PckCa,
};
use holobiont_attestation_pccs::{bundle, freshness, unbundle};
use holobiont_enclave_simulated::SimulatedIntel;
use input::Input;

const NOW_S: u64 = 1_800_000_000;

static SOUND: LazyLock<[CollateralParts; 2]> = LazyLock::new(|| {
    let intel = SimulatedIntel::new(NOW_S).expect("a fake Intel");
    [PckCa::Platform, PckCa::Processor]
        .map(|ca| intel.collateral(ca).expect("its collateral").parts())
});

/// The first byte chooses: the bytes as a file, or sound collateral with a part changed.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    if mode & 1 == 0 {
        return file(input.rest());
    }
    let mut parts = SOUND[usize::from(mode >> 1 & 1)].clone();
    while !input.is_empty() {
        change(&mut parts, &mut input);
    }
    let size_bytes = size_bytes(&parts);
    match super::cost::bounded("parts of collateral", size_bytes, || Collateral::new(&parts)) {
        Ok(collateral) => sound(&collateral),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(json) = serde_json::to_vec(&parts) {
        file(&json);
    }
}

fn change(parts: &mut CollateralParts, input: &mut Input<'_>) {
    match input.byte() % 12 {
        0 => input.edit(&mut parts.root_ca_crl),
        1 => input.edit(&mut parts.pck_crl),
        2 => input.edit(&mut parts.tcb_info_signature),
        3 => text(&mut parts.tcb_info, input),
        4 => text(&mut parts.qe_identity, input),
        5 => text(&mut parts.tcb_info_issuer_chain, input),
        6 => text(&mut parts.qe_identity_issuer_chain, input),
        7 => text(&mut parts.pck_crl_issuer_chain, input),
        8 => {
            let mut chain = parts.pck_crl_issuer_chain.clone();
            text(&mut chain, input);
            parts.pck_certificate_chain = Some(chain);
        }
        9 => parts.root_ca_crl = revocations(input),
        10 => parts.pck_crl = revocations(input),
        _ => longer(&mut parts.tcb_info, input),
    }
}

fn text(text: &mut String, input: &mut Input<'_>) {
    let mut bytes = std::mem::take(text).into_bytes();
    input.edit(&mut bytes);
    *text = String::from_utf8_lossy(&bytes).into_owned();
}

/// A piece of the text as often as there is room for.
fn longer(text: &mut String, input: &mut Input<'_>) {
    let at = usize::from(input.u16()) % (text.len() + 1);
    let piece = String::from_utf8_lossy(input.take(16)).into_owned();
    let repeats = MAX_DOCUMENT_BYTES.saturating_sub(text.len()) / piece.len().max(1);
    if let Some((before, after)) = text.split_at_checked(at) {
        *text = [before, &piece.repeat(repeats), after].concat();
    }
}

/// A revocation list of sound structure, with as many entries as the input wants, up to the most
/// bytes that are read.
fn revocations(input: &mut Input<'_>) -> Vec<u8> {
    let issuer = [b"Intel SGX PCK Platform CA".as_slice(), b"Root"][usize::from(input.byte() & 1)];
    let algorithm = der(0x30, &[&[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let attribute = der(0x30, &[&[0x06, 3, 0x55, 4, 3], &der(0x0c, &[issuer])]);
    let name = der(0x30, &[&der(0x31, &[&attribute])]);
    let date = der(0x17, &[b"270101000000Z"]);
    let length = usize::from(input.byte());
    let serial = der(0x02, &[&[1], input.take(length)]);
    let entry = der(0x30, &[&serial, &date]);
    let most = (MAX_CRL_BYTES - 512) / entry.len();
    let entries = der(0x30, &[&entry.repeat(most.min(usize::from(input.u16())))]);
    let number = der(0x04, &[&der(0x02, &[&input.fixed::<2>()])]);
    let extension = der(0x30, &[&[0x06, 3, 0x55, 0x1d, 0x14], &number]);
    let extensions = der(0xa0, &[&der(0x30, &[&extension])]);
    let version = [0x02, 1, 1];
    let list = [&version[..], &algorithm, &name, &date, &date, &entries, &extensions];
    let signature = der(0x03, &[&[0], &[7; 70]]);
    let mut list = der(0x30, &[&der(0x30, &list), &algorithm, &signature]);
    input.edit(&mut list);
    list
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, byte] => vec![tag, 0x81, byte],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

fn size_bytes(parts: &CollateralParts) -> usize {
    let texts = [
        &parts.tcb_info,
        &parts.qe_identity,
        &parts.tcb_info_issuer_chain,
        &parts.qe_identity_issuer_chain,
        &parts.pck_crl_issuer_chain,
    ];
    let lists = parts.root_ca_crl.len() + parts.pck_crl.len();
    texts.iter().map(|text| text.len()).sum::<usize>() + lists
}

/// As one set, and as a file of one or several.
fn file(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let one = super::cost::bounded("collateral", text.len(), || Collateral::from_json(text));
    let sets = super::cost::bounded("a file of collateral", bytes.len(), || unbundle(bytes));
    match (&one, &sets) {
        (Ok(one), Ok(sets)) => assert_eq!(sets.as_slice(), std::slice::from_ref(one)),
        (Ok(_), Err(error)) => panic!("one set is a file of sets: {error}"),
        (Err(_), Ok(sets)) => assert!(!sets.is_empty()),
        (Err(one), Err(sets)) => {
            assert!(!one.to_string().is_empty() && !sets.to_string().is_empty());
        }
    }
    let Ok(sets) = sets else {
        return;
    };
    sets.iter().for_each(sound);
    let again = unbundle(bundle(&sets).as_bytes()).expect("what was written");
    assert!(ids(&again).eq(ids(&sets)));
}

fn ids(sets: &[Collateral]) -> impl Iterator<Item = holobiont_identity::Digest> {
    sets.iter().map(Collateral::id)
}

/// Written and read again it is the same, but for whom it was fetched for.
fn sound(collateral: &Collateral) {
    let json = collateral.to_json();
    match Collateral::from_json(&json) {
        Ok(again) => {
            assert_eq!((again.id(), again.parts()), (collateral.id(), collateral.parts()));
            assert_eq!(again.artefacts(), collateral.artefacts());
            assert_eq!(again.to_json(), json);
        }
        Err(error) => panic!("what was written is not read: {error}"),
    }
    assert!((6..=7).contains(&collateral.artefacts().len()));
    let (last_s, part) = collateral.expires();
    assert!(collateral.artefacts().iter().all(|it| it.next_update_s >= last_s));
    assert!(collateral.artefacts().iter().any(|it| it.name == part));
    for now_s in [0, NOW_S, last_s, last_s.saturating_add(1), u64::MAX] {
        let shown = freshness(collateral, now_s).to_string();
        assert!(!shown.is_empty());
    }
}
