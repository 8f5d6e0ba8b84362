//! The engine against the order as it is defined: collect what a cut takes, sort, tell.

use std::path::Path;

use holobiont_identity::ClockRule;
use holobiont_policy::{CutMember, Frontier, Gap, Grade};
use holobiont_surface::{Genesis, SurfaceWriter, WriterOptions};
use proptest::prelude::*;

use super::*;
use crate::{NoOutput, ProgramError};

/// Farther than the merge can tell at once.
const FAR: u64 = 1 << 50;

/// What a program was told: of a record its member, clock, sequence number and lateness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Record(u16, u64, u64, bool),
    Closed(u64),
}

#[derive(Default)]
struct Listener(Vec<Told>);

impl Program for Listener {
    const NAME: &'static str = "listener";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, _: &mut Commits<'_>) -> Result<(), ProgramError> {
        match event {
            Event::Record(it) => {
                assert_eq!(it.record.payload(), it.record.seq().to_le_bytes());
                self.0.push(Told::Record(it.member, it.clock, it.record.seq(), it.late));
            }
            Event::ClockClosed { clock } => self.0.push(Told::Closed(clock)),
            Event::Status(_) => {}
        }
        Ok(())
    }

    fn snapshot(&self, _: &mut Vec<u8>) {}

    fn restore(&mut self, _: &[u8]) -> Result<(), ProgramError> {
        Ok(())
    }
}

/// A member's config and its records' clocks.
#[derive(Debug, Clone)]
struct Life {
    rule: ClockRule,
    start: Option<u64>,
    drops_late: bool,
    clocks: Vec<u64>,
}

/// What one cut says of one member, as steps from the cut before.
#[derive(Debug, Clone)]
struct Step {
    records: u64,
    gap: Option<(u64, u64)>,
    retires: Option<u64>,
}

fn life() -> impl Strategy<Value = Life> {
    let step = prop_oneof![4 => Just(0_u64), 6 => Just(1), 1 => 2_u64..7, 1 => Just(FAR)];
    let clocks = (0_u64..5, proptest::collection::vec(step, 0..48)).prop_map(|(first, steps)| {
        let rise = |clock: &mut u64, step: u64| {
            *clock += step;
            Some(*clock)
        };
        steps.into_iter().scan(first, rise).collect()
    });
    let rule = prop_oneof![
        3 => Just(ClockRule::default()),
        1 => (0_u64..4, 1_u64..4).prop_map(|(offset, divide)| ClockRule { offset, divide }),
    ];
    (rule, proptest::option::of(0_u64..9), any::<bool>(), clocks)
        .prop_map(|(rule, start, drops_late, clocks)| Life { rule, start, drops_late, clocks })
}

fn step() -> impl Strategy<Value = Step> {
    let gap = prop_oneof![7 => Just(None), 1 => (0_u64..6, 0_u64..6).prop_map(Some)];
    let retires = prop_oneof![7 => Just(None), 1 => (0_u64..30).prop_map(Some)];
    (0_u64..16, gap, retires).prop_map(|(records, gap, retires)| Step { records, gap, retires })
}

/// Lives of some members, and cuts: how far the watermark moves, and what is said of every member.
fn history() -> impl Strategy<Value = (Vec<Life>, Vec<(u64, Vec<Step>)>)> {
    (1_usize..7).prop_flat_map(|members| {
        let steps = proptest::collection::vec(step(), members);
        let rise = prop_oneof![3 => 1_u64..6, 1 => 6_u64..30, 1 => FAR..5 * FAR];
        let cut = (rise, steps);
        (proptest::collection::vec(life(), members), proptest::collection::vec(cut, 1..7))
    })
}

fn organism(lives: &[Life]) -> Organism {
    let mut text =
        "version = 1\nname = \"listened\"\nprogram = { name = \"listener\", version = 1 }\n\
                    policy = { max_advance = 1000 }\n"
            .to_owned();
    for (place, life) in lives.iter().enumerate() {
        let ClockRule { offset, divide } = life.rule;
        let start = life.start.map_or(String::new(), |start| format!("start = {start}\n"));
        let late = if life.drops_late { "drop" } else { "fold" };
        text += &format!(
            "[[member]]\nname = \"m{place}\"\nstable_id = \"test.m{place}\"\nsurface = \"s\"\n\
             clock = {{ offset = {offset}, divide = {divide} }}\n{start}\
             policy = {{ on_late_data = \"{late}\" }}\n"
        );
    }
    Organism::parse(&text).unwrap()
}

fn write(organism: &Organism, lives: &[Life], dir: &Path) {
    for (member, life) in organism.members.iter().zip(lives) {
        let genesis = Genesis { window_records: 5, ..Genesis::new(member.surface_id()) };
        let options = WriterOptions { segment_bytes: 4096 };
        let mut writer = SurfaceWriter::create(&dir.join(&member.name), genesis, options).unwrap();
        for (seq, clock) in (0_u64..).zip(&life.clocks) {
            let payload = &seq.to_le_bytes();
            let (closes_clock, time_ms, kind) = (false, 0, 1);
            let record = NewRecord { clock: *clock, closes_clock, time_ms, kind, payload };
            writer.append(record).unwrap();
        }
        writer.sync().unwrap();
    }
}

/// The cuts that the steps make; records that a gap takes are never agreed on.
fn cuts(lives: &[Life], steps: &[(u64, Vec<Step>)], by_arrival: bool) -> Vec<Cut> {
    let mut agreed = vec![0_u64; lives.len()];
    let mut last_clocks = vec![None; lives.len()];
    let mut watermark = None;
    let mut all = Vec::new();
    for (number, (rise, steps)) in (1..).zip(steps) {
        let previous_watermark = watermark;
        if !by_arrival {
            watermark = Some(watermark.unwrap_or(0) + rise);
        }
        let mut members = Vec::new();
        for (place, (life, step)) in lives.iter().zip(steps).enumerate() {
            let length = u64::try_from(life.clocks.len()).unwrap();
            let mut gaps = Vec::new();
            if let Some((from, lost)) = step.gap {
                let from_seq = (agreed[place] + from.min(2)).min(length);
                let to_seq = (from_seq + lost).min(length);
                gaps.push(Gap { from_seq, to_seq });
                agreed[place] = to_seq;
            }
            agreed[place] = (agreed[place] + step.records).min(length);
            last_clocks[place] = last_clocks[place].or(step.retires);
            let frontier = agreed[place].checked_sub(1).map(|seq| Frontier {
                seq,
                head: holobiont_identity::Digest::of("head"),
                closed: None,
            });
            let (status, last_clock) = (Status::Live, last_clocks[place]);
            members.push(CutMember { status, frontier, last_clock, gaps });
        }
        all.push(Cut {
            number,
            log_index: number,
            time_ms: 0,
            watermark,
            previous_watermark,
            checkpoint: false,
            grade: Grade::Normal,
            weight: 1,
            members,
            changes: Vec::new(),
        });
    }
    all
}

/// The definition: what a cut takes of a member, one record after the other.
fn taken(
    place: u16,
    life: &Life,
    cut: &Cut,
    position: &mut Position,
) -> Vec<(bool, u64, u16, u64)> {
    let member = &cut.members[usize::from(place)];
    position.gaps.extend(&member.gaps);
    let Some(frontier) = member.frontier else { return Vec::new() };
    let mut all = Vec::new();
    loop {
        while let Some(gap) = position.gaps.first().copied() {
            if position.next_seq < gap.from_seq {
                break;
            }
            position.gaps.remove(0);
            position.lost_to_gap += gap.to_seq.saturating_sub(position.next_seq);
            position.next_seq = position.next_seq.max(gap.to_seq);
        }
        if position.next_seq > frontier.seq {
            return all;
        }
        let own = life.clocks[usize::try_from(position.next_seq).unwrap()];
        let clock = life.rule.organism_clock(own);
        let is_past_end = member.last_clock.is_some_and(|last| clock > last);
        if is_past_end || cut.watermark.is_some_and(|watermark| clock > watermark) {
            return all;
        }
        let late = cut.previous_watermark.is_some_and(|previous| clock <= previous);
        if life.start.is_some_and(|start| clock < start) {
            position.before_start += 1;
        } else if late && life.drops_late {
            position.dropped_late += 1;
        } else {
            position.folded += 1;
            position.late += u64::from(late);
            all.push((late, clock, place, position.next_seq));
        }
        position.next_seq += 1;
    }
}

/// What a program is to be told of a cut.
fn told(lives: &[Life], cut: &Cut, positions: &mut [Position]) -> Vec<Told> {
    let mut records: Vec<(bool, u64, u16, u64)> = Vec::new();
    for ((place, life), position) in (0..).zip(lives).zip(positions) {
        records.extend(taken(place, life, cut, position));
    }
    let by_clock = cut.watermark.is_some();
    // Late ones first; by arrival no clock is compared.
    records.sort_by_key(|(late, clock, place, seq)| {
        (!late, if by_clock { *clock } else { 0 }, *place, *seq)
    });
    let mut all = Vec::new();
    let mut open = None;
    for (late, clock, place, seq) in records {
        if let Some(before) = open.filter(|before| *before < clock) {
            all.push(Told::Closed(before));
        }
        open = (by_clock && !late).then_some(clock);
        all.push(Told::Record(place, clock, seq, late));
    }
    all.extend(open.map(Told::Closed));
    all.extend(cut.watermark.filter(|clock| open < Some(*clock)).map(Told::Closed));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn tells_of_every_cut_what_the_definition_does(
        (lives, steps) in history(),
        by_arrival in prop_oneof![4 => Just(false), 1 => Just(true)],
    ) {
        let organism = organism(&lives);
        let dir = tempfile::tempdir().unwrap();
        write(&organism, &lives, dir.path());
        let surfaces = Surfaces::open(&organism, dir.path(), 64 << 20).unwrap();
        let mut engine = Engine::new(&organism, &surfaces, Listener::default(), &[]);
        let mut positions = vec![Position::default(); lives.len()];
        for cut in cuts(&lives, &steps, by_arrival) {
            let folded = engine.fold(&cut, &mut NoOutput).unwrap();
            let got = std::mem::take(&mut engine.teller.program.0);
            let expected = told(&lives, &cut, &mut positions);
            let records =
                expected.iter().filter(|told| matches!(told, Told::Record(..))).count();
            prop_assert_eq!(&got, &expected, "cut {}", cut.number);
            prop_assert_eq!(engine.positions(), &positions[..]);
            prop_assert_eq!(folded.records, u64::try_from(records).unwrap());
            prop_assert_eq!(folded.payload_bytes, folded.records * 8);
        }
    }
}
