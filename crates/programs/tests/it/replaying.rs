//! The program on members' real surfaces, under the replay clock.

use holobiont_identity::Organism;
use holobiont_policy::Roster;
use holobiont_programs::{CrossFeedCommit, Standing, Visit, load};
use holobiont_replay::{
    Commands, Commit, DEFAULT_MEMORY_BUDGET_BYTES, Program, Published, Replay, ReplayClock,
    Surfaces,
};
use holobiont_surface::{Genesis, NewRecord, Surface, SurfaceWriter, WriterOptions};

const ORGANISM: &str = include_str!("../vectors/replay.toml");

/// What each member publishes, by day from 1; nothing where there is `None`.
const RATES: [[Option<&str>; 3]; 9] = [
    [Some("1"), Some("2"), None],
    [Some("1.1"), Some("2.2"), None],
    [Some("1.1"), None, Some("30")],
    [Some("1.1"), None, Some("33")],
    [Some("1.1"), None, Some("n/a")],
    [Some("1.1"), None, None],
    [Some("1.1"), Some("9"), None],
    [Some("2.2"), Some("9"), None],
    [Some("2.2"), Some("18"), None],
];

struct Run<'a> {
    organism: &'a Organism,
    surfaces: &'a Surfaces,
    output: &'a mut SurfaceWriter,
}

impl Visit for Run<'_> {
    type Output = ();

    fn visit<P: Program>(self, program: P) {
        let Self { organism, surfaces, output } = self;
        let mut replay = Replay::new(organism, Roster::replay(), surfaces, program);
        let mut clock = ReplayClock::new(organism, surfaces, vec![]).unwrap();
        while let Some((index, command)) = clock.next(replay.state()).unwrap() {
            replay.step(index, &command, output).unwrap();
        }
    }
}

/// Replays [`RATES`], and gives every commit with the program's own part of it.
fn replay() -> (Surfaces, Vec<(Commit, CrossFeedCommit)>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let organism = Organism::parse(ORGANISM).unwrap();
    let create = |name: &str, id| {
        let path = dir.path().join(name);
        SurfaceWriter::create(&path, Genesis::new(id), WriterOptions::default()).unwrap()
    };
    for (place, member) in organism.members.iter().enumerate() {
        let mut writer = create(&member.name, member.surface_id());
        for (clock, rates) in (1..).zip(RATES) {
            let Some(rate) = rates[place] else { continue };
            let payload = rate.as_bytes();
            let record = NewRecord { clock, closes_clock: true, time_ms: 0, kind: 1, payload };
            writer.append(record).unwrap();
        }
        writer.sync().unwrap();
    }
    let surfaces = Surfaces::open(&organism, dir.path(), DEFAULT_MEMORY_BUDGET_BYTES).unwrap();
    let mut output = create("commits", organism.output_surface_id());
    load(&organism, Run { organism: &organism, surfaces: &surfaces, output: &mut output }).unwrap();
    output.sync().unwrap();
    drop(output);
    let mut cursor = Surface::open(&dir.path().join("commits")).unwrap().cursor(0).unwrap();
    let mut commits = Vec::new();
    while cursor.peek().unwrap().is_some() {
        if let Published::Commit(commit) = Published::read(&cursor.current().unwrap()).unwrap() {
            let payload = CrossFeedCommit::decode(&commit.payload).unwrap();
            commits.push((commit, payload));
        }
        cursor.advance();
    }
    (surfaces, commits, dir)
}

#[test]
fn members_stall_are_carried_return_and_never_make_the_index_jump() {
    let (_, commits, _dir) = replay();
    let summary: Vec<(u64, i64, Vec<u16>)> = commits
        .iter()
        .map(|(_, commit)| {
            let members = commit.members.iter().map(|line| line.member).collect();
            (commit.clock, commit.index, members)
        })
        .collect();
    assert_eq!(
        summary,
        [
            (1, 10_000_000_000, vec![0, 1]),
            (2, 11_000_000_000, vec![0, 1]),
            // The second stalls at the fourth day's tick: both held days close without it.
            (3, 11_000_000_000, vec![0, 2]),
            (4, 11_550_000_000, vec![0, 2]),
            (5, 11_550_000_000, vec![0, 2]),
            // The third stalls at the seventh day's tick. The second is back by then, but has a
            // value only from that day on.
            (6, 11_550_000_000, vec![0, 2]),
            (7, 11_550_000_000, vec![0, 1, 2]),
            // The carry is over, and the second has something to be compared with.
            (8, 17_325_000_000, vec![0, 1]),
            (9, 25_987_500_000, vec![0, 1]),
        ]
    );
}

#[test]
fn a_carried_value_is_called_so_and_bad_records_are_counted() {
    let (_, commits, _dir) = replay();
    let third = |clock: usize| commits[clock - 1].1.members.last().unwrap().standing;
    assert_eq!(
        [third(4), third(5), third(6)],
        [Standing::Fresh, Standing::Kept, Standing::Carried]
    );
    let malformed: Vec<usize> = commits.iter().map(|(_, commit)| commit.malformed.len()).collect();
    assert_eq!(malformed, [0, 0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn every_line_is_the_payload_of_the_record_that_it_cites() {
    let (surfaces, commits, _dir) = replay();
    for (commit, payload) in &commits {
        assert_eq!(commit.citations.len(), payload.members.len());
        for (citation, line) in commit.citations.iter().zip(&payload.members) {
            assert_eq!(citation.member, line.member);
            let (_, surface) = surfaces.get(usize::from(citation.member)).unwrap();
            let mut cursor = surface.cursor(citation.seq).unwrap();
            cursor.peek().unwrap();
            let record = cursor.current().unwrap();
            assert_eq!(record.clock(), citation.clock);
            let text = std::str::from_utf8(record.payload()).unwrap();
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            assert_eq!(format!("{whole}{fraction:0<8}").parse(), Ok(line.value));
        }
    }
}
