//! What nodes hand each other and auditors: published records, snapshots, logs of cuts.

mod input;
mod scratch;

use std::fs;
use std::path::Path;

use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Command, CommitteeState, Roster};
use holobiont_replay::{
    Citation, Commands, Commits, DEFAULT_MEMORY_BUDGET_BYTES, Event, KIND_COMMIT, KIND_STATUS,
    LogReader, LogWriter, NoOutput, OutputStart, Program, ProgramError, Published, Replay,
    ReplayClock, Snapshot, Surfaces,
};
use holobiont_surface::{
    Genesis, NewRecord, Record, RecordHeader, StartAt, SurfaceWriter, WriterOptions,
};
use input::Input;
use tempfile::TempDir;

const MAX_ENTRIES: usize = 200;
const RECORDS: u64 = 12;

const ORGANISM: &str = r#"
version = 1
name = "fuzzed"

[program]
name = "counter"
version = 1

[ticks]
checkpoint_every = 5

[policy]
max_advance = 40
late_after = 1
stall_after = 2
recover_after = 1
join_within = 2
on_stall = "skip"
on_gap = "skip"

[[member]]
name = "east"
stable_id = "fuzzed.east"
surface = "s"

[[member]]
name = "west"
stable_id = "fuzzed.west"
surface = "s"
start = 3
"#;

/// The first byte chooses what the rest is read as, or what it changes.
pub(crate) fn run(data: &[u8]) {
    thread_local!(static WORLD: World = World::new());
    let mut input = Input::new(data);
    match input.byte() % 6 {
        0 => published(&mut input),
        1 => WORLD.with(|world| {
            let mut bytes = world.snapshot.encode();
            input.edit(&mut bytes);
            snapshot(&bytes, world);
        }),
        2 => WORLD.with(|world| {
            let mut bytes = world.snapshot.encode();
            bytes.truncate(bytes.len().saturating_sub(32));
            input.edit(&mut bytes);
            bytes.extend(*Digest::of(&bytes).as_bytes());
            snapshot(&bytes, world);
        }),
        3 => WORLD.with(|world| {
            let mut bytes = world.log.clone();
            input.edit(&mut bytes);
            log(&bytes, world);
        }),
        4 => WORLD.with(|world| log(&world.framed_log(&mut input), world)),
        _ => WORLD.with(|world| world.resume(&changed(&world.snapshot, &mut input))),
    }
}

fn published(input: &mut Input<'_>) {
    let kind = u16::from(input.byte()) % 4;
    let version = [[1].as_slice(), &[]][usize::from(input.byte() % 2)];
    let payload = [version, input.rest()].concat();
    let new = NewRecord { clock: 1, closes_clock: true, time_ms: 0, kind, payload: &payload };
    let read = |new: NewRecord<'_>| {
        let mut stored = Vec::new();
        let header: Result<RecordHeader, _> = new.encode_into(7, &mut stored);
        header.expect("a sound record");
        Published::read(&Record::decode(&stored).expect("a sound record"))
    };
    let (kind, payload) = match read(new) {
        Ok(Published::Commit(commit)) => (KIND_COMMIT, commit.encode()),
        Ok(Published::Status(status)) => (KIND_STATUS, status.encode()),
        Ok(_) => return assert!(payload.is_empty()),
        Err(error) => return drop(error.to_string()),
    };
    let again = read(NewRecord { kind, payload: &payload, ..new });
    assert_eq!(again.ok(), read(new).ok());
}

/// A snapshot as a peer sends it: decoded, started from, and gone on from as if it were ours.
fn snapshot(bytes: &[u8], world: &World) {
    let mut snapshot = match Snapshot::decode(bytes) {
        Ok(snapshot) => snapshot,
        Err(error) => return drop(error.to_string()),
    };
    let again = Snapshot::decode(&snapshot.encode()).expect("what was encoded");
    assert_eq!(again, snapshot);
    snapshot.content_hash = world.organism.content_hash();
    snapshot.program = (Counter::NAME.to_owned(), Counter::VERSION);
    world.resume(&snapshot);
}

/// A sound snapshot with parts of it changed.
fn changed(sound: &Snapshot, input: &mut Input<'_>) -> Snapshot {
    let mut snapshot = sound.clone();
    while !input.is_empty() {
        let (what, at) = (input.byte(), usize::from(input.u16()));
        let part = match what % 8 {
            0 => &mut snapshot.policy_state,
            1 => &mut snapshot.program_state,
            2 => &mut snapshot.output.window,
            3 => {
                let place = at % snapshot.positions.len();
                snapshot.positions[place].next_seq = input.number();
                continue;
            }
            4 => {
                snapshot.log_index = input.number();
                continue;
            }
            5 => {
                snapshot.output.first_seq = input.number();
                continue;
            }
            6 => {
                let closed = at & 1 > 0;
                snapshot.output.previous_clock = Some((input.number(), closed));
                continue;
            }
            _ => {
                snapshot.output.next_seq = input.number();
                continue;
            }
        };
        let at = at % part.len().max(1);
        if what & 8 > 0 {
            part.truncate(at);
        }
        let change = input.take(usize::from(what >> 4));
        part.iter_mut().skip(at).zip(change).for_each(|(byte, change)| *byte ^= change);
    }
    snapshot
}

fn log(bytes: &[u8], world: &World) {
    let folder = scratch::folder();
    let file = folder.path().join("cuts.log");
    fs::write(&file, bytes).expect("a file in the folder");
    let mut reader = match LogReader::open(&file, &world.organism) {
        Ok(reader) => reader,
        Err(error) => return drop(error.to_string()),
    };
    let roster = reader.roster().clone();
    let replay = Replay::new(&world.organism, roster, &world.surfaces, Counter::default());
    let mut replay = replay.checking_heads();
    let output = folder.path().join("output");
    let mut output = world.writer(&output, None).expect("a new surface");
    let mut entries = Vec::new();
    loop {
        let step = match reader.next(replay.state()) {
            Ok(Some((index, command))) => {
                entries.push((index, command));
                let (index, command) = &entries[entries.len() - 1];
                replay.step(*index, command, &mut output)
            }
            Ok(None) => break,
            Err(error) => return drop(error.to_string()),
        };
        if let Err(error) = step {
            return drop(error.to_string());
        }
    }
    // The whole log is sound: a writer writes the same, and the snapshot at its end belongs to it.
    let same = folder.path().join("same.log");
    let roster = replay.state().roster();
    assert_eq!(written_log(&same, &world.organism, roster, &entries), bytes);
    let snapshot = replay.snapshot(OutputStart::of(&output));
    let mut again = LogReader::open(&file, &world.organism).expect("what was just read");
    again.skip_to(&snapshot).expect("the log that it was made from");
    let resumed = Replay::resume(&world.organism, &world.surfaces, Counter::default(), &snapshot);
    let resumed = resumed.expect("its own snapshot");
    assert_eq!(resumed.state_digest(), replay.state_digest());
}

/// The log that a writer writes of these entries.
fn written_log(
    file: &Path,
    organism: &Organism,
    roster: &Roster,
    entries: &[(u64, Command)],
) -> Vec<u8> {
    let mut writer = LogWriter::create(file, organism, roster).expect("a new log");
    for (index, command) in entries {
        writer.append(*index, command).expect("a new log");
    }
    writer.finish().expect("a new log");
    fs::read(file).expect("a new log")
}

/// Two members' surfaces, their replay's commands and log, and a snapshot in the middle of it.
struct World {
    organism: Organism,
    folder: TempDir,
    surfaces: Surfaces,
    commands: Vec<(u64, Command)>,
    log: Vec<u8>,
    snapshot: Snapshot,
}

impl World {
    fn new() -> Self {
        let organism = Organism::parse(ORGANISM).expect("a sound config");
        let folder = scratch::folder();
        for member in &organism.members {
            let genesis = Genesis { window_records: 4, ..Genesis::new(member.surface_id()) };
            let dir = folder.path().join(&member.name);
            let writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default());
            let mut writer = writer.expect("a new surface");
            for clock in 0..RECORDS {
                let record = NewRecord {
                    clock,
                    closes_clock: clock % 3 > 0,
                    time_ms: clock,
                    kind: 1,
                    payload: b"payload",
                };
                writer.append(record).expect("a sound record");
            }
            writer.sync().expect("a sync in a sound folder");
        }
        let surfaces = Surfaces::open(&organism, folder.path(), DEFAULT_MEMORY_BUDGET_BYTES);
        let surfaces = surfaces.expect("the members' surfaces");
        let mut clock = ReplayClock::new(&organism, &surfaces, vec![]).expect("sound surfaces");
        let mut replay = Replay::new(&organism, Roster::replay(), &surfaces, Counter::default());
        let mut commands = Vec::new();
        while let Some((index, command)) = clock.next(replay.state()).expect("sound surfaces") {
            replay.step(index, &command, &mut NoOutput).expect("a sound replay");
            commands.push((index, command));
        }
        let snapshot = Self::middle(&organism, &surfaces, &commands, &folder);
        let log = written_log(&folder.path().join("log"), &organism, &Roster::replay(), &commands);
        Self { organism, folder, surfaces, commands, log, snapshot }
    }

    fn middle(
        organism: &Organism,
        surfaces: &Surfaces,
        commands: &[(u64, Command)],
        folder: &TempDir,
    ) -> Snapshot {
        let mut replay = Replay::new(organism, Roster::replay(), surfaces, Counter::default());
        let dir = folder.path().join("output");
        let genesis = Genesis::new(organism.output_surface_id());
        let writer = SurfaceWriter::create(&dir, genesis, WriterOptions::default());
        let mut writer = writer.expect("a new surface");
        for (index, command) in &commands[..commands.len() / 2] {
            let step = replay.step(*index, command, &mut writer);
            step.expect("a sound replay");
        }
        let start = OutputStart::of(&writer);
        drop(writer);
        fs::remove_dir_all(dir).expect("the folder just made");
        replay.snapshot(start)
    }

    fn writer(&self, dir: &Path, start: Option<StartAt<'_>>) -> Option<SurfaceWriter> {
        let genesis = Genesis::new(self.organism.output_surface_id());
        let options = WriterOptions::default();
        match start {
            Some(start) => SurfaceWriter::create_at(dir, genesis, start, options),
            None => SurfaceWriter::create(dir, genesis, options),
        }
        .ok()
    }

    /// Goes on from a snapshot with the rest of the replay's commands.
    fn resume(&self, snapshot: &Snapshot) {
        let dir = tempfile::tempdir_in(self.folder.path()).expect("a folder in the folder");
        let Some(mut writer) = self.writer(dir.path(), Some(snapshot.output.start_at())) else {
            return;
        };
        assert_eq!(writer.open_window(), snapshot.output.start_at());
        let roster = snapshot.roster.clone();
        let state = CommitteeState::restore(&self.organism, roster, &snapshot.policy_state);
        let program = Counter::default();
        let resumed = Replay::resume(&self.organism, &self.surfaces, program, snapshot);
        let Ok(mut replay) = resumed else {
            return;
        };
        assert!(state.is_ok(), "resumed from a policy state that is none");
        for (index, command) in &self.commands {
            let before = replay.state().watermark();
            let step = replay.step(*index, command, &mut writer);
            assert!(replay.state().watermark() >= before);
            if let Err(error) = step {
                return drop(error.to_string());
            }
        }
    }

    /// A log whose entries are the input's, or those of the replay, and whose sums are right.
    fn framed_log(&self, input: &mut Input<'_>) -> Vec<u8> {
        let folder = scratch::folder();
        let file = folder.path().join("empty.log");
        let mut log = written_log(&file, &self.organism, &Roster::replay(), &[]);
        let end: [u8; 32] = *log.last_chunk().expect("a log ends with its digest");
        log.truncate(log.len().saturating_sub(44));
        let mut digest = Digest::from_bytes(end);
        let (mut index, mut entries) = (0_u64, 0_u64);
        while !input.is_empty() && entries < u64::try_from(MAX_ENTRIES).unwrap_or_default() {
            let how = input.byte();
            index = index.saturating_add(if how & 1 > 0 { input.number() } else { 1 });
            let place = match how & 2 > 0 {
                true => usize::from(how / 8),
                false => usize::try_from(entries).unwrap_or_default(),
            };
            let mut command = self.commands[place % self.commands.len()].1.encode();
            if how & 4 > 0 {
                input.edit(&mut command);
            }
            let length = u32::try_from(command.len()).unwrap_or(u32::MAX).to_le_bytes();
            let crc = crc32c::crc32c_append(crc32c::crc32c(&index.to_le_bytes()), &command);
            log.extend([length, crc.to_le_bytes()].concat());
            log.extend([index.to_le_bytes().as_slice(), &command].concat());
            let index = index.to_le_bytes();
            digest = Digest::of([digest.as_bytes(), index.as_slice(), &length, &command].concat());
            entries += 1;
        }
        log.extend([[0; 4].as_slice(), &entries.to_le_bytes(), digest.as_bytes()].concat());
        log
    }
}

/// Counts what it is told, and commits the count with the newest record of every member.
#[derive(Debug, Default)]
struct Counter {
    events: u64,
    newest: Vec<Citation>,
}

impl Program for Counter {
    const NAME: &'static str = "counter";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError> {
        self.events = self.events.saturating_add(1);
        match event {
            Event::Record(it) => {
                let (member, clock, seq) = (it.member, it.record.clock(), it.record.seq());
                self.newest.retain(|citation| citation.member != member);
                self.newest.push(Citation { member, clock, seq });
                Ok(())
            }
            Event::ClockClosed { .. } => {
                commits.commit(self.events.to_le_bytes().to_vec(), self.newest.clone())
            }
            Event::Status(_) => Ok(()),
        }
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend(self.events.to_le_bytes());
        for citation in &self.newest {
            let Citation { member, clock, seq } = citation;
            out.extend(member.to_le_bytes());
            out.extend([clock.to_le_bytes(), seq.to_le_bytes()].concat());
        }
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError> {
        let mut input = Input::new(bytes);
        self.events = u64::from_le_bytes(input.fixed());
        while !input.is_empty() {
            let member = input.u16();
            let [clock, seq] = [input.fixed(), input.fixed()].map(u64::from_le_bytes);
            self.newest.push(Citation { member, clock, seq });
        }
        Ok(())
    }
}
