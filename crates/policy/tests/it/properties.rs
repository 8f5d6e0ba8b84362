//! Random members, lags, gaps and orders: what must hold whatever happens.

use holobiont_identity::Organism;
use holobiont_policy::{
    Action, Command, CommitteeState, Cut, Offer, OfferRef, OfferedHead, Opinion, Order, Roster,
    Unavailable, Vote,
};
use proptest::prelude::*;

use crate::driver::{Driver, digest, organism};

const MEMBERS: u16 = 4;

/// What the world does next.
#[derive(Debug, Clone)]
enum Happening {
    Tick,
    Publish {
        member: u16,
        records: u64,
        clocks: u64,
        voters: u8,
        opinion: u8,
    },
    Order(Action),
    Nonsense {
        member: u16,
        node: u16,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let member = 0..MEMBERS;
    prop_oneof![
        4 => Just(Happening::Tick),
        8 => (member.clone(), 1_u64..4, prop_oneof![9 => 0_u64..3, 1 => Just(u64::MAX)], 0_u8..8, 0_u8..10)
            .prop_map(|(member, records, clocks, voters, opinion)| Happening::Publish {
                member, records, clocks, voters, opinion
            }),
        1 => (member, 0_u64..60, 0_u8..4).prop_map(|(member, last_clock, kind)| {
            Happening::Order(match kind {
                0 => Action::Retire { member, last_clock },
                1 => Action::Pause,
                2 => Action::Resume,
                _ => Action::Release { member },
            })
        }),
        1 => (0..2 * MEMBERS, 0_u16..6).prop_map(|(member, node)| Happening::Nonsense { member, node }),
    ]
}

fn config(policies: &[u8]) -> Organism {
    let names = ["a", "b", "c", "d"];
    let lines = [
        "on_stall = \"hold\"",
        "on_stall = \"skip\"",
        "on_stall = \"carry\"\ncarry_for = 5\nthen = \"skip\"",
        "on_stall = \"carry\"\ncarry_for = 5\nthen = \"hold\"",
        "on_stall = \"skip\"\nmax_lag = 2\non_gap = \"skip\"",
        "on_stall = \"skip\"\non_mismatch = \"hold\"",
    ];
    let members: Vec<_> = names
        .iter()
        .zip(policies)
        .map(|(name, policy)| (*name, "", lines[usize::from(*policy) % lines.len()]))
        .collect();
    organism(
        "[floor]\nnormal = 3\nhalt_below = 1\n[ticks]\ncheckpoint_every = 7",
        &members,
    )
}

/// The log that these happenings leave.
fn write_log(config: Organism, happenings: &[Happening]) -> Driver {
    let mut it = Driver::new(config, 3);
    let mut ends = [(0_u64, 0_u64); MEMBERS as usize];
    let mut orders = 0;
    for happening in happenings {
        match happening {
            Happening::Tick => drop(it.tick()),
            Happening::Publish {
                member,
                records,
                clocks,
                voters,
                opinion,
            } => {
                let end = &mut ends[usize::from(*member)];
                *end = (end.0 + records, end.1.saturating_add(*clocks));
                let offer = Command::Offer(Offer {
                    node: 0,
                    heads: vec![OfferedHead {
                        member: *member,
                        seq: end.0,
                        head: digest(end.0),
                        closed: Some(end.1),
                    }],
                });
                let hash = offer.hash();
                it.apply(offer);
                let offer = OfferRef {
                    index: it.state.log_index(),
                    hash,
                };
                let opinion = match opinion {
                    0 => Opinion::Mismatch { head: digest(0) },
                    1 => Opinion::Unavailable(Unavailable::Gap { earliest: end.0 }),
                    _ => Opinion::Have,
                };
                for node in (0..3).filter(|node| voters >> node & 1 == 1) {
                    let opinions = vec![(*member, opinion)];
                    it.apply(Command::Vote(Vote {
                        node,
                        offer,
                        opinions,
                        time_ms: 1,
                    }));
                }
            }
            Happening::Order(action) => {
                orders += 1;
                it.apply(Command::Order(Order {
                    sequence: orders,
                    expires_ms: None,
                    action: *action,
                }));
            }
            Happening::Nonsense { member, node } => {
                let offer = OfferRef {
                    index: 1,
                    hash: digest(1),
                };
                let opinions = vec![(*member, Opinion::Have)];
                it.apply(Command::Vote(Vote {
                    node: *node,
                    offer,
                    opinions,
                    time_ms: 0,
                }));
            }
        }
    }
    it
}

fn cuts(state: &mut CommitteeState, log: &[(u64, Command)]) -> Vec<Cut> {
    log.iter()
        .filter_map(|(index, command)| state.apply(*index, command).cut)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cuts_are_a_function_of_the_log(
        policies in proptest::collection::vec(any::<u8>(), MEMBERS as usize),
        happenings in proptest::collection::vec(happening(), 0..120),
        restart in any::<proptest::sample::Index>(),
    ) {
        let it = write_log(config(&policies), &happenings);
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
        policies in proptest::collection::vec(any::<u8>(), MEMBERS as usize),
        happenings in proptest::collection::vec(happening(), 0..160),
    ) {
        let it = write_log(config(&policies), &happenings);
        let mut state = CommitteeState::new(&it.organism, it.state.roster().clone());
        let all = cuts(&mut state, &it.log);
        let mut frontiers = vec![None; MEMBERS as usize];
        for (before, cut) in [None].into_iter().chain(all.iter().map(Some)).zip(&all) {
            prop_assert_eq!(cut.number, before.map_or(0, |cut| cut.number) + 1);
            prop_assert_eq!(cut.previous_watermark, before.and_then(|cut| cut.watermark));
            if cut.checkpoint {
                prop_assert_eq!(cut.watermark, cut.previous_watermark);
            } else {
                prop_assert!(cut.watermark > cut.previous_watermark);
            }
            for (frontier, member) in frontiers.iter_mut().zip(&cut.members) {
                let seq = member.frontier.map(|frontier| frontier.seq);
                prop_assert!(seq >= *frontier);
                *frontier = seq;
                // No cut passes what a member that holds the watermark has closed.
                if matches!(member.status, holobiont_policy::Status::Live | holobiont_policy::Status::Late) && !cut.checkpoint {
                    prop_assert!(member.frontier.unwrap().closed >= cut.watermark);
                }
            }
            let mut statuses = before.map(|cut| cut.members.clone());
            if let Some(statuses) = &mut statuses && !cut.checkpoint {
                for change in &cut.changes {
                    prop_assert_ne!(change.from, change.to);
                    statuses[usize::from(change.member)].status = change.to;
                }
            }
        }
    }
}

#[test]
fn one_roster_of_one_is_what_a_replay_uses() {
    assert_eq!(Roster::replay().majority(), 1);
}
