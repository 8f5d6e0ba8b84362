//! A quote made by hand: the right form, nothing signed.

use holobiont_attestation::{Binding, InspectBinding, ReportData};

/// Where report data lies in a version 4 quote.
const REPORT_DATA_AT: usize = 48 + 520;

/// What a guest asks to have bound.
pub(crate) fn binding(challenge: u8) -> Binding {
    Binding::Inspect(InspectBinding { simulated: false, challenge: [challenge; 32] })
}

pub(crate) fn report_data(challenge: u8) -> ReportData {
    binding(challenge).report_data()
}

/// A version 4 quote over these report data. Every register holds its own number, MRTD 0x10, and
/// TD attributes are those of an ordinary guest.
pub(crate) fn quote(report_data: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 584];
    // seam: tee_tcb_svn 16, mrseam 48, mrsignerseam 48, seam attributes 8; then td attributes.
    body[123] = 0x10;
    body[128..136].copy_from_slice(&[0xe7, 0x02, 0x06, 0, 0, 0, 0, 0]);
    body[136..184].fill(0x10);
    for (index, value) in (0..4).zip([0xa0, 0xa1, 0xa2, 0xa3]) {
        body[328 + index * 48..][..48].fill(value);
    }
    body[520..584].copy_from_slice(report_data);

    let mut header = vec![0; 48];
    header[..4].copy_from_slice(&[4, 0, 2, 0]);
    header[4..8].copy_from_slice(&0x81_u32.to_le_bytes());
    header[12..28].copy_from_slice(&INTEL);

    let chain = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    let mut certification = vec![0; 384 + 64];
    certification.extend([0, 0]);
    certification.extend(sized(5, chain));
    let mut signatures = vec![0; 64 + 64];
    signatures.extend(sized(6, &certification));

    let length = u32::try_from(signatures.len()).unwrap().to_le_bytes();
    let quote = [header, body, length.to_vec(), signatures].concat();
    assert_eq!(&quote[REPORT_DATA_AT..][..64], report_data);
    quote
}

/// The vendor id of Intel's quoting enclave.
const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

fn sized(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
}
