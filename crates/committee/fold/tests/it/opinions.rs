//! What a node says of heads is exact in every field, wherever it has to look for it.

use holobiont_committee_fold::{CopyOptions, Since};
use holobiont_policy::{Frontier, OfferedHead, Opinion};
use holobiont_replay::Advance;
use proptest::prelude::*;

use crate::world::{Entry, append, config, memory_dir, open_copies};

/// A surface's records, by the steps between their clocks; every other one leaves its clock open.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let step = prop_oneof![6 => Just(1_u64), 3 => Just(0), 1 => 2_u64..9];
    (0_u64..6, proptest::collection::vec((step, any::<bool>()), 1..60)).prop_map(
        |(first, steps)| {
            let (mut clock, mut closed) = (first, false);
            let entry = |(step, closes): (u64, bool)| {
                clock += if closed { step.max(1) } else { step };
                closed = closes;
                (clock, closes, format!("1.{clock:02}"))
            };
            steps.into_iter().map(entry).collect()
        },
    )
}

/// By the words of the policy, record by record.
fn expected(
    organism: &holobiont_identity::Organism,
    view: &holobiont_surface::Surface,
    since: &Since,
    seq: u64,
) -> OfferedHead {
    let mut advance = Advance::new(organism, &organism.members[0]);
    advance.follow(since.frontier);
    let mut cursor = view.cursor(since.from_seq).unwrap();
    let mut closed = None;
    while cursor.next_seq() <= seq {
        let record = cursor.next_record().unwrap().unwrap();
        advance.pass(record.header());
        closed = record.closed_clock();
    }
    let head = cursor.head().unwrap().hash;
    OfferedHead { member: 0, seq, head, closed, advance: advance.largest() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn an_offer_and_an_opinion_are_what_the_records_say(
        entries in entries(),
        durable in 1_usize..60,
        batches in proptest::collection::vec(1_usize..9, 1..20),
        asked in proptest::collection::vec((any::<prop::sample::Index>(), 0_u64..70, 0_u64..4), 1..12),
        reopen in any::<bool>(),
        recent_bytes in prop_oneof![Just(1_usize), Just(300), Just(1 << 20)],
    ) {
        let organism = config(1, "");
        let dir = memory_dir();
        let options = CopyOptions { segment_bytes: 600, recent_bytes };
        let mut copies = open_copies(&organism, dir.path(), options);
        let durable = durable.min(entries.len());
        let mut from = 0;
        for batch in batches.iter().cycle() {
            let to = (from + batch).min(durable);
            append(&copies, 0, &entries[from..to]);
            from = to;
            if from == durable {
                break;
            }
        }
        prop_assert_eq!(copies.offer(0, None), None, "nothing is durable");
        copies.sync(0).unwrap();
        if reopen {
            drop(copies);
            copies = open_copies(&organism, dir.path(), options);
        }
        append(&copies, 0, &entries[durable..]);
        let durable = durable as u64;
        let view = copies.view(0).unwrap();
        for (frontier, seq, skipped) in asked {
            // A frontier at any record or none, and sometimes a gap after it.
            let frontier = frontier.index(usize::try_from(durable).unwrap() + 1) as u64;
            let frontier = frontier.checked_sub(1).map(|seq| {
                let at = expected(&organism, &view, &Since::new(None, 0), seq);
                Frontier { seq, head: at.head, closed: at.closed }
            });
            let after = frontier.map_or(0, |frontier| frontier.seq + 1);
            let since = Since::new(frontier, after + skipped);
            let offer = copies.offer(0, since);
            if since.from_seq < durable {
                prop_assert_eq!(offer.unwrap(), expected(&organism, &view, &since, durable - 1));
            } else {
                prop_assert_eq!(offer, None);
            }
            if seq >= durable {
                let head = OfferedHead {
                    seq,
                    ..expected(&organism, &view, &Since::new(None, 0), durable - 1)
                };
                prop_assert_eq!(copies.opinion(&head, since), None, "it is not durable here");
            } else if seq >= since.from_seq {
                let head = expected(&organism, &view, &since, seq);
                prop_assert_eq!(copies.opinion(&head, since), Some(Opinion::Have));
                let mut other = head.head.as_bytes().to_owned();
                other[7] ^= 1;
                let closed = head.closed.map_or(Some(0), |closed| closed.checked_sub(1));
                let changed = [
                    OfferedHead { head: holobiont_identity::Digest::from_bytes(other), ..head.clone() },
                    OfferedHead { closed, ..head.clone() },
                    OfferedHead { advance: head.advance + 1, ..head.clone() },
                ];
                for changed in changed {
                    let mismatch = Opinion::Mismatch { head: head.head };
                    prop_assert_eq!(copies.opinion(&changed, since), Some(mismatch));
                }
            }
        }
        prop_assert_eq!(copies.failure(0), None);
    }
}
