//! Random members with random lives: nothing is lost, taken twice, or taken too early.

use std::collections::BTreeMap;

use holobiont_identity::{OrderAction as Action, ReplayOrder};
use holobiont_policy::{Command, Cut, Roster};
use holobiont_replay::{NoOutput, Replay};
use proptest::prelude::*;

use crate::script::Script;
use crate::world::{Entry, Ledger, World, organism};

const POLICIES: [&str; 4] = [
    "on_stall = \"hold\"",
    "on_stall = \"skip\"",
    "on_stall = \"carry\"\ncarry_for = 6\nthen = \"skip\"",
    "on_stall = \"skip\"\non_late_data = \"drop\"",
];

/// A surface's records, by the steps between their clocks; every other one leaves its clock open.
fn surface() -> impl Strategy<Value = Vec<Entry>> {
    let step = prop_oneof![6 => Just(1_u64), 2 => Just(0), 1 => 2_u64..9];
    (0_u64..6, proptest::collection::vec((step, any::<bool>()), 0..40)).prop_map(
        |(first, steps)| {
            let mut clock = first;
            let mut closed = false;
            steps
                .into_iter()
                .map(|(step, closes)| {
                    clock += if closed { step.max(1) } else { step };
                    closed = closes;
                    (clock, closes, format!("c{clock}"))
                })
                .collect()
        },
    )
}

/// What the committee does next.
#[derive(Debug, Clone)]
enum Step {
    Tick,
    /// A member's copy grows by some records; sometimes what comes before them is gone.
    Grow {
        member: u16,
        records: u64,
        lost: Option<u64>,
    },
    Order(Action),
}

fn step() -> impl Strategy<Value = Step> {
    let lost = prop_oneof![12 => Just(None), 1 => (0_u64..4).prop_map(Some)];
    let order = (0_u16..3, 0_u64..40, 0_u8..4).prop_map(|(member, last_clock, kind)| match kind {
        0 => Action::Retire { member, last_clock },
        1 => Action::Release { member, up_to: 0 },
        2 => Action::Pause,
        _ => Action::Resume,
    });
    prop_oneof![
        5 => Just(Step::Tick),
        9 => (0_u16..3, 1_u64..6, lost)
            .prop_map(|(member, records, lost)| Step::Grow { member, records, lost }),
        1 => order.prop_map(Step::Order),
    ]
}

/// The orders among the steps, each at the clock event of its place.
fn orders(steps: &[Step]) -> Vec<ReplayOrder> {
    let at_clock = |(clock, step): (u64, &Step)| match step {
        Step::Order(action) => Some(ReplayOrder { clock, action: action.clone() }),
        _ => None,
    };
    (1..).zip(steps).filter_map(at_clock).collect()
}

fn script(script: &mut Script<'_>, steps: &[Step], surfaces: &[Vec<Entry>]) {
    let mut grown = [0_u64; 3];
    for step in steps {
        match step {
            Step::Tick => drop(script.tick()),
            Step::Order(action) => drop(script.order(action.clone())),
            Step::Grow { member, records, lost } => {
                let grown = &mut grown[usize::from(*member)];
                let length = surfaces[usize::from(*member)].len() as u64;
                let end = (*grown + records).min(length);
                if end == *grown {
                    continue;
                }
                *grown = end;
                match lost {
                    Some(back) => script.gap(*member, end - 1, end.saturating_sub(*back)),
                    None => script.agree(&[(*member, end - 1)]),
                };
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_record_is_taken_once_in_order_or_accounted_for(
        surfaces in proptest::collection::vec(surface(), 3),
        policies in proptest::collection::vec(0..POLICIES.len(), 3),
        steps in proptest::collection::vec(step(), 0..60),
        start in proptest::option::of(0_u64..8),
        by_clock in any::<bool>(),
        by_arrival in prop_oneof![3 => Just(false), 1 => Just(true)],
    ) {
        let start = start.map_or(String::new(), |start| format!("start = {start}"));
        let keys: Vec<String> = policies
            .iter()
            .map(|policy| format!("[member.policy]\n{}", POLICIES[*policy]))
            .collect();
        let third = format!("{start}\n{}", keys[2]);
        let align = if by_arrival { "align = \"arrival\"" } else { "" };
        let organism = organism(align, &[("a", &keys[0]), ("b", &keys[1]), ("c", &third)]);
        let world = World::new(organism, &surfaces);
        let opened = world.surfaces("surfaces").unwrap();
        let mut written = Script::new(&world.organism, &opened);
        let commands: Vec<Command> = if by_clock {
            world.commands(&orders(&steps))
        } else {
            script(&mut written, &steps, &surfaces);
            written.commands
        };
        let program = Ledger::new();
        let lines = std::sync::Arc::clone(&program.lines);
        let replay = Replay::new(&world.organism, Roster::replay(), &opened, program);
        let mut replay = replay.checking_heads();

        let mut taken: BTreeMap<(u16, u64), u32> = BTreeMap::new();
        let mut watermark = None;
        let mut last_cut: Option<Cut> = None;
        for (index, command) in (1..).zip(&commands) {
            let step = replay.step(index, command, &mut NoOutput).unwrap();
            let told = std::mem::take(&mut *lines.lock().unwrap());
            let Some(cut) = step.cut else {
                prop_assert!(told.is_empty(), "nothing is folded outside a cut");
                continue;
            };
            prop_assert!(cut.watermark >= watermark, "the watermark never goes back");
            let mut before = (0, 0, 0);
            let mut closed = None;
            for line in told {
                if let Some(clock) = line.strip_prefix("closed ") {
                    closed = Some(clock.parse::<u64>().unwrap());
                    prop_assert!(closed <= cut.watermark && closed > watermark);
                    continue;
                }
                let Some((member, rest)) = line.split_once('#') else { continue };
                let (seq, rest) = rest.split_once('@').unwrap();
                let clock = rest.split(' ').next().unwrap().parse::<u64>().unwrap();
                let key = (member.parse::<u16>().unwrap(), seq.parse::<u64>().unwrap());
                let is_past = cut.watermark.is_some_and(|watermark| clock > watermark);
                prop_assert!(!is_past, "no cut passes its watermark");
                prop_assert_eq!(rest.ends_with(" late"), Some(clock) <= watermark);
                let order = (if by_arrival { 0 } else { clock }, key.0, key.1);
                prop_assert!(order >= before, "merge order");
                prop_assert!(closed < Some(clock) || Some(clock) <= watermark);
                before = order;
                *taken.entry(key).or_default() += 1;
            }
            watermark = cut.watermark;
            last_cut = Some(cut);
        }

        for (place, (position, entries)) in replay.positions().iter().zip(&surfaces).enumerate() {
            let member = u16::try_from(place).unwrap();
            let folded: Vec<u64> =
                taken.keys().filter(|key| key.0 == member).map(|key| key.1).collect();
            prop_assert_eq!(u64::try_from(folded.len()).unwrap(), position.folded);
            let accounted = position.folded
                + position.dropped_late
                + position.before_start
                + position.lost_to_gap;
            prop_assert_eq!(accounted, position.next_seq);
            // What the last cut left is past its watermark, past its frontier, or past the end.
            let left = entries.get(usize::try_from(position.next_seq).unwrap());
            if let (Some(left), Some(cut)) = (left, &last_cut) {
                let member = &cut.members[place];
                let is_ahead = cut.watermark.is_some_and(|watermark| left.0 > watermark);
                let is_past_end = member.last_clock.is_some_and(|last| left.0 > last);
                let is_unagreed = member.frontier.is_none_or(|it| it.seq < position.next_seq);
                prop_assert!(is_ahead || is_past_end || is_unagreed, "{} left {:?}", place, left);
            }
        }
        prop_assert!(taken.values().all(|times| *times == 1));
    }
}
