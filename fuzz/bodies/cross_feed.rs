//! The program `cross-feed`: whatever members publish, it goes on, and commits what it can read.

mod input;
mod scratch;

use std::path::Path;
use std::sync::LazyLock;

use holobiont_identity::Organism;
use holobiont_policy::Roster;
use holobiont_programs::{CrossFeed, CrossFeedCommit, Visit, describe, load};
use holobiont_replay::{
    Commands, DEFAULT_MEMORY_BUDGET_BYTES, KIND_COMMIT, Output, OutputStart, Program, Published,
    Replay, ReplayClock, ReplayError, Surfaces,
};
use holobiont_surface::{Genesis, Head, NewRecord, Record, SurfaceWriter, WriterOptions};
use input::Input;

const MAX_RECORDS: usize = 80;

static ORGANISM: LazyLock<Organism> = LazyLock::new(|| {
    let source = include_str!("../../crates/programs/tests/vectors/replay.toml");
    Organism::parse(source).expect("the example is sound")
});

/// The first byte chooses: a commit, a snapshot to go on from, or members' records.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => commit(input.rest()),
        1 => {
            let state = input.blob();
            fold(&mut input, Some(state));
        }
        _ => fold(&mut input, None),
    }
}

fn commit(payload: &[u8]) {
    let names: Vec<&str> = ORGANISM.members.iter().map(|it| it.name.as_str()).collect();
    let described = describe(CrossFeed::NAME, CrossFeed::VERSION, payload, &names);
    match CrossFeedCommit::decode(payload) {
        Ok(commit) => {
            assert_eq!(commit.encode(), payload, "one commit, one encoding");
            let known = |member: u16| usize::from(member) < names.len();
            let counts = commit.malformed.iter().chain(&commit.late).map(|it| it.member);
            let mut members = commit.members.iter().map(|line| line.member).chain(counts);
            assert_eq!(described.is_ok(), members.all(known));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && described.is_err());
        }
    }
}

/// Publishes the input's records on the members' surfaces and folds them.
fn fold(input: &mut Input<'_>, state: Option<&[u8]>) {
    let folder = scratch::folder();
    let mut writers: Vec<SurfaceWriter> = ORGANISM
        .members
        .iter()
        .map(|member| {
            let genesis = Genesis::new(member.surface_id());
            let dir = folder.path().join(&member.name);
            let writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default());
            writer.expect("a new surface")
        })
        .collect();
    let mut clock = 1_u64;
    for _ in 0..MAX_RECORDS {
        if input.is_empty() {
            break;
        }
        let shape = input.byte();
        clock = clock.saturating_add(u64::from(shape / 4 % 4));
        let length = usize::from(shape / 16) * 2;
        let record = NewRecord {
            clock,
            closes_clock: true,
            time_ms: 0,
            kind: 1,
            payload: input.take(length),
        };
        let place = usize::from(shape) % writers.len();
        // A second record of a closed clock is refused: the member was quick.
        let appended = writers[place].append(record);
        assert!(appended.err().is_none_or(|error| !error.is_io()));
    }
    for mut writer in writers {
        writer.sync().expect("a sync in a sound folder");
    }
    let folded = load(&ORGANISM, Fold { dir: folder.path(), state });
    folded.expect("the example names a program of this build");
}

/// Replays the surfaces of a folder, from a program's state where one is given.
struct Fold<'a> {
    dir: &'a Path,
    state: Option<&'a [u8]>,
}

impl Visit for Fold<'_> {
    type Output = ();

    fn visit<P: Program>(self, program: P) {
        let surfaces = Surfaces::open(&ORGANISM, self.dir, DEFAULT_MEMORY_BUDGET_BYTES);
        let surfaces = surfaces.expect("the members' surfaces");
        let mut clock = ReplayClock::new(&ORGANISM, &surfaces, vec![]).expect("sound surfaces");
        let mut replay = Replay::new(&ORGANISM, Roster::replay(), &surfaces, program);
        if let Some(state) = self.state {
            let mut snapshot = replay.snapshot(NOWHERE);
            snapshot.program_state = state.to_vec();
            let program = CrossFeed::new(&ORGANISM).expect("the example's program");
            match Replay::resume(&ORGANISM, &surfaces, program, &snapshot) {
                Ok(mut replay) => {
                    assert_eq!(replay.snapshot(NOWHERE).program_state, state);
                    while let Some((index, command)) =
                        clock.next(replay.state()).expect("sound surfaces")
                    {
                        if let Err(error) = replay.step(index, &command, &mut Readable) {
                            return drop(error.to_string());
                        }
                    }
                }
                Err(error) => drop(error.to_string()),
            }
            return;
        }
        while let Some((index, command)) = clock.next(replay.state()).expect("sound surfaces") {
            let step = replay.step(index, &command, &mut Readable);
            step.expect("no member's values end the organism");
        }
        let snapshot = replay.snapshot(NOWHERE);
        let program = CrossFeed::new(&ORGANISM).expect("the example's program");
        let resumed = Replay::resume(&ORGANISM, &surfaces, program, &snapshot);
        let resumed = resumed.expect("its own snapshot");
        assert_eq!(resumed.state_digest(), replay.state_digest());
    }
}

const NOWHERE: OutputStart = OutputStart {
    first_seq: 0,
    chain_before: holobiont_identity::Digest::from_bytes([0; 32]),
    window: Vec::new(),
    next_seq: 0,
    previous_clock: None,
};

/// Reads every record as a reader of the organism's surface would.
struct Readable;

impl Output for Readable {
    fn record(&mut self, _cut: u64, record: NewRecord<'_>) -> Result<(), ReplayError> {
        let mut stored = Vec::new();
        record.encode_into(0, &mut stored).expect("a sound record");
        let record = Record::decode(&stored).expect("a sound record");
        match Published::read(&record).expect("what was just published") {
            Published::Commit(published) => {
                CrossFeedCommit::decode(&published.payload).expect("what was just committed");
                commit(&published.payload);
            }
            _ => assert_ne!(record.kind(), KIND_COMMIT),
        }
        Ok(())
    }

    fn head(&mut self) -> Option<Head> {
        None
    }
}
