use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::format::{Mark, SegmentFooter, SegmentHeader, Start, WindowEntry};
use holobiont_surface::{
    EvidenceItem, Genesis, Head, NewRecord, Record, Surface, SurfaceWriter, WriterOptions,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::genesis;

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn genesis_strategy() -> impl Strategy<Value = Genesis> {
    let numbers = (1..=65_536_u32, 40..=67_108_864_u32);
    let rest = (any::<bool>(), any::<Option<[u8; 32]>>());
    (any::<[u8; 32]>(), numbers, rest).prop_map(|(id, (records, bytes), (closes, key))| Genesis {
        surface_id: UniqueId::from_bytes(id),
        window_records: records,
        max_window_bytes: bytes,
        every_record_closes: closes,
        signing_key: key,
    })
}

fn entry() -> impl Strategy<Value = WindowEntry> {
    (any::<(u64, u32, u32)>(), any::<[u64; 3]>(), digest()).prop_map(
        |((offset, length_bytes, records), [first_seq, first_clock, last_clock], digest)| {
            let numbers = (offset, length_bytes, records);
            let (offset, length_bytes, records) = numbers;
            WindowEntry {
                offset,
                length_bytes,
                records,
                first_seq,
                first_clock,
                last_clock,
                digest,
            }
        },
    )
}

fn footer() -> impl Strategy<Value = SegmentFooter> {
    (any::<[u64; 4]>(), digest(), vec(entry(), 0..6)).prop_map(
        |([last_seq, record_bytes, first_clock, last_clock], chain_after, windows)| SegmentFooter {
            last_seq,
            chain_after,
            record_bytes,
            first_clock,
            last_clock,
            windows,
        },
    )
}

/// A decoder takes back what was encoded, and neither less nor a changed byte of it.
fn check<T: PartialEq + std::fmt::Debug, E: std::fmt::Debug>(
    value: &T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    cut: usize,
    mask: u8,
) {
    assert_eq!(&decode(bytes).unwrap(), value);
    let cut = cut % bytes.len();
    assert!(decode(&bytes[..cut]).is_err());
    let mut changed = bytes.to_vec();
    changed[cut] ^= mask;
    assert!(decode(&changed).ok().as_ref() != Some(value));
}

proptest! {
    #[test]
    fn formats_round_trip(
        genesis in genesis_strategy(),
        footer in footer(),
        head in proptest::option::of((any::<u64>(), digest())),
        start in (any::<u64>(), digest(), any::<Option<(u64, bool)>>()),
        (cut, mask) in (any::<usize>(), 1_u8..),
    ) {
        check(&genesis, &genesis.encode(), Genesis::decode, cut, mask);
        check(&footer, &footer.encode(), SegmentFooter::decode, cut, mask);
        let mark = Mark(head.map(|(seq, hash)| Head { seq, hash }));
        check(&mark, &mark.encode(), Mark::decode, cut, mask);
        let (first_seq, chain_before, previous_clock) = start;
        let header = SegmentHeader::new(&genesis, first_seq, chain_before);
        check(&header, &header.encode(), SegmentHeader::decode, cut, mask);
        let start = Start { first_seq, chain_before, previous_clock };
        check(&start, &start.encode(), Start::decode, cut, mask);
    }

    #[test]
    fn records_round_trip(
        (seq, clock, time_ms, kind) in (any::<u64>(), any::<u64>(), ..1_u64 << 48, ..0x8000_u16),
        (closes_clock, payload) in (any::<bool>(), vec(any::<u8>(), 0..300)),
        (cut, bit) in (any::<usize>(), 0_u32..8),
    ) {
        let new = NewRecord { clock, closes_clock, time_ms, kind, payload: &payload };
        let mut bytes = Vec::new();
        let header = new.encode_into(seq, &mut bytes).unwrap();
        let record = Record::decode(&bytes).unwrap();
        prop_assert_eq!(record.header(), &header);
        prop_assert_eq!((record.seq(), record.clock(), record.time_ms()), (seq, clock, time_ms));
        prop_assert_eq!((record.kind(), record.closes_clock()), (kind, closes_clock));
        prop_assert_eq!(record.payload(), payload.as_slice());
        prop_assert!(record.crc_holds() && bytes.len() % 8 == 0);
        let closed = if closes_clock { Some(clock) } else { clock.checked_sub(1) };
        prop_assert_eq!(record.closed_clock(), closed);

        let cut = cut % bytes.len();
        prop_assert!(Record::decode(&bytes[..cut]).is_err());
        bytes[cut] ^= 1 << bit;
        prop_assert!(!Record::decode(&bytes).is_ok_and(|record| record.crc_holds()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..400), magic in 0_usize..6) {
        let magics: [&[u8]; 6] = [b"", b"HBGN", b"HBMK", b"HBST", b"HBSG", b"HBFT"];
        let version: &[u8] = if magic == 0 { &[] } else { &[1, 0, 0, 0] };
        let framed = [magics[magic], version, &bytes].concat();
        let _ = Genesis::decode(&bytes);
        let _ = Record::decode(&bytes);
        let _ = Mark::decode(&framed);
        let _ = Start::decode(&framed);
        let _ = SegmentHeader::decode(&framed);
        let _ = SegmentFooter::decode(&framed);
        if let Ok(item) = postcard::from_bytes::<EvidenceItem>(&bytes) {
            let _ = item.verify(0, &Head { seq: 0, hash: item.chain_before }, &genesis());
        }
    }

    #[test]
    fn arbitrary_evidence_never_panics(
        (seq, first_seq, head_seq) in any::<(u64, u64, u64)>(),
        window in vec(any::<u8>(), 0..200),
        (chain_before, later) in (digest(), vec(digest(), 0..4)),
    ) {
        let item = EvidenceItem { first_seq_of_window: first_seq, window, chain_before, later };
        let head = Head { seq: head_seq, hash: chain_before };
        prop_assert!(item.verify(seq, &head, &genesis()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn surfaces_round_trip(
        records in vec((0_u64..3, any::<bool>(), vec(any::<u8>(), 0..120), 0_u8..10), 0..60),
        (window_records, segment_bytes) in (1_u32..9, 0_u64..2_000),
        from in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut genesis = genesis();
        genesis.window_records = window_records;
        let options = WriterOptions { segment_bytes };
        let mut writer = SurfaceWriter::create(dir.path(), genesis, options).unwrap();
        let (mut clock, mut closed) = (0_u64, false);
        let mut written = Vec::new();
        for (advance, closes_clock, payload, step) in records {
            clock += advance.max(u64::from(closed));
            closed = closes_clock;
            let new = NewRecord { clock, closes_clock, time_ms: 5, kind: 2, payload: &payload };
            writer.append(new).unwrap();
            written.push((clock, closes_clock, payload, writer.head()));
            match step {
                0 => { writer.sync().unwrap(); }
                1 => { writer.seal().unwrap(); }
                2 => {
                    drop(writer);
                    writer = SurfaceWriter::open(dir.path(), options).unwrap().0;
                }
                _ => {}
            }
        }
        let view = Surface::open(dir.path()).unwrap();
        view.verify(None).unwrap();
        let from = from.index(written.len() + 1);
        let mut cursor = view.cursor(u64::try_from(from).unwrap()).unwrap();
        for (clock, closes_clock, payload, head) in &written[from..] {
            cursor.peek().unwrap().unwrap();
            let record = cursor.current().unwrap();
            prop_assert_eq!((record.clock(), record.closes_clock()), (*clock, *closes_clock));
            prop_assert_eq!(record.payload(), payload.as_slice());
            cursor.advance();
            prop_assert_eq!(cursor.head(), *head);
        }
        prop_assert!(cursor.peek().unwrap().is_none());
    }

    /// Files of nothing but noise, under a surface's names.
    #[test]
    fn arbitrary_files_never_panic(bytes in vec(any::<u8>(), 0..600), which in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        crate::common::surface(dir.path(), crate::common::SMALL, 20, 24);
        let files = crate::common::files(dir.path());
        std::fs::write(which.get(&files), &bytes).unwrap();
        prop_assert!(Surface::open(dir.path()).unwrap_err().is_damage());
        prop_assert!(SurfaceWriter::open(dir.path(), crate::common::SMALL).is_err());
    }
}
