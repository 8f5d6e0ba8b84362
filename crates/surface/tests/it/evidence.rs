use holobiont_identity::Digest;
use holobiont_surface::{EvidenceError, Genesis, Head, Surface};

use crate::common::{SMALL, expected_heads, genesis, payload, surface};

const RECORDS: u64 = 40;

fn opened() -> (tempfile::TempDir, Surface, Vec<Head>) {
    let dir = tempfile::tempdir().unwrap();
    surface(dir.path(), SMALL, RECORDS, RECORDS);
    let view = Surface::open(dir.path()).unwrap();
    (dir, view, expected_heads(&genesis(), RECORDS))
}

#[test]
fn proves_every_record_under_every_later_head() {
    let (_dir, view, heads) = opened();
    for seq in 0..RECORDS {
        for head in &heads[usize::try_from(seq).unwrap()..] {
            let item = view.prove(seq, head.seq).unwrap();
            let record = item.verify(seq, head, &genesis()).unwrap();
            assert_eq!((record.seq(), record.payload()), (seq, payload(seq).as_slice()));
        }
    }
}

#[test]
fn proves_nothing_else() {
    let (_dir, view, heads) = opened();
    let item = view.prove(9, 33).unwrap();
    let head = heads[33];
    let record = item.verify(9, &head, &genesis()).unwrap();
    assert_eq!(record.seq(), 9);

    for other in heads.iter().filter(|other| other.seq != 33) {
        assert!(item.verify(9, other, &genesis()).is_err());
        let renamed = Head { seq: other.seq, hash: head.hash };
        if other.seq < 9 + u64::try_from(item.later.len()).unwrap() {
            let error = item.verify(9, &renamed, &genesis()).unwrap_err();
            assert!(matches!(error, EvidenceError::OtherHead { .. }), "{error}");
        }
    }
    let error = item.verify(0, &head, &genesis()).unwrap_err();
    assert!(matches!(error, EvidenceError::NotInWindow { seq: 0, .. }), "{error}");
    let other = Genesis { max_window_bytes: 64, ..genesis() };
    assert!(item.verify(9, &head, &other).is_err());
    let first = view.prove(0, 0).unwrap();
    let error = first.verify(0, &heads[0], &other).unwrap_err();
    assert_eq!(error, EvidenceError::OtherGenesis);

    let encoded = postcard::to_stdvec(&item).unwrap();
    for at in 0..encoded.len() {
        let mut changed = encoded.clone();
        changed[at] ^= 0x40;
        let Ok(changed) = postcard::from_bytes::<holobiont_surface::EvidenceItem>(&changed) else {
            continue;
        };
        if changed != item {
            assert!(changed.verify(9, &head, &genesis()).is_err(), "byte {at}");
        }
    }
    let mut longer = item.clone();
    longer.later.extend(std::iter::repeat_n(Digest::of("x"), 1000));
    assert!(longer.verify(9, &head, &genesis()).is_err());
}
