//! Rounds of chance: a phase of faults in which nothing may break, then a phase without in which
//! everything must come back.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;

use holobiont_committee_raft::Signing;
use openraft::AsyncRuntime as _;

use crate::byzantine::LIES;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::host::Host;
use crate::net::Weather;
use crate::world::{Plan, World};

/// The longest time that a committee takes to be well again after the faults, in virtual time.
const RECOVERY_MS: u64 = 30_000;
/// So many more cuts are certified then.
const MORE_CUTS: u64 = 3;

/// What a round came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) certified_cuts: usize,
    pub(crate) log_end: u64,
    pub(crate) newest: Option<String>,
    pub(crate) ended_ms: u64,
}

/// Plays one round; a failing one says with what seed it can be played again.
pub(crate) fn play(seed: u64) -> Outcome {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut host = Host::with_seed(seed);
        host.block_on(round(seed))
    }));
    played.unwrap_or_else(|payload| {
        eprintln!(
            "round {seed} has failed; again with:\n  HOLOBIONT_SEED={seed} cargo test -p \
             holobiont-committee-raft --test it rounds -- --nocapture"
        );
        resume_unwind(payload)
    })
}

async fn round(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let plan = plan(seed, &mut dice);
    let faults_count = dice.within(5..=14);
    let foul = dice.chance(500);
    let mut faults = Faults::new(dice.fork());
    let mut world = World::new(plan);
    if foul {
        world.net.weather(Weather::foul());
    }
    world.start_all().await;
    world.run(dice.within(100..=1_200)).await;
    for _ in 0..faults_count {
        faults.next(&mut world).await;
        let until = Host::now_ms() + dice.within(20..=400);
        while Host::now_ms() < until {
            world.run(15).await;
            faults.tend(&mut world).await;
            check(&world, &faults);
        }
    }
    faults.cease(&mut world).await;
    recover(&mut world, &mut faults).await;
    check(&world, &faults);
    let verdict = world.settle().await;
    if let Err(why) = verdict {
        fail(&world, &faults, &why);
    }
    let watched = world.watched();
    let newest = watched.invariants.acknowledged.newest().map(|newest| format!("{newest:?}"));
    Outcome {
        certified_cuts: watched.invariants.acknowledged.count(),
        log_end: watched.invariants.logs_agree.end(),
        newest,
        ended_ms: Host::now_ms(),
    }
}

fn plan(seed: u64, dice: &mut Dice) -> Plan {
    let nodes = if dice.chance(300) { 5 } else { 3 };
    let snapshots = dice.chance(600);
    Plan {
        members: 3 + dice.below(2),
        snapshot_every_cuts: if snapshots { dice.within(4..=20) } else { u64::MAX },
        keep_entries: if snapshots { dice.within(30..=90) } else { u64::MAX },
        liar: dice.chance(250).then(|| (dice.below(nodes), *dice.pick(&LIES))),
        ..Plan::new(seed, nodes)
    }
}

/// Waits until every node is well and the committee has gone on.
async fn recover(world: &mut World, faults: &mut Faults) {
    let newest = |world: &World| {
        let cuts = world.boots().map(|(_, boot)| boot.node.status());
        cuts.map(|status| status.cut.max(status.certified_cut)).max().unwrap_or(0)
    };
    let until_ms = Host::now_ms() + RECOVERY_MS;
    let mut goal = newest(world) + MORE_CUTS;
    loop {
        // A node that was down may bring more than those that ran.
        let done = is_well(world, goal);
        if done || Host::now_ms() > until_ms || world.watched().broken.is_some() {
            if !done {
                check(world, faults);
                fail(
                    world,
                    faults,
                    &format!(
                        "not all are well, with cut {goal} certified, after {RECOVERY_MS} ms without a fault"
                    ),
                );
            }
            return;
        }
        world.run(50).await;
        faults.tend(world).await;
        goal = goal.max(world.watched().invariants.acknowledged.newest().map_or(0, |it| it.cut));
    }
}

fn is_well(world: &World, goal: u64) -> bool {
    (0..world.plan.nodes).all(|number| {
        let Some(boot) = world.places[number].boots.last() else { return false };
        let status = boot.node.status();
        status.signing == Signing::Signs
            && status.folded_cut >= goal
            && status.certified_cut >= goal
    })
}

fn check(world: &World, faults: &Faults) {
    let broken = world.watched().broken.clone();
    if let Some(why) = broken {
        fail(world, faults, &why);
    }
}

#[expect(clippy::panic, reason = "the round has failed")]
fn fail(world: &World, faults: &Faults, why: &str) -> ! {
    let boots: Vec<String> = world
        .boots()
        .map(|(_, boot)| {
            let status = boot.node.status();
            format!(
                "{}: {:?} term {} leader {:?} log {:?} committed {} applied {} folded {} cut {} \
                 folded cut {} certified {} {:?} keys {:?} needs {:?} failed {:?} runs {}",
                boot.name,
                status.role,
                status.term,
                status.leader.map(|id| id.to_string()[..6].to_owned()),
                status.last_log,
                status.committed,
                status.applied,
                status.folded,
                status.cut,
                status.folded_cut,
                status.certified_cut,
                status.signing,
                status.active_keys,
                status.needs,
                status.failed,
                boot.computer.runs(),
            )
        })
        .collect();
    panic!("{why}\n\n{:?}\n\n{}\n\n{}", world.plan, faults.told.join("\n"), boots.join("\n"));
}

/// How many rounds an ordinary run of the tests plays; `HOLOBIONT_ROUNDS` says another number.
const ROUNDS: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "which rounds a person wants to see")]
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

#[test]
fn rounds_of_chance_keep_what_must_hold_and_come_back() {
    if let Some(seed) = number("HOLOBIONT_SEED") {
        println!("{:#?}", play(seed));
        return;
    }
    let rounds = number("HOLOBIONT_ROUNDS").unwrap_or(ROUNDS);
    let next = AtomicU64::new(1);
    let turns = || -> usize {
        let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
        seeds.take_while(|seed| *seed <= rounds).map(|seed| play(seed).certified_cuts).sum()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let cuts: usize = std::thread::scope(|scope| {
        let players: Vec<_> = (0..processors).map(|_| scope.spawn(turns)).collect();
        let played = players.into_iter().map(ScopedJoinHandle::join);
        played.map(|cuts| cuts.unwrap_or_else(|panic| -> usize { resume_unwind(panic) })).sum()
    });
    println!("{rounds} rounds, {cuts} cuts certified");
    // A run in which nothing happens would hold everything.
    assert!(cuts as u64 > 8 * rounds, "{cuts} cuts in {rounds} rounds are too few");
}

#[test]
fn one_seed_is_one_run() {
    for seed in [7, 8] {
        assert_eq!(play(seed), play(seed));
    }
}
