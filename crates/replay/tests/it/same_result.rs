//! However an organism is replayed, the same comes out.

use holobiont_identity::{OrderAction, ReplayOrder};
use holobiont_policy::Roster;
use holobiont_replay::{
    Commands, Commits, Event, NoOutput, Program, ProgramError, Published, Replay, ReplayClock,
    ReplayError, Surfaces,
};
use holobiont_surface::{Genesis, ReadOptions, SurfaceWriter};

use crate::world::{Ledger, World, days, organism};

fn world() -> (World, Vec<ReplayOrder>) {
    let members = [
        ("a", ""),
        ("b", "[member.policy]\non_stall = \"carry\"\ncarry_for = 4\nthen = \"skip\""),
        ("c", "start = 9"),
        ("d", ""),
    ];
    let gone = (1..=8).chain(20..=40);
    let surfaces = [days(1..=40), days(gone), days(9..=40), days(1..=30)];
    let action = OrderAction::Retire { member: 3, last_clock: 30 };
    (World::new(organism("", &members), &surfaces), vec![ReplayOrder { clock: 30, action }])
}

#[test]
fn twice_from_cuts_from_snapshots_and_from_other_segments() {
    let (world, orders) = world();
    let (first, snapshots) = world.replay("surfaces", "first", &orders, &[1, 10, 17, 30]);
    let (second, _) = world.replay("surfaces", "second", &orders, &[]);
    assert_eq!(first, second);
    assert_eq!(world.replay_cuts("first", "cuts", None).unwrap(), first);

    assert_eq!(snapshots.len(), 4);
    for (nth, snapshot) in snapshots.iter().enumerate() {
        let resumed =
            world.replay_cuts("first", &format!("resumed {nth}"), Some(snapshot)).unwrap();
        assert_eq!((resumed.head, resumed.state), (first.head, first.state));
        assert!(resumed.lines.len() < first.lines.len(), "only what came after");
        assert_eq!(first.lines[first.lines.len() - resumed.lines.len()..], resumed.lines);
        assert_eq!(world.audit("first", Some(snapshot)).unwrap().state_digest, first.state);
    }

    for segment_bytes in [1, 300, 700] {
        let folder = format!("segments of {segment_bytes}");
        let gone: Vec<u64> = (1..=8).chain(20..=40).collect();
        for (place, entries) in
            [days(1..=40), days(gone), days(9..=40), days(1..=30)].iter().enumerate()
        {
            world.write_surface(&folder, place, entries, segment_bytes);
        }
        let (other, _) = world.replay(&folder, &format!("out {segment_bytes}"), &orders, &[]);
        assert_eq!(other, first);
    }
}

#[test]
fn with_threads_that_read_ahead() {
    let (world, orders) = world();
    let (first, _) = world.replay("surfaces", "first", &orders, &[]);
    let options = ReadOptions { threads: 3, budget_bytes: 1 << 20, ..ReadOptions::default() };
    let opened = Surfaces::open_with(&world.organism, &world.path("surfaces"), options).unwrap();
    let mut clock = ReplayClock::new(&world.organism, &opened, orders).unwrap();
    let mut replay = Replay::new(&world.organism, Roster::replay(), &opened, Ledger::new());
    while let Some((index, command)) = clock.next(replay.state()).unwrap() {
        replay.step(index, &command, &mut NoOutput).unwrap();
    }
    assert_eq!((replay.state_digest(), replay.log_digest()), (first.state, first.log));
    assert!(opened.pool().peak_bytes() <= 1 << 20);
}

#[test]
fn a_snapshot_is_refused_by_another_log_config_or_damage() {
    let (world, orders) = world();
    let (_, snapshots) = world.replay("surfaces", "first", &orders, &[10]);
    world.replay("surfaces", "without orders", &[], &[]);
    // Up to cut 10 both logs are the same; after the order they are not.
    assert!(world.replay_cuts("without orders", "x", Some(&snapshots[0])).is_ok());
    let (_, late) = world.replay("surfaces", "again", &orders, &[31]);
    let error = world.replay_cuts("without orders", "y", Some(&late[0])).unwrap_err();
    assert!(matches!(error, ReplayError::Snapshot { .. }), "{error}");

    let bytes = snapshots[0].encode();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(holobiont_replay::Snapshot::decode(&damaged).is_err(), "byte {at}");
    }
}

/// Commits at every change of status what it has seen of the other member.
struct StatusCommits;

impl Program for StatusCommits {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError> {
        match event {
            Event::Status(_) => commits.commit(b"status".to_vec(), Vec::new()),
            _ => Ok(()),
        }
    }

    fn snapshot(&self, _out: &mut Vec<u8>) {}

    fn restore(&mut self, _bytes: &[u8]) -> Result<(), ProgramError> {
        Ok(())
    }
}

#[test]
fn a_commit_at_a_change_of_status_stands_on_nothing_of_the_cut_before() {
    let (world, orders) = world();
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut clock = ReplayClock::new(&world.organism, &surfaces, orders).unwrap();
    let mut replay = Replay::new(&world.organism, Roster::replay(), &surfaces, StatusCommits);
    let genesis = Genesis::new(world.organism.output_surface_id());
    let dir = world.path("status commits").join("surface");
    let mut writer = SurfaceWriter::create(&dir, genesis, Default::default()).unwrap();
    while let Some((index, command)) = clock.next(replay.state()).unwrap() {
        replay.step(index, &command, &mut writer).unwrap();
    }
    writer.sync().unwrap();
    let mut commits = 0;
    for (_, _, published) in world.published("status commits") {
        if let Published::Commit(commit) = published {
            commits += 1;
            assert_eq!(commit.evidence, [], "cut {}", commit.cut);
        }
    }
    assert!(commits > 4);
}
