//! A writer's own view of its surface: the same as opening the directory, at every moment.

use std::path::Path;

use holobiont_surface::{Cursor, Sealed, Surface, SurfaceError, SurfaceWriter, WriterOptions};
use proptest::prelude::*;

use crate::common::{append, expected_heads, genesis, payload, read_all, record};
use crate::history::folder;

/// The records up to `seq` are read right, from there and from the middle.
fn check(view: &Surface, from: u64, next_seq: u64) {
    let heads = expected_heads(&genesis(), next_seq);
    for from in [from, (from + next_seq) / 2] {
        let read = read_all(view, from);
        assert_eq!(read.len() as u64, next_seq - from);
        for (seq, bytes, head) in read {
            assert_eq!((bytes, head), (payload(seq), heads[usize::try_from(seq).unwrap()]));
        }
    }
}

fn same(one: &Surface, other: &Surface) {
    assert_eq!(one.genesis(), other.genesis());
    assert_eq!((one.earliest(), one.next_seq()), (other.earliest(), other.next_seq()));
    assert_eq!((one.mark(), one.torn()), (other.mark(), other.torn()));
    assert_eq!(one.clock_range(), other.clock_range());
    assert!(one.segments().eq(other.segments()));
}

/// What a writer does next.
#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Stored(u64),
    Sync,
    Seal,
    Retain(u64),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..9).prop_map(Step::Append),
        4 => (1_u64..9).prop_map(Step::Stored),
        2 => Just(Step::Sync),
        1 => Just(Step::Seal),
        1 => (0_u64..60).prop_map(Step::Retain),
        1 => Just(Step::Reopen),
    ]
}

fn stored(seqs: std::ops::Range<u64>) -> Vec<u8> {
    let mut stored = Vec::new();
    for seq in seqs {
        record(seq, &payload(seq)).encode_into(seq, &mut stored).unwrap();
    }
    stored
}

fn take(writer: &mut SurfaceWriter, dir: &Path, options: WriterOptions, step: &Step) {
    let next = writer.next_seq();
    match step {
        Step::Append(count) => append(writer, next..next + count),
        Step::Stored(count) => {
            let mut began = Vec::new();
            let taken = writer.append_stored(&stored(next..next + count), |seq, chain| {
                began.push((seq, chain));
            });
            assert_eq!(taken.unwrap(), next + count);
            if let Some((seq, chain)) = began.last() {
                let open = writer.open_window();
                assert_eq!((*seq, *chain), (open.first_seq, open.chain_before));
            }
        }
        Step::Sync => assert_eq!(writer.sync().unwrap(), writer.head()),
        Step::Seal => assert!(matches!(writer.seal().unwrap(), Sealed::Yes { .. } | Sealed::No)),
        Step::Retain(seq) => drop(writer.retain_from(*seq).unwrap()),
        Step::Reopen => {
            // The directory is locked while a writer lives.
            let aside = folder();
            let other = SurfaceWriter::create(aside.path(), genesis(), options).unwrap();
            drop(std::mem::replace(writer, other));
            *writer = SurfaceWriter::open(dir, options).unwrap().0;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_view_is_what_opening_would_give_and_stays_so(
        steps in proptest::collection::vec(step(), 1..40),
        segment_bytes in prop_oneof![Just(400_u64), Just(1 << 20)],
    ) {
        let dir = folder();
        let options = WriterOptions { segment_bytes };
        let mut writer = SurfaceWriter::create(dir.path(), genesis(), options).unwrap();
        let mut kept: Vec<(Surface, Cursor)> = Vec::new();
        for step in &steps {
            take(&mut writer, dir.path(), options, step);
            let view = writer.view();
            same(&view, &Surface::open(dir.path()).unwrap());
            check(&view, view.earliest(), view.next_seq());
            let middle = (view.earliest() + view.next_seq()) / 2;
            let cursor = view.cursor(middle).unwrap();
            kept.push((view, cursor));
        }
        // Views of long ago, and cursors that stood in them: right, or told that retention was here.
        for (view, mut cursor) in kept {
            if view.earliest() >= writer.earliest() {
                check(&view, view.earliest(), view.next_seq());
            } else if view.next_seq() > view.earliest() {
                let read = view.cursor(view.earliest()).and_then(|mut cursor| cursor.peek());
                assert!(matches!(read, Err(SurfaceError::Gap { .. })), "{read:?}");
            }
            let heads = expected_heads(&genesis(), view.next_seq());
            loop {
                match cursor.next_record() {
                    Ok(Some(read)) => assert_eq!(read.payload(), payload(read.seq())),
                    Ok(None) => break,
                    Err(error) => {
                        assert!(matches!(error, SurfaceError::Gap { .. }), "{error}");
                        break;
                    }
                }
            }
            if let Some(head) = cursor.head() {
                assert_eq!(head, heads[usize::try_from(head.seq).unwrap()]);
            }
        }
    }

    /// What cannot follow is refused by name, and what came before it is there.
    #[test]
    fn stored_records_are_taken_up_to_the_first_that_cannot_follow(
        good in 0_u64..20,
        damage in 0_usize..6,
        at in any::<prop::sample::Index>(),
        segment_bytes in prop_oneof![Just(400_u64), Just(1 << 20)],
    ) {
        let dir = folder();
        let options = WriterOptions { segment_bytes };
        let mut writer = SurfaceWriter::create(dir.path(), genesis(), options).unwrap();
        let mut bytes = stored(0..good);
        let bad_from = bytes.len();
        let next = stored(good..good + 1);
        match damage {
            0 => bytes.extend(&next[..at.index(next.len() - 1) + 1]),
            1 => bytes.extend(stored(good + 1..good + 2)),
            2 if good > 0 => bytes.extend(stored(good - 1..good)),
            3 => {
                bytes.extend(&next);
                let place = bad_from + at.index(next.len());
                bytes[place] ^= 0x10;
            }
            4 => bytes.extend([0; 40]),
            _ => bytes.extend(vec![0xff; at.index(100) + 1]),
        }
        let is_whole = damage == 0 && bytes.len() == bad_from + next.len();
        let taken = writer.append_stored(&bytes, |_, _| {});
        match is_whole {
            true => prop_assert_eq!(taken.unwrap(), good + 1),
            false => prop_assert!(
                matches!(&taken, Err(SurfaceError::BadRecord { seq, .. }) if *seq == good),
                "{taken:?}"
            ),
        }
        let next = writer.next_seq();
        append(&mut writer, next..good + 5);
        check(&writer.view(), 0, good + 5);
        same(&writer.view(), &Surface::open(dir.path()).unwrap());
    }
}
