//! The surface's formats, byte by byte: what a decoder takes is what the encoder gives.

use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::format::{Mark, SegmentFooter, SegmentHeader, Start};
use holobiont_surface::{EvidenceItem, Genesis, Head, NewRecord, Record, RecordHeader};

/// The input as each format, as it is and with the checks that a fuzzer cannot guess put right.
pub(crate) fn run(data: &[u8]) {
    genesis(data);
    record(data);
    evidence(data);
    hashed(data);
    header(data);
    footer(data);
    for magic in [b"HBMK", b"HBST"] {
        let content = [magic.as_slice(), &[1, 0, 0, 0], data].concat();
        hashed(&[content.as_slice(), Digest::of(&content).as_bytes()].concat());
    }
    let content = [b"HBSG", [1, 0, 0, 0].as_slice(), data].concat();
    if let Some(content) = content.get(..112) {
        header(&[content, &Digest::of(content).as_bytes()[..16]].concat());
    }
    let content = [b"HBFT", [1, 0, 0, 0].as_slice(), data].concat();
    let length = u32::try_from(content.len() + 40).unwrap_or(u32::MAX);
    let hash = Digest::of(&content);
    let end = [hash.as_bytes(), length.to_le_bytes().as_slice(), b"HBSL"].concat();
    footer(&[content, end].concat());
}

fn genesis(data: &[u8]) {
    match Genesis::decode(data) {
        Ok(genesis) => assert_eq!(genesis.encode(), data),
        Err(error) => drop(error.to_string()),
    }
}

fn hashed(data: &[u8]) {
    match Mark::decode(data) {
        Ok(mark) => assert_eq!(mark.encode(), data),
        Err(what) => drop(what.to_string()),
    }
    match Start::decode(data) {
        Ok(start) => assert_eq!(start.encode(), data),
        Err(what) => drop(what.to_string()),
    }
}

fn header(data: &[u8]) {
    if let Ok(header) = SegmentHeader::decode(data) {
        assert!(data.starts_with(&header.encode()));
    }
}

fn footer(data: &[u8]) {
    if let Ok(footer) = SegmentFooter::decode(data) {
        assert_eq!(footer.encode(), data);
        let computed = SegmentFooter::new(footer.chain_after, footer.windows.clone());
        let last = footer.windows.last();
        let has_records = last.is_some_and(|window| window.first_seq > 0 || window.records > 0);
        assert_eq!(computed.is_some(), has_records);
    }
}

fn record(data: &[u8]) {
    if let Some(fixed) = data.first_chunk() {
        assert!(RecordHeader::decode(fixed).stored_size_bytes() >= 32);
    }
    let Ok(record) = Record::decode(data) else {
        return;
    };
    assert!(data.starts_with(record.stored()) && record.stored().len().is_multiple_of(8));
    let new = NewRecord {
        clock: record.clock(),
        closes_clock: record.closes_clock(),
        time_ms: record.time_ms(),
        kind: record.kind(),
        payload: record.payload(),
    };
    let mut stored = Vec::new();
    let header = new.encode_into(record.seq(), &mut stored);
    let header = header.expect("what was read can be written");
    assert_eq!(stored == record.stored(), record.crc_holds());
    assert_eq!(header == *record.header(), record.crc_holds());
    let again = Record::decode(&stored).expect("what was written can be read");
    assert!(again.crc_holds() && again.payload() == record.payload());
}

/// As evidence against heads of the input, and against the head that it leads to itself.
fn evidence(data: &[u8]) {
    let Ok(item) = postcard::from_bytes::<EvidenceItem>(data) else {
        return;
    };
    let mut genesis = Genesis::new(UniqueId::from_name("evidence"));
    genesis.window_records = 4;
    genesis.max_window_bytes = 4096;
    let link = |before: Digest, window: Digest| {
        Digest::of([before.as_bytes().as_slice(), window.as_bytes()].concat())
    };
    let own = link(item.chain_before, Digest::of(&item.window));
    let own = item.later.iter().fold(own, |before, digest| link(before, *digest));
    let first = item.first_seq_of_window;
    for seq in [first, first.saturating_add(1), u64::MAX] {
        for later in [0, 1, 4, u64::MAX] {
            for hash in [own, item.chain_before] {
                let head = Head { seq: seq.saturating_add(later), hash };
                match item.verify(seq, &head, &genesis) {
                    Ok(record) => {
                        assert_eq!((record.seq(), hash), (seq, own));
                        assert!(head.seq >= seq, "a head proves nothing after it");
                    }
                    Err(error) => drop(error.to_string()),
                }
            }
        }
    }
}
