use std::collections::BTreeSet;

use holobiont_identity::{
    Alignment, ClockRule, Coalition, Digest, OnGap, OnLateData, OnMismatch, OnStall, Organism,
    Setting, Then,
};
use proptest::prelude::*;

use crate::{coalition, organism, pins};

/// One change of each thing that an organism says, but for its stable id.
const CHANGES: &[fn(&mut Organism)] = &[
    |o| o.program.name.push('2'),
    |o| o.program.version += 1,
    |o| o.program.settings.clear(),
    |o| set(o, "window", Setting::Text("60".into())),
    |o| set(o, "window", Setting::Flag(true)),
    |o| set(o, "more", Setting::List(vec![])),
    |o| set(o, "more", Setting::Table([].into())),
    |o| o.floor.normal += 1,
    |o| o.floor.halt_below += 1,
    |o| o.align = Alignment::Arrival,
    |o| o.ticks.tick_ms += 1,
    |o| o.ticks.checkpoint_every += 1,
    |o| o.ticks.offer_timeout += 1,
    |o| o.tolerate_leaked_keys += 1,
    |o| o.members[0].name.push('2'),
    |o| o.members[0].surface.push('2'),
    |o| o.members[0].clock.offset += 1,
    |o| o.members[0].clock.divide += 1,
    |o| o.members[0].start = None,
    |o| o.members[0].start = Some(1),
    |o| o.members[0].content_hash = None,
    |o| o.members[0].content_hash = Some(Digest::from_bytes([0; 32])),
    |o| o.members[0].ticket_issuers.clear(),
    |o| o.members[1].ticket_issuers.push("other".into()),
    |o| o.members[0].policy.on_stall = OnStall::Hold,
    |o| o.members[0].policy.on_stall = OnStall::Skip,
    |o| o.members[0].policy.on_stall = OnStall::Carry { carry_for: 31, then: Then::Skip },
    |o| o.members[0].policy.on_stall = OnStall::Carry { carry_for: 30, then: Then::Hold },
    |o| o.members[0].policy.on_late_data = OnLateData::Drop,
    |o| o.members[0].policy.on_gap = OnGap::Skip,
    |o| o.members[0].policy.on_mismatch = OnMismatch::Hold,
    |o| o.members[0].policy.max_advance += 1,
    |o| o.members[0].policy.availability_parts_per_billion = None,
    |o| o.members[0].policy.availability_parts_per_billion = Some(0),
    |o| o.members[0].policy.weight += 1,
    |o| o.members[0].policy.late_after += 1,
    |o| o.members[0].policy.stall_after += 1,
    |o| o.members[0].policy.recover_after += 1,
    |o| o.members[0].policy.join_within += 1,
    |o| o.members[0].policy.max_lag = Some(0),
    |o| o.acl.orders_need -= 1,
    |o| o.acl.first_roster = None,
    |o| o.acl.operators.truncate(1),
    |o| o.acl.operators.swap(0, 1),
    |o| o.acl.operators[0].name.push('2'),
    |o| o.acl.operators[0].key[0] ^= 1,
];

fn set(organism: &mut Organism, key: &str, setting: Setting) {
    organism.program.settings.insert(key.to_owned(), setting);
}

#[test]
fn every_change_moves_the_content_hash_and_none_the_stable_id() {
    let before = organism::example();
    let mut hashes = BTreeSet::from([before.content_hash()]);
    for (number, change) in CHANGES.iter().enumerate() {
        let mut after = before.clone();
        change(&mut after);
        assert_eq!(after.stable_id(), before.stable_id(), "change {number}");
        assert!(hashes.insert(after.content_hash()), "change {number} is not seen");
    }
}

#[test]
fn the_stable_id_follows_the_name_and_the_members_in_order() {
    let before = organism::example();
    let changes: [fn(&mut Organism); 3] =
        [|o| o.name.push('2'), |o| o.members.swap(0, 1), |o| o.members.truncate(1)];
    for change in changes {
        let mut after = before.clone();
        change(&mut after);
        assert_ne!(after.stable_id(), before.stable_id());
        assert_ne!(after.content_hash(), before.content_hash());
    }
}

/// Splits a file into sections, each a header and its lines; a section keeps its place behind the
/// one that it belongs to, as TOML wants it.
pub(crate) fn shuffle(source: &str, seed: u64) -> String {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut lines: Vec<&str> = Vec::new();
    let mut out = Vec::new();
    let mut flush = |lines: &mut Vec<&str>, out: &mut Vec<String>| {
        lines.sort_by_cached_key(|_| next());
        for line in lines.drain(..) {
            out.push(match next() % 4 {
                0 => format!("  {line}"),
                1 => format!("{line}   # {}", next()),
                2 => format!("\n{}", line.replacen(" = ", "=", 1)),
                _ => line.replacen(" = ", "\t=  ", 1),
            });
        }
    };
    for line in source.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            flush(&mut lines, &mut out);
            out.push(line.to_owned());
        } else {
            lines.push(line);
        }
    }
    flush(&mut lines, &mut out);
    out.join("\n")
}

fn break_up(source: &str, at: usize, cut: usize, insert: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let at = at % chars.len();
    let end = (at + cut).min(chars.len());
    let kept = chars[..at].iter().copied().chain(insert.chars());
    kept.chain(chars[end..].iter().copied()).collect()
}

proptest! {
    #[test]
    fn nothing_comes_after_a_closed_clock(
        offset in any::<u64>(),
        divide in 1..=u64::MAX,
        one in any::<u64>(),
        other in any::<u64>(),
    ) {
        let rule = ClockRule { offset: offset >> (offset % 64), divide: divide >> (divide % 64) };
        let (closed, later) = (one.min(other), one.max(other).max(1));
        let closed = closed.min(later - 1);
        let after = rule.organism_clock(later);
        prop_assert!(after >= rule.organism_clock(closed), "a clock never falls");
        prop_assert!(rule.closed(closed).is_none_or(|closed| after > closed));
    }

    #[test]
    fn key_order_and_white_space_are_no_content(seed in any::<u64>()) {
        let shuffled = Organism::parse(&shuffle(organism::EXAMPLE, seed)).unwrap();
        prop_assert_eq!(shuffled, organism::example());
        let shuffled = Coalition::parse(&shuffle(coalition::EXAMPLE, seed)).unwrap();
        let frozen = coalition::example();
        prop_assert_eq!(shuffled.document_fingerprint(), frozen.document_fingerprint());
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,200}") {
        let _ = Organism::parse(&text);
        let _ = Coalition::parse(&text);
    }

    #[test]
    fn damaged_files_are_read_or_refused_with_places_inside(
        at in any::<usize>(),
        cut in 0_usize..40,
        insert in "([\\[\\]{}=\"\n.a-z0-9é-]|-?[0-9]{1,30}|[\\[]{100}){0,8}",
    ) {
        let files = [(organism::EXAMPLE, true), (pins::PINNED, true), (coalition::EXAMPLE, false)];
        for (source, is_organism) in files {
            let broken = break_up(source, at, cut, &insert);
            let refusal = match is_organism {
                true => Organism::parse(&broken).err(),
                false => Coalition::parse(&broken).err(),
            };
            let Some(refusal) = refusal else { continue };
            prop_assert!(!refusal.problems.is_empty(), "a refusal says why");
            for problem in refusal.problems {
                let inside = problem.span.is_none_or(|span| broken.get(span).is_some());
                prop_assert!(inside, "{}", problem.message);
            }
        }
    }
}
