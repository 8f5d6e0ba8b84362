//! A small world: an organism, its members' surfaces in a temporary folder, and a program that
//! remembers what it was told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use holobiont_identity::ReplayOrder;
use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Command, CommitteeState, Roster, Status};
use holobiont_replay::{
    Audit, Citation, Commands, Commits, DEFAULT_MEMORY_BUDGET_BYTES, Event, LogReader, LogWriter,
    OutputStart, Program, ProgramError, Published, Replay, ReplayClock, ReplayError, Snapshot,
    Surfaces, audit,
};
use holobiont_surface::{Genesis, Head, NewRecord, Surface, SurfaceWriter, WriterOptions};
use tempfile::TempDir;

/// Remembers every event as a line, and commits a running digest at every closed clock.
pub(crate) struct Ledger {
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
    digest: [u8; 32],
    newest: Vec<Citation>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { lines: Arc::default(), digest: [0; 32], newest: Vec::new() }
    }
}

impl Program for Ledger {
    const NAME: &'static str = "ledger";
    const VERSION: u32 = 1;

    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError> {
        let line = match event {
            Event::Record(it) => {
                self.newest.retain(|citation| citation.member != it.member);
                self.newest.push(Citation {
                    member: it.member,
                    clock: it.record.clock(),
                    seq: it.record.seq(),
                });
                let late = if it.late { " late" } else { "" };
                let payload = String::from_utf8_lossy(it.record.payload());
                format!("{}#{}@{} {payload}{late}", it.member, it.record.seq(), it.clock)
            }
            Event::ClockClosed { clock } => format!("closed {clock}"),
            Event::Status(change) => format!("{} {}", change.member, change.to.name()),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.digest).update(line.as_bytes());
        self.digest = *hasher.finalize().as_bytes();
        self.lines.lock().unwrap().push(line);
        if let Event::ClockClosed { .. } = event {
            commits.commit(self.digest.to_vec(), self.newest.clone())?;
        }
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend(postcard::to_stdvec(&(self.digest, &self.newest)).unwrap());
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError> {
        (self.digest, self.newest) = postcard::from_bytes(bytes)
            .map_err(|_| ProgramError::Snapshot { why: "not a ledger's" })?;
        Ok(())
    }
}

/// A record to be: clock event, whether it closes it, payload.
pub(crate) type Entry = (u64, bool, String);

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) organism: Organism,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) head: Option<Head>,
    pub(crate) state: Digest,
    pub(crate) log: Digest,
    pub(crate) lines: Vec<String>,
    pub(crate) positions: Vec<holobiont_replay::Position>,
    pub(crate) watermark: Option<u64>,
    pub(crate) statuses: Vec<Status>,
}

pub(crate) fn organism(head: &str, members: &[(&str, &str)]) -> Organism {
    let mut text = format!(
        "version = 1\nname = \"test\"\n{head}\n[program]\nname = \"ledger\"\nversion = 1\n\
         [policy]\nmax_advance = 1000\nlate_after = 1\nstall_after = 2\nrecover_after = 1\n\
         join_within = 2\non_stall = \"skip\"\n"
    );
    for (name, keys) in members {
        text.push_str(&format!(
            "[[member]]\nname = \"{name}\"\nstable_id = \"test.{name}\"\nsurface = \"s\"\n{keys}\n"
        ));
    }
    Organism::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Every record closes its clock and is named after it.
pub(crate) fn days(clocks: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    clocks.into_iter().map(|clock| (clock, true, format!("d{clock}"))).collect()
}

/// Commands that were written beforehand.
struct Written(std::iter::Zip<std::ops::RangeFrom<u64>, std::vec::IntoIter<Command>>);

impl Commands for Written {
    fn next(&mut self, _state: &CommitteeState) -> Result<Option<(u64, Command)>, ReplayError> {
        Ok(self.0.next())
    }
}

impl World {
    pub(crate) fn new(organism: Organism, surfaces: &[Vec<Entry>]) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap(), organism };
        for (place, entries) in surfaces.iter().enumerate() {
            world.write_surface("surfaces", place, entries, 1 << 20);
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write_surface(
        &self,
        folder: &str,
        place: usize,
        entries: &[Entry],
        segment_bytes: u64,
    ) {
        let member = &self.organism.members[place];
        let genesis = Genesis {
            window_records: 4,
            max_window_bytes: 4096,
            ..Genesis::new(member.surface_id())
        };
        let dir = self.path(folder).join(&member.name);
        let options = WriterOptions { segment_bytes };
        let mut writer = SurfaceWriter::create(&dir, genesis, options).unwrap();
        for (clock, closes_clock, payload) in entries {
            let record = NewRecord {
                clock: *clock,
                closes_clock: *closes_clock,
                time_ms: clock.saturating_mul(1000) & 0xffff_ffff,
                kind: 1,
                payload: payload.as_bytes(),
            };
            writer.append(record).unwrap();
        }
        writer.sync().unwrap();
    }

    pub(crate) fn surfaces(&self, folder: &str) -> Result<Surfaces, ReplayError> {
        Surfaces::open(&self.organism, &self.path(folder), DEFAULT_MEMORY_BUDGET_BYTES)
    }

    /// Replays `surfaces` by the replay clock into `out`, and keeps snapshots of some cuts.
    pub(crate) fn replay(
        &self,
        folder: &str,
        out: &str,
        orders: &[ReplayOrder],
        snapshot_at: &[u64],
    ) -> (Outcome, Vec<Snapshot>) {
        let surfaces = self.surfaces(folder).unwrap();
        let commands = ReplayClock::new(&self.organism, &surfaces, orders.to_vec()).unwrap();
        let replay = Replay::new(&self.organism, Roster::replay(), &surfaces, Ledger::new());
        self.finish(commands, replay, self.writer(out, None), out, snapshot_at).unwrap()
    }

    /// The commands that the replay clock finds in `surfaces`.
    pub(crate) fn commands(&self, orders: &[ReplayOrder]) -> Vec<Command> {
        let surfaces = self.surfaces("surfaces").unwrap();
        let mut clock = ReplayClock::new(&self.organism, &surfaces, orders.to_vec()).unwrap();
        let mut state = CommitteeState::new(&self.organism, Roster::replay());
        let mut commands = Vec::new();
        while let Some((index, command)) = clock.next(&state).unwrap() {
            state.apply(index, &command);
            commands.push(command);
        }
        commands
    }

    /// Replays commands that were written beforehand, as a committee would that believes them.
    pub(crate) fn replay_commands(
        &self,
        commands: Vec<Command>,
        roster: Roster,
        out: &str,
    ) -> Result<Outcome, ReplayError> {
        let surfaces = self.surfaces("surfaces")?;
        let replay = Replay::new(&self.organism, roster, &surfaces, Ledger::new());
        let commands = Written((1..).zip(commands));
        self.finish(commands, replay, self.writer(out, None), out, &[]).map(|(outcome, _)| outcome)
    }

    /// Replays the cuts that an earlier run recorded.
    pub(crate) fn replay_cuts(
        &self,
        log: &str,
        out: &str,
        snapshot: Option<&Snapshot>,
    ) -> Result<Outcome, ReplayError> {
        let surfaces = self.surfaces("surfaces")?;
        let mut commands = LogReader::open(&self.path(log).join("cuts.log"), &self.organism)?;
        let roster = commands.roster().clone();
        let replay = match snapshot {
            Some(snapshot) => {
                commands.skip_to(snapshot)?;
                Replay::resume(&self.organism, &surfaces, Ledger::new(), snapshot)?
            }
            None => Replay::new(&self.organism, roster, &surfaces, Ledger::new()),
        };
        let writer = self.writer(out, snapshot.map(|snapshot| &snapshot.output));
        let replay = replay.checking_heads();
        self.finish(commands, replay, writer, out, &[]).map(|(outcome, _)| outcome)
    }

    fn writer(&self, out: &str, start: Option<&OutputStart>) -> SurfaceWriter {
        let genesis = Genesis::new(self.organism.output_surface_id());
        let dir = self.path(out).join("surface");
        let options = WriterOptions::default();
        match start {
            Some(start) => {
                SurfaceWriter::create_at(&dir, genesis, start.start_at(), options).unwrap()
            }
            None => SurfaceWriter::create(&dir, genesis, options).unwrap(),
        }
    }

    fn finish(
        &self,
        mut commands: impl Commands,
        mut replay: Replay<'_, Ledger>,
        mut writer: SurfaceWriter,
        out: &str,
        snapshot_at: &[u64],
    ) -> Result<(Outcome, Vec<Snapshot>), ReplayError> {
        let lines = Arc::clone(&replay.program().lines);
        let mut snapshots = Vec::new();
        let file = self.path(out).join("cuts.log");
        let mut log = LogWriter::create(&file, &self.organism, replay.state().roster())?;
        while let Some((index, command)) = commands.next(replay.state())? {
            log.append(index, &command)?;
            let step = replay.step(index, &command, &mut writer)?;
            if step.cut.is_some_and(|cut| snapshot_at.contains(&cut.number)) {
                let snapshot = replay.snapshot(OutputStart::of(&writer));
                snapshots.push(Snapshot::decode(&snapshot.encode())?);
            }
        }
        log.finish()?;
        writer.sync().unwrap();
        let outcome = Outcome {
            head: writer.head(),
            state: replay.state_digest(),
            log: replay.log_digest(),
            lines: lines.lock().unwrap().clone(),
            positions: replay.positions(),
            watermark: replay.state().watermark(),
            statuses: replay.state().members().iter().map(|member| member.status).collect(),
        };
        Ok((outcome, snapshots))
    }

    pub(crate) fn audit(
        &self,
        out: &str,
        snapshot: Option<&Snapshot>,
    ) -> Result<Audit, ReplayError> {
        let surfaces = self.surfaces("surfaces")?;
        let log = LogReader::open(&self.path(out).join("cuts.log"), &self.organism)?;
        let published =
            Surface::open(&self.path(out).join("surface")).map_err(ReplayError::Output)?;
        let (audit, _) =
            audit(&self.organism, &surfaces, Ledger::new(), snapshot, log, &published, |_| {})?;
        Ok(audit)
    }

    /// Every record that an organism published, read back.
    pub(crate) fn published(&self, out: &str) -> Vec<(u64, bool, Published)> {
        let surface = Surface::open(&self.path(out).join("surface")).unwrap();
        let mut cursor = surface.cursor(surface.earliest()).unwrap();
        let mut all = Vec::new();
        while cursor.peek().unwrap().is_some() {
            let record = cursor.current().unwrap();
            all.push((record.clock(), record.closes_clock(), Published::read(&record).unwrap()));
            cursor.advance();
        }
        all
    }
}
