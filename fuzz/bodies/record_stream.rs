//! What a source sends for a surface's records, in pieces of any length.

mod input;

use holobiont_archive::RecordReader;
use holobiont_identity::UniqueId;
use holobiont_surface::{Genesis, NewRecord, Record, RecordHeader};
use input::Input;

/// Genesis and first number from the input, then records of its making, changed, or its own bytes.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let genesis = Genesis {
        max_window_bytes: 40 + u32::from(input.u16()),
        every_record_closes: input.byte() & 1 == 1,
        ..Genesis::new(UniqueId::from_name("source"))
    };
    let from = input.number();
    let step = usize::from(input.byte()).max(1);
    let mut bytes = Vec::new();
    if input.byte() & 1 == 1 {
        bytes = input.rest().to_vec();
    } else {
        let mut seq = from;
        for _ in 0..input.byte() {
            write(&mut input, seq, &mut bytes);
            seq = seq.wrapping_add(u64::from(input.byte() != 77));
        }
        input.edit(&mut bytes);
    }
    let whole =
        super::cost::bounded("records", bytes.len(), || read(&genesis, from, &bytes, bytes.len()));
    // How the bytes are cut makes no difference.
    assert_eq!(read(&genesis, from, &bytes, step), whole);
    assert!(bytes.starts_with(&whole.0), "what is taken is what came");
    follow(&genesis, from, &whole.0);
}

fn write(input: &mut Input<'_>, seq: u64, out: &mut Vec<u8>) {
    let record = NewRecord {
        clock: input.number(),
        closes_clock: input.byte() & 1 == 0,
        time_ms: u64::from(input.u16()),
        kind: u16::from(input.byte()),
        payload: input.blob(),
    };
    record.encode_into(seq, out).expect("a record");
}

/// The records taken, as stored, and what ended them.
fn read(genesis: &Genesis, from: u64, bytes: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
    let mut reader = RecordReader::new(genesis, from);
    let mut taken = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        reader.push(piece);
        loop {
            let first = reader.next_seq();
            match reader.take() {
                Ok(Some(batch)) => {
                    let records = batch.records();
                    assert_eq!(records.len(), batch.count());
                    let before = taken.len();
                    for (seq, record) in (first..).zip(&records) {
                        record.encode_into(seq, &mut taken).expect("one that was stored");
                    }
                    assert_eq!(&taken[before..], batch.stored());
                }
                Ok(None) => break,
                Err(bad) => {
                    assert_eq!(bad.seq, reader.next_seq());
                    return (taken, Some(bad.to_string()));
                }
            }
        }
        assert!(reader.waiting_bytes() <= step + genesis.max_window_bytes as usize);
    }
    (taken, None)
}

/// Numbers without a gap, clocks that do not go back, checksums that hold.
fn follow(genesis: &Genesis, from: u64, mut rest: &[u8]) {
    let (mut next, mut last) = (from, None::<RecordHeader>);
    while let Ok(record) = Record::decode(rest) {
        assert!(record.seq() == next && record.crc_holds());
        assert!(record.stored().len() <= genesis.max_window_bytes as usize);
        assert!(record.closes_clock() || !genesis.every_record_closes);
        assert!(last.is_none_or(|last| last.clock < record.clock()
            || last.clock == record.clock() && !last.closes_clock()));
        (next, last) = (next.wrapping_add(1), Some(*record.header()));
        rest = &rest[record.stored().len()..];
    }
    assert!(rest.is_empty());
}
