use std::fs::File;
use std::path::Path;
use std::time::Instant;

use holobiont_identity::Organism;
use holobiont_policy::{Command, Roster};
use holobiont_programs::Visit;
use holobiont_replay::{DEFAULT_MEMORY_BUDGET_BYTES, Program, Replay, ReplayError, Surfaces};
use holobiont_surface::{Genesis, Head, SurfaceWriter, WriterOptions};
use rustix::fs::{Advice, fadvise};

use super::report::{Alone, float};
use crate::exported::Exported;
use crate::failure::Failure;

/// A replay by this process alone: the same records, cuts and program, heads checked, and the output
/// written. The committee's commands are read, and their signatures checked, before time counts.
pub(super) struct Job<'a> {
    pub(super) organism: &'a Organism,
    pub(super) surfaces: &'a Path,
    pub(super) export: &'a Path,
    /// Time counts after this entry of the log.
    pub(super) after: u64,
}

/// One of them.
struct Once {
    records: u64,
    seconds: f64,
    head: Option<Head>,
}

impl Job<'_> {
    /// The median of some repetitions, and once out of cold files. What is not as certified is wrong.
    pub(super) fn measure(
        &self,
        out: &Path,
        repeat: usize,
        certified: Option<Head>,
        wrong: &mut Vec<String>,
    ) -> Result<Alone, Failure> {
        let (commands, roster) = self.commands()?;
        let mut all = Vec::new();
        for number in 0..repeat {
            all.push(self.once(&out.join(number.to_string()), &commands, &roster)?);
        }
        let cold = drop_pages(self.surfaces)?
            .then(|| self.once(&out.join("cold"), &commands, &roster))
            .transpose()?;
        if all.iter().chain(&cold).any(|once| once.head != certified) {
            let what = "a replay of the committee's log ends with another head than was certified";
            wrong.push(what.to_owned());
        }
        all.sort_unstable_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let middle = all
            .get(all.len() / 2)
            .ok_or_else(|| Failure::Unexpected("a replay is repeated at least once".into()))?;
        Ok(Alone {
            records: middle.records,
            seconds: middle.seconds,
            records_per_s: float(middle.records) / middle.seconds,
            cold_seconds: cold.map(|cold| cold.seconds),
        })
    }

    /// What the committee's log did, in its order.
    fn commands(&self) -> Result<(Vec<(u64, Command)>, Roster), Failure> {
        let mut exported = Exported::trusting(self.export, self.organism)?;
        let roster = exported.machine().roster().clone();
        let mut commands = Vec::new();
        while let Some((index, effects)) = exported.next()? {
            commands.extend(effects.command.map(|command| (index, command)));
        }
        Ok((commands, roster))
    }

    fn once(
        &self,
        out: &Path,
        commands: &[(u64, Command)],
        roster: &Roster,
    ) -> Result<Once, Failure> {
        let budget_bytes = DEFAULT_MEMORY_BUDGET_BYTES;
        let surfaces = Surfaces::open(self.organism, self.surfaces, budget_bytes)?;
        let genesis = Genesis::new(self.organism.output_surface_id());
        let output = SurfaceWriter::create(out, genesis, WriterOptions::default())?;
        let fold = Fold { job: self, surfaces: &surfaces, commands, roster, output };
        let folded = holobiont_programs::load(self.organism, fold).map_err(Failure::unexpected)?;
        Ok(folded?)
    }
}

struct Fold<'a> {
    job: &'a Job<'a>,
    surfaces: &'a Surfaces,
    commands: &'a [(u64, Command)],
    roster: &'a Roster,
    output: SurfaceWriter,
}

impl Visit for Fold<'_> {
    type Output = Result<Once, ReplayError>;

    fn visit<P: Program>(mut self, program: P) -> Self::Output {
        let replay = Replay::new(self.job.organism, self.roster.clone(), self.surfaces, program);
        let mut replay = replay.checking_heads();
        let (mut began, mut before) = (Instant::now(), 0);
        for (index, command) in self.commands {
            replay.step(*index, command, &mut self.output)?;
            if *index <= self.job.after {
                (began, before) = (Instant::now(), replay.totals().records);
            }
        }
        self.output.sync().map_err(ReplayError::Output)?;
        Ok(Once {
            records: replay.totals().records.saturating_sub(before),
            seconds: began.elapsed().as_secs_f64(),
            head: self.output.head(),
        })
    }
}

/// Has the page cache forget every file under this folder; false where the kernel does not.
fn drop_pages(dir: &Path) -> Result<bool, Failure> {
    for entry in std::fs::read_dir(dir).map_err(Failure::io(dir, "listing"))? {
        let path = entry.map_err(Failure::io(dir, "listing"))?.path();
        if path.is_dir() {
            if !drop_pages(&path)? {
                return Ok(false);
            }
            continue;
        }
        let file = File::open(&path).map_err(Failure::io(&path, "opening"))?;
        file.sync_all().map_err(Failure::io(&path, "syncing"))?;
        if fadvise(&file, 0, None, Advice::DontNeed).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}
