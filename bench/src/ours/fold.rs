use std::path::Path;

use holobiont_identity::Organism;
use holobiont_programs::Visit;
use holobiont_replay::{
    Commands as _, LogReader, NoOutput, Output, Program, Replay, ReplayError, Surfaces,
};
use holobiont_surface::{Genesis, Head, SurfaceWriter, WriterOptions};

use super::empty::Empty;
use crate::{BenchError, Sum};

/// Replays a log of cuts over members' surfaces with the program that does nothing.
pub(crate) fn empty(
    organism: &Organism,
    surfaces: &Surfaces,
    cuts: &Path,
    checks_heads: bool,
) -> Result<Sum, BenchError> {
    let fold = Fold { organism, surfaces, cuts, checks_heads };
    let replay = fold.run(Empty::default(), &mut NoOutput)?;
    Ok(replay.program().sum)
}

/// Replays a log of cuts with the organism's own program, heads checked, and publishes what it
/// commits to a surface in `out`; gives that surface's head.
pub(crate) fn cross_feed(
    organism: &Organism,
    surfaces: &Surfaces,
    cuts: &Path,
    out: &Path,
) -> Result<Option<Head>, BenchError> {
    let genesis = Genesis::new(organism.output_surface_id());
    let output = SurfaceWriter::create(out, genesis, WriterOptions::default())?;
    let fold = Fold { organism, surfaces, cuts, checks_heads: true };
    Ok(holobiont_programs::load(organism, Published { fold, output })??)
}

/// A recorded log, and what it is replayed over.
struct Fold<'a> {
    organism: &'a Organism,
    surfaces: &'a Surfaces,
    cuts: &'a Path,
    checks_heads: bool,
}

impl<'a> Fold<'a> {
    fn run<P: Program>(
        &self,
        program: P,
        output: &mut impl Output,
    ) -> Result<Replay<'a, P>, ReplayError> {
        let mut log = LogReader::open(self.cuts, self.organism)?;
        let roster = log.roster().clone();
        let mut replay = Replay::new(self.organism, roster, self.surfaces, program);
        if self.checks_heads {
            replay = replay.checking_heads();
        }
        while let Some((index, command)) = log.next(replay.state())? {
            replay.step(index, &command, output)?;
        }
        Ok(replay)
    }
}

struct Published<'a> {
    fold: Fold<'a>,
    output: SurfaceWriter,
}

impl Visit for Published<'_> {
    type Output = Result<Option<Head>, ReplayError>;

    fn visit<P: Program>(mut self, program: P) -> Self::Output {
        self.fold.run(program, &mut self.output)?;
        Ok(Output::head(&mut self.output))
    }
}
