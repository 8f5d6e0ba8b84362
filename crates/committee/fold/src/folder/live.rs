use std::any::Any;

use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Agreed, Command, CommitteeState, Roster};
use holobiont_programs::{Visit, load};
use holobiont_replay::{
    OutputStart, Program, Replay, ReplayError, ResumedOutput, Snapshot, Step, Surfaces,
};
use holobiont_surface::Surface;

use crate::FoldError;

/// A replay over growing surfaces, whichever program it runs.
pub(super) trait Live: Send {
    fn step(
        &mut self,
        index: u64,
        command: &Command,
        output: &mut ResumedOutput,
    ) -> Result<Step, ReplayError>;
    fn check(&mut self, agreed: &Agreed, log_index: u64) -> Result<(), ReplayError>;
    fn renew(&mut self, place: usize, views: Vec<Surface>) -> Result<(), ReplayError>;
    fn next_seq(&self, place: usize) -> Option<u64>;
    fn state(&self) -> &CommitteeState;
    fn state_digest(&self) -> Digest;
    fn log_digest(&self) -> Digest;
    fn snapshot(&self, output: OutputStart) -> Snapshot;
    fn may_take_up(&self, organism: &Organism) -> Result<(), FoldError>;
    fn take_up(&mut self, organism: &Organism) -> Result<(), FoldError>;
}

impl<P: Program> Live for Replay<'static, P> {
    fn step(
        &mut self,
        index: u64,
        command: &Command,
        output: &mut ResumedOutput,
    ) -> Result<Step, ReplayError> {
        Self::step(self, index, command, output)
    }

    fn check(&mut self, agreed: &Agreed, log_index: u64) -> Result<(), ReplayError> {
        Self::check(self, agreed, log_index)
    }

    fn renew(&mut self, place: usize, views: Vec<Surface>) -> Result<(), ReplayError> {
        Self::renew(self, place, views)
    }

    fn next_seq(&self, place: usize) -> Option<u64> {
        Self::next_seq(self, place)
    }

    fn state(&self) -> &CommitteeState {
        Self::state(self)
    }

    fn state_digest(&self) -> Digest {
        Self::state_digest(self)
    }

    fn log_digest(&self) -> Digest {
        Self::log_digest(self)
    }

    fn snapshot(&self, output: OutputStart) -> Snapshot {
        Self::snapshot(self, output)
    }

    fn may_take_up(&self, organism: &Organism) -> Result<(), FoldError> {
        Ok(self.try_take_up(organism, made::<P>(organism)?).map(drop)?)
    }

    fn take_up(&mut self, organism: &Organism) -> Result<(), FoldError> {
        Ok(Self::take_up(self, organism, made::<P>(organism)?)?)
    }
}

/// The replay of the program that the organism names.
pub(super) fn open(
    organism: &Organism,
    roster: &Roster,
    surfaces: &Surfaces,
    snapshot: Option<&Snapshot>,
) -> Result<Box<dyn Live>, FoldError> {
    load(organism, Open { organism, roster, surfaces, snapshot })?
}

struct Open<'a> {
    organism: &'a Organism,
    roster: &'a Roster,
    surfaces: &'a Surfaces,
    snapshot: Option<&'a Snapshot>,
}

impl Visit for Open<'_> {
    type Output = Result<Box<dyn Live>, FoldError>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let Self { organism, roster, surfaces, snapshot } = self;
        let replay = match snapshot {
            None => Replay::new(organism, roster.clone(), surfaces, program),
            Some(snapshot) => Replay::resume(organism, surfaces, program, snapshot)?,
        };
        Ok(Box::new(replay.into_owned()))
    }
}

/// The program that an organism names, where it is this one.
fn made<P: Program>(organism: &Organism) -> Result<P, FoldError> {
    let made = load(organism, Made)?.downcast::<P>();
    let other = |_| FoldError::OtherProgram { name: P::NAME, version: P::VERSION };
    made.map(|program| *program).map_err(other)
}

struct Made;

impl Visit for Made {
    type Output = Box<dyn Any>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        Box::new(program)
    }
}
