//! Random members, lags, gaps and orders: what must hold whatever happens.

use holobiont_identity::OrderAction as Action;
use holobiont_identity::Organism;
use holobiont_policy::{
    Command, CommitteeState, Cut, OfferRef, Opinion, Roster, Status, Unavailable,
};
use proptest::prelude::*;

use crate::driver::{Driver, digest, organism};

const MEMBERS: u16 = 4;

/// An organism and its committee.
#[derive(Debug, Clone)]
struct World {
    policies: Vec<usize>,
    keys: Vec<usize>,
    by_arrival: bool,
    nodes: u16,
}

/// What the world does next.
#[derive(Debug, Clone)]
enum Happening {
    Tick,
    Publish { member: u16, records: u64, clocks: u64, is_open: bool, voters: u8, opinion: u8 },
    Order(Action),
    Nonsense { member: u16, node: u16 },
}

const POLICIES: [&str; 6] = [
    "on_stall = \"hold\"",
    "on_stall = \"skip\"",
    "on_stall = \"carry\"\ncarry_for = 5\nthen = \"skip\"",
    "on_stall = \"carry\"\ncarry_for = 5\nthen = \"hold\"",
    "on_stall = \"skip\"\nmax_lag = 2\non_gap = \"skip\"",
    "on_stall = \"skip\"\non_mismatch = \"hold\"",
];

const KEYS: [&str; 6] = [
    "",
    "start = 1",
    "start = 6",
    "clock = { offset = 3, divide = 1 }",
    "start = 4\nclock = { offset = 0, divide = 2 }",
    "clock = { offset = 5, divide = 3 }",
];

fn world() -> impl Strategy<Value = World> {
    let members = usize::from(MEMBERS);
    let policies = proptest::collection::vec(0..POLICIES.len(), members);
    // Half of the worlds say nowhere where their clock begins.
    let keys =
        prop_oneof![Just(vec![0; members]), proptest::collection::vec(0..KEYS.len(), members)];
    let by_arrival = prop_oneof![3 => Just(false), 1 => Just(true)];
    let nodes = prop_oneof![Just(1_u16), Just(3), Just(5)];
    (policies, keys, by_arrival, nodes).prop_map(|(policies, keys, by_arrival, nodes)| World {
        policies,
        keys,
        by_arrival,
        nodes,
    })
}

fn publish() -> impl Strategy<Value = Happening> {
    let clocks = prop_oneof![9 => 0_u64..3, 1 => Just(u64::MAX)];
    (0..MEMBERS, 1_u64..4, clocks, any::<bool>(), 0_u8..32, 0_u8..10).prop_map(
        |(member, records, clocks, is_open, voters, opinion)| Happening::Publish {
            member,
            records,
            clocks,
            is_open,
            voters,
            opinion,
        },
    )
}

fn order() -> impl Strategy<Value = Happening> {
    (0..MEMBERS, 0_u64..60, 0_u8..5).prop_map(|(member, clock, kind)| {
        Happening::Order(match kind {
            0 => Action::Retire { member, last_clock: clock },
            1 => Action::Pause,
            2 => Action::Resume,
            3 => Action::Release { member, up_to: clock },
            _ => Action::Release { member, up_to: u64::MAX },
        })
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Tick),
        8 => publish(),
        1 => order(),
        1 => (0..2 * MEMBERS, 0_u16..6)
            .prop_map(|(member, node)| Happening::Nonsense { member, node }),
    ]
}

fn config(world: &World) -> Organism {
    let members: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .zip(world.keys.iter().zip(&world.policies))
        .map(|(name, (keys, policy))| (name, KEYS[*keys], POLICIES[*policy]))
        .collect();
    let align = if world.by_arrival { "align = \"arrival\"\n" } else { "" };
    let head = format!("{align}[floor]\nnormal = 3\nhalt_below = 1\n[ticks]\ncheckpoint_every = 7");
    organism(&head, &members)
}

/// The log that these happenings leave.
fn write_log(world: &World, happenings: &[Happening]) -> Driver {
    let mut it = Driver::new(config(world), world.nodes);
    let mut ends = [(0_u64, 0_u64); MEMBERS as usize];
    for happening in happenings {
        match happening {
            Happening::Tick => drop(it.tick()),
            Happening::Publish { member, records, clocks, is_open, voters, opinion } => {
                let end = &mut ends[usize::from(*member)];
                *end = (end.0 + records, end.1.saturating_add(*clocks));
                let closed = if *is_open { end.1.checked_sub(1) } else { Some(end.1) };
                let (offer, _) = it.offer_steps(&[(*member, end.0, closed, *clocks)]);
                let opinion = match opinion {
                    0 => Opinion::Mismatch { head: digest(0) },
                    1 => Opinion::Unavailable(Unavailable::Gap { earliest: end.0 }),
                    _ => Opinion::Have,
                };
                for node in (0..world.nodes).filter(|node| voters >> node & 1 == 1) {
                    it.vote(node, offer, &[(*member, opinion)]);
                }
            }
            Happening::Order(action) => drop(it.order(action.clone())),
            Happening::Nonsense { member, node } => {
                let offer = OfferRef { index: 1, hash: digest(1) };
                it.vote(*node, offer, &[(*member, Opinion::Have)]);
            }
        }
    }
    it
}

fn cuts(state: &mut CommitteeState, log: &[(u64, Command)]) -> Vec<Cut> {
    log.iter().filter_map(|(index, command)| state.apply(*index, command).cut).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cuts_are_a_function_of_the_log(
        world in world(),
        happenings in proptest::collection::vec(happening(), 0..120),
        restart in any::<proptest::sample::Index>(),
    ) {
        let it = write_log(&world, &happenings);
        let roster = it.state.roster().clone();
        let fresh = || CommitteeState::new(&it.organism, roster.clone());
        let mut whole = fresh();
        let all = cuts(&mut whole, &it.log);
        prop_assert_eq!(whole.snapshot(), it.state.snapshot());

        // Stopped anywhere, saved, and taken up again by another machine.
        let at = restart.index(it.log.len() + 1);
        let mut first = fresh();
        let mut parts = cuts(&mut first, &it.log[..at]);
        let mut second =
            CommitteeState::restore(&it.organism, roster.clone(), &first.snapshot()).unwrap();
        parts.extend(cuts(&mut second, &it.log[at..]));
        prop_assert_eq!(&parts, &all);
        prop_assert_eq!(second.snapshot(), whole.snapshot());

        // And through the log's own encoding.
        let mut decoded = fresh();
        let coded: Vec<_> = it.log.iter()
            .map(|(index, command)| (*index, Command::decode(&command.encode()).unwrap()))
            .collect();
        prop_assert_eq!(cuts(&mut decoded, &coded), all);
    }

    #[test]
    fn nothing_goes_back(
        world in world(),
        happenings in proptest::collection::vec(happening(), 0..160),
    ) {
        let it = write_log(&world, &happenings);
        let mut state = CommitteeState::new(&it.organism, it.state.roster().clone());
        let all = cuts(&mut state, &it.log);
        let mut frontiers = vec![None; MEMBERS as usize];
        let mut statuses = vec![Status::Absent; MEMBERS as usize];
        for (before, cut) in [None].into_iter().chain(all.iter().map(Some)).zip(&all) {
            prop_assert_eq!(cut.number, before.map_or(0, |cut| cut.number) + 1);
            prop_assert_eq!(cut.previous_watermark, before.and_then(|cut| cut.watermark));
            if cut.checkpoint {
                prop_assert_eq!(cut.watermark, cut.previous_watermark);
            } else if world.by_arrival {
                prop_assert_eq!(cut.watermark, None);
            } else {
                prop_assert!(cut.watermark > cut.previous_watermark);
            }
            for (frontier, member) in frontiers.iter_mut().zip(&cut.members) {
                let seq = member.frontier.map(|frontier| frontier.seq);
                // A first clock that is not believed takes its frontier with it.
                prop_assert!(seq >= *frontier || seq.is_none());
                *frontier = seq;
                // No cut passes what a member that holds the watermark has closed.
                if matches!(member.status, Status::Live | Status::Late) && !cut.checkpoint {
                    prop_assert!(member.frontier.unwrap().closed >= cut.watermark);
                }
            }
            // The changes of status explain every status.
            for change in &cut.changes {
                let status = &mut statuses[usize::from(change.member)];
                prop_assert_eq!(*status, change.from);
                *status = change.to;
            }
            if !cut.checkpoint {
                let now: Vec<Status> = cut.members.iter().map(|member| member.status).collect();
                prop_assert_eq!(&statuses, &now);
            }
        }
    }

    #[test]
    fn a_quarantine_ends_only_by_an_order_and_a_retirement_never(
        world in world(),
        happenings in proptest::collection::vec(happening(), 0..160),
    ) {
        let it = write_log(&world, &happenings);
        let mut state = CommitteeState::new(&it.organism, it.state.roster().clone());
        let mut is_released = [false; MEMBERS as usize];
        for (index, command) in &it.log {
            let before = state.members().to_vec();
            let applied = state.apply(*index, command);
            for (place, (before, now)) in before.iter().zip(state.members()).enumerate() {
                if before.status == Status::Retired {
                    prop_assert_eq!(now.status, Status::Retired);
                }
                if before.status != Status::Quarantined {
                    is_released[place] = false;
                    continue;
                }
                let is_order = |action: &Action| {
                    matches!(action, Action::Release { member, .. } if usize::from(*member) == place)
                };
                is_released[place] |=
                    matches!(command, Command::Order(order) if is_order(&order.action));
                prop_assert!(
                    is_released[place] || now.frontier == before.frontier,
                    "nothing more is taken of it"
                );
                let has_left = !matches!(now.status, Status::Quarantined | Status::Retired);
                prop_assert!(is_released[place] || !has_left, "{:?} by {:?}", now.status, command);
                // An agreed head that it did not take was the next lie.
                let is_agreed = applied.agreed.iter().any(|it| usize::from(it.head.member) == place);
                is_released[place] &= !(is_agreed && now.frontier == before.frontier);
            }
        }
    }
}

#[test]
fn one_roster_of_one_is_what_a_replay_uses() {
    assert_eq!(Roster::replay().majority(), 1);
}
