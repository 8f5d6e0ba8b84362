use std::borrow::Cow;

use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Agreed, Command, CommitteeState, Cut, Grade, Ignored, Roster};
use holobiont_surface::Surface;

use crate::check::Check;
use crate::engine::{Engine, Folded};
use crate::log::LogDigest;
use crate::snapshot::state_digest;
use crate::{Output, OutputStart, Position, Program, ReplayError, Snapshot, Surfaces};

/// An organism being folded, command by command.
#[derive(Debug)]
pub struct Replay<'s, P> {
    organism: Cow<'s, Organism>,
    content_hash: Digest,
    surfaces: Cow<'s, Surfaces>,
    state: CommitteeState,
    engine: Engine<P>,
    log_digest: LogDigest,
    check: Option<Check>,
    /// Whether every step checks what the log says; not where the log is made from these very
    /// surfaces.
    checks_steps: bool,
    totals: Totals,
    failed: bool,
}

/// What one command did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The cut it made, folded by now.
    pub cut: Option<Cut>,
    /// Records folded in it.
    pub records: u64,
    /// Commits published in it.
    pub commits: u64,
    /// What of the command had no effect.
    pub ignored: Vec<Ignored>,
}

/// Sums over a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Commands applied.
    pub commands: u64,
    /// Cuts folded, checkpoints included.
    pub cuts: u64,
    /// Records folded.
    pub records: u64,
    /// Their payloads, in bytes.
    pub payload_bytes: u64,
    /// Commits of grade normal.
    pub commits_normal: u64,
    /// Commits of grade degraded.
    pub commits_degraded: u64,
}

impl<'s, P: Program> Replay<'s, P> {
    /// An organism at its first record.
    #[must_use]
    pub fn new(organism: &'s Organism, roster: Roster, surfaces: &'s Surfaces, program: P) -> Self {
        let content_hash = organism.content_hash();
        Self {
            log_digest: LogDigest::new(&content_hash, &roster),
            state: CommitteeState::new(organism, roster),
            engine: Engine::new(organism, surfaces, program, &[]),
            organism: Cow::Borrowed(organism),
            content_hash,
            surfaces: Cow::Borrowed(surfaces),
            check: None,
            checks_steps: false,
            totals: Totals::default(),
            failed: false,
        }
    }

    /// An organism as a snapshot left it.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Snapshot`] for one of another organism, config or program, and
    /// [`ReplayError::Policy`] for a policy state that is none.
    pub fn resume(
        organism: &'s Organism,
        surfaces: &'s Surfaces,
        mut program: P,
        snapshot: &Snapshot,
    ) -> Result<Self, ReplayError> {
        snapshot.belongs_to(organism, P::NAME, P::VERSION)?;
        program
            .restore(&snapshot.program_state)
            .map_err(|source| ReplayError::Program { cut: snapshot.cut, source })?;
        let roster = snapshot.roster.clone();
        Ok(Self {
            log_digest: LogDigest(snapshot.log_digest),
            state: CommitteeState::restore(organism, roster, &snapshot.policy_state)?,
            engine: Engine::new(organism, surfaces, program, &snapshot.positions),
            organism: Cow::Borrowed(organism),
            content_hash: snapshot.content_hash,
            surfaces: Cow::Borrowed(surfaces),
            check: None,
            checks_steps: false,
            totals: Totals::default(),
            failed: false,
        })
    }

    /// Checks every head that the log says a majority agreed on against the members' surfaces,
    /// before a record behind it is folded. For logs that were not made from these very surfaces.
    #[must_use]
    pub fn checking_heads(mut self) -> Self {
        self.check = Some(Check::new(&self.organism, &self.surfaces));
        self.checks_steps = true;
        self
    }

    /// The same, with its own copy of the config and its own handles of the surfaces.
    #[must_use]
    pub fn into_owned(self) -> Replay<'static, P> {
        Replay {
            organism: Cow::Owned(self.organism.into_owned()),
            content_hash: self.content_hash,
            surfaces: Cow::Owned(self.surfaces.into_owned()),
            state: self.state,
            engine: self.engine,
            log_digest: self.log_digest,
            check: self.check,
            checks_steps: self.checks_steps,
            totals: self.totals,
            failed: self.failed,
        }
    }

    /// Checks one head that a majority agreed on against the member's surface: what
    /// [`checking_heads`](Self::checking_heads) has every step do. Nothing changes by it, so that a
    /// copy that is short or of another history can be mended before the step.
    ///
    /// # Errors
    ///
    /// [`ReplayError::HeadDiffers`], [`ReplayError::SurfaceEnds`], and [`ReplayError::Member`].
    pub fn check(&mut self, agreed: &Agreed, log_index: u64) -> Result<(), ReplayError> {
        let next_cut = self.state.cut_number().saturating_add(1);
        let Self { check, organism, surfaces, .. } = self;
        let check = check.get_or_insert_with(|| Check::new(organism, surfaces));
        check.head(agreed, (next_cut, log_index))
    }

    /// Gives a member newer views of its surface, between steps: its records are read from them from
    /// here on. More than one, oldest records first, where its copy was started anew behind a gap
    /// and older records are still to be folded.
    ///
    /// What the older views had in memory is let go of first, so that memory suffices for the new
    /// ones.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Views`] for a member that there is not, [`ReplayError::MemoryBudget`],
    /// [`ReplayError::Member`].
    pub fn renew(&mut self, place: usize, views: Vec<Surface>) -> Result<(), ReplayError> {
        let surfaces = self.surfaces.to_mut();
        surfaces.release(place);
        if let Some(input) = self.engine.input(place) {
            input.release();
        }
        if let Some(check) = &mut self.check {
            check.release(place);
        }
        surfaces.renew(place, views)?;
        let spans = surfaces.spans(place).map(|(_, spans)| spans.clone()).unwrap_or_default();
        if let Some(check) = &mut self.check {
            check.renew(place, spans.clone());
        }
        if let Some(input) = self.engine.input(place) {
            input.renew(spans);
        }
        Ok(())
    }

    /// Goes on under another config of the same organism, from the next step on: its policies, and
    /// `program`, which is made from its settings and takes up the state of the one before.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Policy`] for a config that cannot be taken up, and [`ReplayError::Program`]
    /// where the program does not go on from that state. Nothing has changed then.
    pub fn take_up(&mut self, organism: &Organism, program: P) -> Result<(), ReplayError> {
        let program = self.try_take_up(organism, program)?;
        self.state.take_up(organism)?;
        self.engine.take_up(organism, program);
        self.organism = Cow::Owned(organism.clone());
        self.content_hash = organism.content_hash();
        Ok(())
    }

    /// What [`take_up`](Self::take_up) would do, and nothing of it done: the program in the state
    /// that it would go on from.
    ///
    /// # Errors
    ///
    /// As [`take_up`](Self::take_up).
    pub fn try_take_up(&self, organism: &Organism, mut program: P) -> Result<P, ReplayError> {
        self.state.may_take_up(organism)?;
        let mut state = Vec::new();
        self.engine.program().snapshot(&mut state);
        let cut = self.state.cut_number();
        program.restore(&state).map_err(|source| ReplayError::Program { cut, source })?;
        Ok(program)
    }

    /// Applies a command; if it makes a cut, folds it and publishes what it commits.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]: a member's surface is damaged, short, or has another history; the program
    /// stopped; the output refused. After an error every further step is
    /// [`ReplayError::Poisoned`].
    pub fn step(
        &mut self,
        index: u64,
        command: &Command,
        output: &mut impl Output,
    ) -> Result<Step, ReplayError> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(ReplayError::Poisoned);
        }
        let step = self.try_step(index, command, output)?;
        self.failed = false;
        Ok(step)
    }

    fn try_step(
        &mut self,
        index: u64,
        command: &Command,
        output: &mut impl Output,
    ) -> Result<Step, ReplayError> {
        self.log_digest.push(index, &command.encode());
        self.totals.commands = self.totals.commands.saturating_add(1);
        let next_cut = self.state.cut_number().saturating_add(1);
        let applied = self.state.apply(index, command);
        if let Some(check) = self.check.as_mut().filter(|_| self.checks_steps) {
            for agreed in &applied.agreed {
                check.head(agreed, (next_cut, index))?;
            }
        }
        let mut step = Step { ignored: applied.ignored, ..Step::default() };
        if let Some(cut) = applied.cut {
            let folded = self.engine.fold(&cut, output)?;
            self.totals.add(&cut, folded);
            step.records = folded.records;
            step.commits = folded.commits;
            step.cut = Some(cut);
        }
        Ok(step)
    }

    /// The committee's state.
    #[must_use]
    pub const fn state(&self) -> &CommitteeState {
        &self.state
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> &P {
        self.engine.program()
    }

    /// How far each member's records have been taken, in the config's order.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        self.engine.positions()
    }

    /// The sequence number of the next record to be taken of a member.
    #[must_use]
    pub fn next_seq(&self, place: usize) -> Option<u64> {
        self.engine.next_seq(place)
    }

    /// Content hash of the config in force.
    #[must_use]
    pub const fn content_hash(&self) -> Digest {
        self.content_hash
    }

    /// Sums so far.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Running digest of the log up to the last command.
    #[must_use]
    pub const fn log_digest(&self) -> Digest {
        self.log_digest.0
    }

    /// Digest of everything that the next cut depends on: `blake3("holobiont-state|" ‖ 0x01 ‖
    /// framed (policy state, program state, positions, content hash, roster digest))`.
    #[must_use]
    pub fn state_digest(&self) -> Digest {
        let mut program_state = Vec::new();
        self.engine.program().snapshot(&mut program_state);
        let (policy_state, positions) = (self.state.snapshot(), self.positions());
        let roster = self.state.roster().digest();
        state_digest(&policy_state, &program_state, &positions, &self.content_hash, &roster)
    }

    /// Everything that a later [`resume`](Self::resume) needs.
    #[must_use]
    pub fn snapshot(&self, output: OutputStart) -> Snapshot {
        let mut program_state = Vec::new();
        self.engine.program().snapshot(&mut program_state);
        Snapshot {
            content_hash: self.content_hash,
            roster: self.state.roster().clone(),
            cut: self.state.cut_number(),
            log_index: self.state.log_index(),
            log_digest: self.log_digest.0,
            policy_state: self.state.snapshot(),
            program: (P::NAME.to_owned(), P::VERSION),
            program_state,
            positions: self.positions(),
            output,
        }
    }
}

impl Totals {
    fn add(&mut self, cut: &Cut, folded: Folded) {
        self.cuts = self.cuts.saturating_add(1);
        self.records = self.records.saturating_add(folded.records);
        self.payload_bytes = self.payload_bytes.saturating_add(folded.payload_bytes);
        let commits = match cut.grade {
            Grade::Normal => &mut self.commits_normal,
            Grade::Degraded => &mut self.commits_degraded,
        };
        *commits = commits.saturating_add(folded.commits);
    }
}
