use holobiont_identity::versioned::encode;
use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Command, CommitteeState, Cut, Grade, Ignored, Roster};

use crate::check::Check;
use crate::engine::{Engine, Folded};
use crate::log::LogDigest;
use crate::{Output, OutputStart, Position, Program, ReplayError, Snapshot, Surfaces};

/// An organism being folded, command by command.
#[derive(Debug)]
pub struct Replay<'s, P> {
    organism: &'s Organism,
    surfaces: &'s Surfaces,
    state: CommitteeState,
    engine: Engine<'s, P>,
    log_digest: LogDigest,
    /// Checks what the log says; none where the log is made from these very surfaces.
    check: Option<Check<'s>>,
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
        Self {
            log_digest: LogDigest::new(&organism.content_hash(), &roster),
            state: CommitteeState::new(organism, roster),
            engine: Engine::new(organism, surfaces, program, &[]),
            organism,
            surfaces,
            check: None,
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
            organism,
            surfaces,
            check: None,
            totals: Totals::default(),
            failed: false,
        })
    }

    /// Checks every head that the log says a majority agreed on against the members' surfaces,
    /// before a record behind it is folded. For logs that were not made from these very surfaces.
    #[must_use]
    pub fn checking_heads(mut self) -> Self {
        self.check = Some(Check::new(self.organism, self.surfaces));
        self
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
        if let Some(check) = &mut self.check {
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
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"holobiont-state|\x01");
        let positions = encode(1, &self.positions());
        for part in [&self.state.snapshot(), &program_state, &positions] {
            hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(self.organism.content_hash().as_bytes());
        hasher.update(self.state.roster().digest().as_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Everything that a later [`resume`](Self::resume) needs.
    #[must_use]
    pub fn snapshot(&self, output: OutputStart) -> Snapshot {
        let mut program_state = Vec::new();
        self.engine.program().snapshot(&mut program_state);
        Snapshot {
            content_hash: self.organism.content_hash(),
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
