use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use holobiont_identity::{Organism, ReplayOrder};
use holobiont_policy::{Command, CommitteeState, Ignored, Order, Roster};
use holobiont_programs::Visit;
use holobiont_replay::{
    Commands, LogReader, LogWriter, OutputStart, Program, Replay, ReplayClock, ReplayError,
    Snapshot, Surfaces,
};
use holobiont_surface::{Genesis, SurfaceWriter, WriterOptions};
use serde::Serialize;

use crate::cli::Replay as Args;
use crate::exported::{Exported, is_signed, made};
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::opened::Published;
use crate::print;
use crate::progress::Progress;
use crate::report::{Changes, Pace, Summary};
use crate::text::count;

/// Largest snapshot that is read, in bytes.
const MAX_SNAPSHOT_BYTES: u64 = 1024 * 1024 * 1024;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (organism, source) = files::organism(&args.organism)?;
    let orders = match &args.orders {
        Some(file) => files::orders(file, &organism)?,
        None => Vec::new(),
    };
    let snapshot = args.resume.as_deref().map(read_snapshot).transpose()?;
    let trust = args.trust.load()?;
    let surfaces = args.reading.surfaces(&organism, &args.surfaces, trust)?;
    warn_of_tails(&surfaces);
    let job = Job {
        organism: &organism,
        source: &source,
        surfaces: &surfaces,
        orders,
        cuts: args.cuts.as_deref(),
        snapshot: snapshot.as_ref(),
        snapshot_every: args.snapshot_every.map_or(0, std::num::NonZeroU64::get),
        out: &args.out,
    };
    let done = job.run(&args.organism)?;
    if as_json {
        return print::json("replay", &done);
    }
    print::text(&done.summary.render(args.clock))?;
    print::note(done.pace.render().trim_end());
    print::note(&format!("written to {}", args.out.display()));
    Ok(())
}

/// A replay that is to be done.
pub(super) struct Job<'a> {
    pub(super) organism: &'a Organism,
    /// The config's text, which is kept beside what came of it.
    pub(super) source: &'a str,
    pub(super) surfaces: &'a Surfaces,
    pub(super) orders: Vec<ReplayOrder>,
    pub(super) cuts: Option<&'a Path>,
    pub(super) snapshot: Option<&'a Snapshot>,
    /// 0 for none.
    pub(super) snapshot_every: u64,
    pub(super) out: &'a Path,
}

/// A replay that was done.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) pace: Pace,
}

impl Job<'_> {
    /// Runs it with the program that its config names.
    pub(super) fn run(self, config: &Path) -> Result<Done, Failure> {
        let organism = self.organism;
        holobiont_programs::load(organism, self)
            .map_err(|source| Failure::Program { file: config.to_owned(), source })?
    }

    /// Whether the commands are those of a committee's log.
    fn is_signed(&self) -> Result<bool, Failure> {
        self.cuts.map_or(Ok(false), is_signed)
    }

    fn prepare(&self, published: &Published) -> Result<SurfaceWriter, Failure> {
        if !files::is_free(self.out)? {
            return Err(Failure::Usage {
                what: format!("{} is not empty", self.out.display()),
                help: "name a new folder with --out, or remove this one",
            });
        }
        std::fs::create_dir_all(self.out).map_err(Failure::io(self.out, "creating"))?;
        if self.snapshot_every > 0 {
            let dir = published.snapshots();
            std::fs::create_dir_all(&dir).map_err(Failure::io(&dir, "creating"))?;
        }
        files::replace(&published.organism_file(), self.source.as_bytes())?;
        let genesis = Genesis::new(self.organism.output_surface_id());
        let (dir, options) = (published.surface_dir(), WriterOptions::default());
        let writer = match self.snapshot {
            Some(snapshot) => {
                SurfaceWriter::create_at(&dir, genesis, snapshot.output.start_at(), options)
            }
            None => SurfaceWriter::create(&dir, genesis, options),
        };
        writer.map_err(|error| ReplayError::Output(error).into())
    }

    fn warn_of_order(&self, order: &Order, reason: Ignored, state: &CommitteeState) {
        let why = match reason {
            Ignored::NothingToDo(place) => {
                let member = self.organism.members.get(usize::from(place));
                let now = state.members().get(usize::from(place));
                let name = member.map_or("the member", |member| member.name.as_str());
                format!("{name} is {}", now.map_or("unknown", |now| now.status.name()))
            }
            other => other.to_string(),
        };
        print::note(&format!("warning: order {} had no effect: {why}", order.sequence));
    }

    fn fold<P: Program>(
        &self,
        mut source: impl Source<P>,
        mut replay: Replay<'_, P>,
    ) -> Result<Done, Failure> {
        let published = Published::new(self.out);
        let mut writer = self.prepare(&published)?;
        let mut changes = Changes::new(self.organism);
        let records = self
            .surfaces
            .iter()
            .map(|(_, surface)| surface.next_seq().saturating_sub(surface.earliest()));
        let mut progress = Progress::new(records.fold(0, u64::saturating_add));
        let started = Instant::now();
        let mut log = match self.snapshot {
            // What a committee signed is kept as it is.
            _ if self.is_signed()? => None,
            None => {
                let roster = replay.state().roster();
                let log = LogWriter::create(&published.log(), self.organism, roster);
                Some(log.map_err(ReplayError::from)?)
            }
            Some(_) => None,
        };
        while let Some((index, command)) = source.next(&mut replay)? {
            if let Some(log) = &mut log {
                log.append(index, &command).map_err(ReplayError::from)?;
            }
            let step = replay.step(index, &command, &mut writer)?;
            if let Command::Order(order) = &command {
                for reason in &step.ignored {
                    self.warn_of_order(order, *reason, replay.state());
                }
            }
            let Some(cut) = step.cut else { continue };
            changes.note(&cut);
            progress.advance(step.records);
            if self.snapshot_every > 0 && cut.number % self.snapshot_every == 0 {
                writer.sync().map_err(ReplayError::Output)?;
                let snapshot = replay.snapshot(OutputStart::of(&writer));
                files::replace(&published.snapshot(cut.number), &snapshot.encode())?;
            }
        }
        writer.sync().map_err(ReplayError::Output)?;
        if let Some(log) = log {
            log.finish().map_err(ReplayError::from)?;
        } else if let Some(cuts) = self.cuts {
            // What was published stands on the whole log, whatever part of it was folded here.
            let to = published.log();
            std::fs::copy(cuts, &to).map_err(Failure::io(&to, "copying"))?;
        }
        progress.finish();
        let pace = Pace::of(started.elapsed(), replay.totals().records, self.surfaces);
        let output = (writer.next_seq(), writer.head());
        let from_cut = self.snapshot.map(|snapshot| snapshot.cut);
        let summary = Summary::of(self.organism, self.surfaces, &replay, changes, output, from_cut);
        let mut text = serde_json::to_vec_pretty(&summary).map_err(Failure::unexpected)?;
        text.push(b'\n');
        files::replace(&published.summary(), &text)?;
        Ok(Done { summary, pace })
    }
}

impl Visit for Job<'_> {
    type Output = Result<Done, Failure>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let Some(file) = self.cuts else {
            let commands = ReplayClock::new(self.organism, self.surfaces, self.orders.clone())?;
            let replay = Replay::new(self.organism, Roster::replay(), self.surfaces, program);
            return self.fold(Unsigned(commands), replay);
        };
        if self.is_signed()? {
            if self.snapshot.is_some() {
                return Err(Failure::Usage {
                    what: "a committee's log is replayed from its beginning".to_owned(),
                    help: "leave out --resume",
                });
            }
            let exported = Exported::trusting(file, self.organism)?;
            let roster = exported.machine().roster().clone();
            let replay = Replay::new(self.organism, roster, self.surfaces, program);
            let signed = Signed { exported, take_up: None };
            return self.fold(signed, replay.checking_heads());
        }
        let mut log = LogReader::open(file, self.organism).map_err(ReplayError::from)?;
        let replay = match self.snapshot {
            Some(snapshot) => {
                log.skip_to(snapshot)?;
                Replay::resume(self.organism, self.surfaces, program, snapshot)?
            }
            None => Replay::new(self.organism, log.roster().clone(), self.surfaces, program),
        };
        self.fold(Unsigned(log), replay.checking_heads())
    }
}

/// Where the commands of a replay come from.
trait Source<P: Program> {
    fn next(&mut self, replay: &mut Replay<'_, P>) -> Result<Option<(u64, Command)>, Failure>;
}

/// The replay clock, or the log of cuts that a replay wrote.
struct Unsigned<C>(C);

impl<P: Program, C: Commands> Source<P> for Unsigned<C> {
    fn next(&mut self, replay: &mut Replay<'_, P>) -> Result<Option<(u64, Command)>, Failure> {
        Ok(self.0.next(replay.state())?)
    }
}

/// The signed log of a committee.
struct Signed {
    exported: Exported,
    /// A config that is in force from the next entry on.
    take_up: Option<Arc<Organism>>,
}

impl<P: Program> Source<P> for Signed {
    fn next(&mut self, replay: &mut Replay<'_, P>) -> Result<Option<(u64, Command)>, Failure> {
        loop {
            if let Some(organism) = self.take_up.take() {
                replay.take_up(&organism, made::<P>(&organism)?)?;
            }
            let Some((index, effects)) = self.exported.next()? else { return Ok(None) };
            self.take_up = effects.take_up;
            if let Some(command) = effects.command {
                return Ok(Some((index, command)));
            }
        }
    }
}

pub(super) fn read_snapshot(file: &Path) -> Result<Snapshot, Failure> {
    let bytes = files::read_bytes(file, MAX_SNAPSHOT_BYTES)?;
    Snapshot::decode(&bytes).map_err(|error| Failure::Input {
        file: file.to_owned(),
        place: InputPlace::default(),
        what: error.to_string(),
        help: "name a file that `replay --snapshot-every` wrote, or fetch it again",
    })
}

/// Records after a durable mark may be gone after a crash: no commit stands on them.
pub(super) fn warn_of_tails(surfaces: &Surfaces) {
    for (name, surface) in surfaces.iter() {
        let synced = surface.mark().map_or(0, |mark| mark.seq.saturating_add(1));
        let unsynced = surface.next_seq().saturating_sub(synced.max(surface.earliest()));
        if unsynced > 0 {
            let records = count(unsynced, "record");
            print::note(&format!("warning: {name}: {records} after its durable mark are not used"));
        }
        if let Some(torn) = surface.torn() {
            print::note(&format!(
                "warning: {name}: {} bytes at the end of {} are torn",
                torn.size_bytes,
                torn.file.display()
            ));
        }
    }
}
