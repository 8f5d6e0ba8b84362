//! Logs that claim what the surfaces do not say, published surfaces with another past, and members
//! that lie or lose their records.

use holobiont_identity::{Digest, OrderAction, ReplayOrder, UniqueId};
use holobiont_policy::{Command, MAX_TIME_MS, OfferRef, OfferedHead, Roster, Status, Vote};
use holobiont_replay::{
    Citation, Commits, Event, NoOutput, OutputStart, Program, ProgramError, Replay, ReplayError,
    Snapshot,
};
use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};

use crate::audits::republish_as;
use crate::script::Script;
use crate::world::{Entry, Ledger, World, days, organism};

fn pair(a: &str, b: &str, surfaces: &[Vec<Entry>]) -> World {
    World::new(organism("", &[("a", a), ("b", b)]), surfaces)
}

/// The commands with their heads changed, voted for all the same.
fn forged(mut commands: Vec<Command>, change: impl Fn(&mut OfferedHead)) -> Vec<Command> {
    let mut hash = Digest::from_bytes([0; 32]);
    for command in &mut commands {
        match command {
            Command::Offer(offer) => {
                offer.heads.iter_mut().for_each(&change);
                hash = command.hash();
            }
            Command::Vote(vote) => vote.offer.hash = hash,
            _ => {}
        }
    }
    commands
}

/// What an audit says of a committee that believed these heads: the record and what differs.
fn audit_of_forged(world: &World, change: impl Fn(&mut OfferedHead)) -> (u64, &'static str) {
    let commands = forged(world.commands(&[]), change);
    world.replay_commands(commands, Roster::replay(), "out").unwrap();
    match world.audit("out", None).unwrap_err() {
        ReplayError::HeadDiffers { seq, what, .. } => (seq, what),
        other => panic!("{other}"),
    }
}

/// A member's surface whose records have these clocks and times; none of it synced after the first
/// `synced`.
fn write_times(world: &World, place: usize, records: &[(u64, u64)], synced: usize) {
    let member = &world.organism.members[place];
    let dir = world.path("surfaces").join(&member.name);
    let genesis = Genesis::new(member.surface_id());
    let mut writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default()).unwrap();
    for (nth, (clock, time_ms)) in (1..).zip(records) {
        let (clock, time_ms) = (*clock, *time_ms);
        let record = NewRecord { clock, closes_clock: true, time_ms, kind: 1, payload: b"x" };
        writer.append(record).unwrap();
        if nth == synced {
            writer.sync().unwrap();
        }
    }
}

/// Drops what a member's surface holds before `seq`; whole segments of one window go.
fn retain_from(world: &World, place: usize, seq: u64) -> u64 {
    let dir = world.path("surfaces").join(&world.organism.members[place].name);
    let (mut writer, _) = SurfaceWriter::open(&dir, WriterOptions::default()).unwrap();
    writer.retain_from(seq).unwrap().earliest
}

/// The time of the last record that was published.
fn last_time_ms(world: &World, out: &str) -> u64 {
    let surface = Surface::open(&world.path(out).join("surface")).unwrap();
    let mut cursor = surface.cursor(surface.next_seq() - 1).unwrap();
    cursor.peek().unwrap().unwrap().time_ms
}

#[test]
fn an_audit_refuses_a_log_that_closes_a_clock_too_early() {
    let drop = "[member.policy]\non_late_data = \"drop\"";
    let world = pair(drop, "", &[days(1..=30), days(1..=30)]);
    let found = audit_of_forged(&world, |head| {
        if head.seq == 0 {
            head.closed = Some(25);
        }
    });
    assert_eq!(found, (0, "closed clock"), "records 1 to 24 would have been dropped as late");
}

#[test]
fn an_audit_refuses_a_false_head_even_where_no_cut_came_to_stand_on_it() {
    let hold = "[member.policy]\non_stall = \"hold\"";
    let world = pair("", hold, &[days(1..=30), days(1..=10)]);
    let found = audit_of_forged(&world, |head| {
        if head.seq >= 12 {
            head.head = Digest::from_bytes([7; 32]);
        }
    });
    assert_eq!(found, (12, "head"));
}

#[test]
fn an_audit_refuses_a_log_that_hides_a_jump() {
    let world = pair("", "", &[days(1..=30), days((1..=5).chain([5_000]))]);
    let found = audit_of_forged(&world, |head| head.advance = 1);
    assert_eq!(found, (5, "largest step of its clock"));
}

#[test]
fn an_audit_from_a_snapshot_refuses_a_surface_with_another_past() {
    let world = pair("", "", &[days(1..=30), days(1..=30)]);
    let (_, snapshots) = world.replay("surfaces", "out", &[], &[20]);
    let genesis = Genesis::new(world.organism.output_surface_id());
    let change = |seq, payload: &mut Vec<u8>| {
        if seq == 5 {
            *payload.last_mut().unwrap() ^= 1;
        }
        true
    };
    republish_as(&world, genesis, change, false);
    let error = world.audit("out", Some(&snapshots[0])).unwrap_err();
    assert!(matches!(error, ReplayError::Snapshot { .. }), "{error}");
}

#[test]
fn an_audit_refuses_a_surface_made_under_another_genesis() {
    for (window_records, signing_key) in [(3, None), (256, Some([1; 32]))] {
        let world = pair("", "", &[days(1..=5), days(1..=5)]);
        world.replay("surfaces", "out", &[], &[]);
        let standard = Genesis::new(world.organism.output_surface_id());
        let genesis = Genesis { window_records, signing_key, ..standard };
        republish_as(&world, genesis, |_, _| true, false);
        let error = world.audit("out", None).unwrap_err();
        assert!(matches!(error, ReplayError::OtherOutput { .. }), "{error}");
    }
}

#[test]
fn a_replay_that_failed_goes_no_further() {
    let world = pair("", "", &[days(1..=10), days(1..=10)]);
    let commands = world.commands(&[]);
    std::fs::remove_dir_all(world.path("surfaces").join("b")).unwrap();
    world.write_surface("surfaces", 1, &days(1..=5), 1 << 20);
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut replay = Replay::new(&world.organism, Roster::replay(), &surfaces, Ledger::new());
    let mut log = (1..).zip(&commands);
    let failed = log.find(|(index, command)| replay.step(*index, command, &mut NoOutput).is_err());
    let (index, command) = failed.unwrap();
    for index in [index, index + 1] {
        let error = replay.step(index, command, &mut NoOutput).unwrap_err();
        assert!(matches!(error, ReplayError::Poisoned), "{error}");
    }
}

#[test]
fn a_replay_goes_on_from_a_snapshot_though_earlier_records_are_no_longer_retained() {
    let world = pair("", "", &[days(1..=30)]);
    world.write_surface("surfaces", 1, &days(1..=12), 1);
    let (first, snapshots) = world.replay("surfaces", "out", &[], &[20]);
    assert!(retain_from(&world, 1, 12) > 0);
    let resumed = world.replay_cuts("out", "resumed", Some(&snapshots[0])).unwrap();
    assert_eq!((resumed.head, resumed.state), (first.head, first.state));
}

#[test]
fn what_a_majority_agreed_on_before_a_gap_is_still_taken() {
    for on_gap in ["hold", "skip"] {
        let keys = format!("[member.policy]\non_gap = \"{on_gap}\"");
        let world = pair("start = 1", &keys, &[days(1..=20), days(1..=20)]);
        let surfaces = world.surfaces("surfaces").unwrap();
        let mut script = Script::new(&world.organism, &surfaces);
        script.agree(&[(0, 4), (1, 9)]).gap(1, 19, 15).agree(&[(0, 9)]);
        let (_, positions) = script.run(&world, &surfaces);
        assert_eq!(positions[1].folded, 10);
    }
}

#[test]
fn records_lost_before_a_members_start_are_nothing_lost() {
    let world = pair("start = 1", "start = 15", &[days(1..=30)]);
    world.write_surface("surfaces", 1, &days(1..=30), 1);
    assert_eq!(retain_from(&world, 1, 8), 8);
    let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
    assert_eq!(outcome.watermark, Some(30));
    assert_eq!(outcome.positions[1].folded, 16);
    assert_eq!(outcome.statuses, [Status::Live; 2]);
}

#[test]
fn history_before_the_start_changes_nothing() {
    let keys = "start = 10\n[member.policy]\nrecover_after = 5";
    let lines = [1, 10].map(|first| {
        let world = pair(keys, keys, &[days(first..=30), days(first..=30)]);
        let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
        assert_eq!(world.published("out")[0].0, 10, "the first cut is that of the start");
        let lines = outcome.lines.into_iter();
        lines.map(|line| line.split_once('@').map_or(line.clone(), |(_, rest)| rest.to_owned()))
    });
    let [long, short] = lines;
    assert!(long.eq(short));
}

#[test]
fn by_arrival_records_come_by_member_then_sequence() {
    let organism = organism("align = \"arrival\"", &[("a", ""), ("b", "")]);
    let world = World::new(organism, &[days([1, 5]), days([2, 3])]);
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut script = Script::new(&world.organism, &surfaces);
    script.agree(&[(0, 1), (1, 1)]);
    let (lines, _) = script.run(&world, &surfaces);
    let records: Vec<_> = lines.iter().filter(|line| line.contains('#')).collect();
    assert_eq!(records, ["0#0@1 d1", "0#1@5 d5", "1#0@2 d2", "1#1@3 d3"]);
}

#[test]
fn nothing_of_a_member_is_folded_once_its_first_clock_is_not_believed() {
    let jump = [(u64::MAX, true, "end".to_owned())];
    let b: Vec<Entry> = days(1..=9).into_iter().chain(jump).collect();
    let world = World::new(
        organism("", &[("a", ""), ("b", ""), ("c", "")]),
        &[days(1..=10), b, days(1..=10)],
    );
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut script = Script::new(&world.organism, &surfaces);
    script.agree(&[(1, 9)]).agree(&[(0, 3), (2, 3)]).agree(&[(0, 5), (2, 5)]);
    let (lines, positions) = script.run(&world, &surfaces);
    assert!(lines.contains(&"1 quarantined".to_owned()));
    assert_eq!([positions[0].folded, positions[1].folded], [6, 0]);
}

#[test]
fn the_replay_clock_tells_the_truth_of_a_member_whose_first_clock_was_not_believed() {
    let a = days([1, 900, 1_800, 2_700, 2_750, 2_800, 2_850]);
    let b = days([2_000, 2_010, 2_800, 2_850]);
    let members = [("a", ""), ("b", ""), ("c", "[member.policy]\njoin_within = 5")];
    let world = World::new(organism("", &members), &[a, b, days([])]);
    let retire = OrderAction::Retire { member: 2, last_clock: 0 };
    let release = OrderAction::Release { member: 1, up_to: 2_800 };
    let orders = [(2_700, retire), (2_750, release)];
    let orders = orders.map(|(clock, action)| ReplayOrder { clock, action });
    let (outcome, _) = world.replay("surfaces", "out", &orders, &[]);
    assert!(outcome.lines.contains(&"1 quarantined".to_owned()));
    assert_eq!(outcome.positions[1].folded, 4);
    world.audit("out", None).unwrap();
}

#[test]
fn only_what_is_synced_is_offered() {
    let world = World::new(organism("", &[("a", "")]), &[]);
    write_times(&world, 0, &[(1, 0), (2, 0), (3, 0)], 2);
    let (outcome, _) = world.replay("surfaces", "out", &[], &[]);
    assert_eq!(outcome.watermark, Some(2));
}

#[test]
fn one_node_with_an_impossible_clock_stops_nothing() {
    for false_time_ms in [MAX_TIME_MS, MAX_TIME_MS + 1, u64::MAX] {
        let world = World::new(organism("", &[("a", "")]), &[days(1..=3)]);
        let nodes = ["one", "two", "three"].map(UniqueId::from_name).to_vec();
        let mut commands = world.commands(&[]);
        let mut votes = Vec::new();
        for command in commands.drain(..) {
            let Command::Vote(vote) = command else {
                votes.push(command);
                continue;
            };
            let Vote { opinions, offer: OfferRef { hash, .. }, .. } = vote;
            let offer = OfferRef { index: votes.len() as u64, hash };
            for (node, time_ms) in [(2, false_time_ms), (0, 100), (1, 120)] {
                let opinions = opinions.clone();
                votes.push(Command::Vote(Vote { node, offer, opinions, time_ms }));
            }
        }
        world.replay_commands(votes, Roster::new(nodes).unwrap(), "out").unwrap();
        assert!((100..=120).contains(&last_time_ms(&world, "out")));
    }
}

#[test]
fn one_members_false_time_does_not_become_the_organisms() {
    for poisoned in [2, 7] {
        let world = World::new(
            organism("", &[("a", ""), ("b", ""), ("c", "")]),
            &[days([1, 2, 3, 4, 5, 6, 8]), vec![], days([1, 2, 3, 4, 5, 6, 8])],
        );
        std::fs::remove_dir_all(world.path("surfaces").join("b")).unwrap();
        let time_ms = |clock| if clock == poisoned { MAX_TIME_MS } else { 1_000 * clock };
        let records: Vec<_> = (1..=8).map(|clock| (clock, time_ms(clock))).collect();
        write_times(&world, 1, &records, 8);
        world.replay("surfaces", "out", &[], &[]);
        assert_eq!(last_time_ms(&world, "out"), 8_000, "false at clock {poisoned}");
    }
}

/// Cites the record that its settings name, at every clock from 6 on.
struct Citer(Ledger);

impl Program for Citer {
    const NAME: &'static str = Ledger::NAME;
    const VERSION: u32 = Ledger::VERSION;

    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError> {
        match event {
            Event::ClockClosed { clock: 6.. } => {
                commits.commit(vec![], vec![Citation { member: 1, clock: 3, seq: 2 }])
            }
            _ => Ok(()),
        }
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.0.snapshot(out);
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError> {
        self.0.restore(bytes)
    }
}

#[test]
fn a_citation_of_a_dropped_record_is_judged_alike_live_and_from_a_snapshot() {
    let drop = "[member.policy]\non_late_data = \"drop\"";
    let world = pair("start = 1", drop, &[days(1..=6), days(1..=3)]);
    let surfaces = world.surfaces("surfaces").unwrap();
    let mut script = Script::new(&world.organism, &surfaces);
    script.agree(&[(0, 2)]).tick().tick().agree(&[(1, 2)]).agree(&[(0, 4)]).agree(&[(0, 5)]);
    let citer = || Citer(Ledger::new());
    let genesis = Genesis::new(world.organism.output_surface_id());
    let output = world.path("output");
    let mut output = SurfaceWriter::create(&output, genesis, WriterOptions::default()).unwrap();
    let mut live = Replay::new(&world.organism, Roster::replay(), &surfaces, citer());
    let mut resumed: Option<Replay<'_, Citer>> = None;
    for (index, command) in (1..).zip(&script.commands) {
        let is_right = live.step(index, command, &mut output).is_ok();
        if let Some(resumed) = &mut resumed {
            assert_eq!(resumed.step(index, command, &mut NoOutput).is_ok(), is_right);
        } else if live.state().watermark() == Some(5) {
            let snapshot: Snapshot = live.snapshot(OutputStart::of(&output));
            assert_eq!(snapshot.positions[1].dropped_late, 3);
            resumed = Some(Replay::resume(&world.organism, &surfaces, citer(), &snapshot).unwrap());
        }
    }
    assert_eq!(resumed.unwrap().state().watermark(), Some(6));
}
