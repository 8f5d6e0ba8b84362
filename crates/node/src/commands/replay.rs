use std::path::Path;
use std::time::{Duration, Instant};

use holobiont_identity::{OrderAction, Organism};
use holobiont_policy::{Action, Roster};
use holobiont_programs::Visit;
use holobiont_replay::{
    Commands, DEFAULT_MEMORY_BUDGET_BYTES, LogReader, LogWriter, OutputStart, Program, Replay,
    ReplayClock, ReplayError, ScheduledOrder, Snapshot, Surfaces,
};
use holobiont_surface::{Genesis, SurfaceWriter, WriterOptions};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::Replay as Args;
use crate::failure::Failure;
use crate::files;
use crate::opened::Published;
use crate::print;
use crate::report::{Changes, Pace, Summary, surface_bytes};

/// Largest snapshot that is read, in bytes.
const MAX_SNAPSHOT_BYTES: u64 = 1024 * 1024 * 1024;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (organism, source) = files::organism(&args.organism)?;
    let orders = match &args.orders {
        Some(file) => scheduled(file, &organism)?,
        None => Vec::new(),
    };
    let snapshot = args.resume.as_deref().map(read_snapshot).transpose()?;
    let surfaces = Surfaces::open(&organism, &args.surfaces, DEFAULT_MEMORY_BUDGET_BYTES)?;
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
    pub(super) orders: Vec<ScheduledOrder>,
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
        holobiont_programs::load(organism, self).map_err(|source| Failure::Program {
            file: config.to_owned(),
            source,
        })?
    }

    fn prepare(&self, published: &Published) -> Result<SurfaceWriter, Failure> {
        let is_free = match std::fs::read_dir(self.out) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(Failure::io(self.out, "listing")(error)),
        };
        if !is_free {
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

    fn fold<P: Program>(
        &self,
        mut commands: impl Commands,
        mut replay: Replay<'_, P>,
    ) -> Result<Done, Failure> {
        let published = Published::new(self.out);
        let mut writer = self.prepare(&published)?;
        let mut changes = Changes::new(self.organism);
        let progress = progress(self.surfaces);
        let started = Instant::now();
        // A log that was resumed in the middle is no whole log, and is not passed off as one.
        let mut log = match self.snapshot {
            None => {
                let roster = replay.state().roster();
                Some(
                    LogWriter::create(&published.log(), self.organism, roster)
                        .map_err(ReplayError::from)?,
                )
            }
            Some(_) => None,
        };
        while let Some((index, command)) = commands.next()? {
            if let Some(log) = &mut log {
                log.append(index, &command).map_err(ReplayError::from)?;
            }
            let step = replay.step(index, &command, &mut writer)?;
            let Some(cut) = step.cut else { continue };
            changes.note(&cut);
            progress.inc(step.records);
            if self.snapshot_every > 0 && cut.number % self.snapshot_every == 0 {
                writer.sync().map_err(ReplayError::Output)?;
                let snapshot = replay.snapshot(OutputStart::of(&writer));
                files::replace(&published.snapshot(cut.number), &snapshot.encode())?;
            }
        }
        writer.sync().map_err(ReplayError::Output)?;
        if let Some(log) = log {
            log.finish().map_err(ReplayError::from)?;
        }
        progress.finish_and_clear();
        let pace = Pace::of(
            started.elapsed(),
            replay.totals().records,
            surface_bytes(self.surfaces),
        );
        let output = (writer.next_seq(), writer.head());
        let summary = Summary::of(self.organism, self.surfaces, &replay, changes, output);
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
            return self.fold(commands, replay);
        };
        let mut log = LogReader::open(file, self.organism).map_err(ReplayError::from)?;
        let replay = match self.snapshot {
            Some(snapshot) => {
                log.skip_to(snapshot)?;
                Replay::resume(self.organism, self.surfaces, program, snapshot)?
            }
            None => Replay::new(self.organism, log.roster().clone(), self.surfaces, program),
        };
        self.fold(log, replay.checking_heads())
    }
}

/// The orders of a file, as the replay clock takes them.
pub(super) fn scheduled(file: &Path, organism: &Organism) -> Result<Vec<ScheduledOrder>, Failure> {
    let orders = files::orders(file, organism)?;
    Ok(orders
        .into_iter()
        .map(|order| schedule(order.clock, order.action))
        .collect())
}

pub(super) const fn schedule(clock: u64, action: OrderAction) -> ScheduledOrder {
    let action = match action {
        OrderAction::Release { member } => Action::Release { member },
        OrderAction::Retire { member, last_clock } => Action::Retire { member, last_clock },
        OrderAction::Pause => Action::Pause,
        OrderAction::Resume => Action::Resume,
    };
    ScheduledOrder { clock, action }
}

pub(super) fn read_snapshot(file: &Path) -> Result<Snapshot, Failure> {
    Ok(Snapshot::decode(&files::read_bytes(
        file,
        MAX_SNAPSHOT_BYTES,
    )?)?)
}

/// A bar on a terminal; elsewhere a line every ten seconds.
fn progress(surfaces: &Surfaces) -> ProgressBar {
    let records = surfaces
        .iter()
        .map(|(_, surface)| surface.next_seq().saturating_sub(surface.earliest()))
        .fold(0, u64::saturating_add);
    let bar = ProgressBar::new(records);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} records, {per_sec}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
