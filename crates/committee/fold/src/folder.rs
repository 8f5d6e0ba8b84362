mod live;
mod output;
mod pending;

use std::path::PathBuf;
use std::sync::Arc;

use holobiont_committee::{Configs, CutStatement, Effects, Machine};
use holobiont_identity::{Digest, Organism};
use holobiont_policy::Roster;
use holobiont_replay::{Output, ResumedOutput, Snapshot, Surfaces};
use holobiont_surface::{Head, ReadOptions, Surface};

use crate::{Copies, FoldError, Need};
use live::Live;
use pending::Pending;

/// Where and how a node folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOptions {
    /// The folder of the organism's own surface.
    pub output_dir: PathBuf,
    /// The most memory for members' records, in bytes. *Limits*: two windows for every member.
    pub memory_budget_bytes: u64,
    /// Threads that read and verify, the caller's included.
    pub threads: usize,
}

/// Where a fold begins.
#[derive(Debug, Clone)]
pub enum FolderStart<'a> {
    /// At the log's first entry.
    First {
        /// The organism as the committee began with it.
        organism: Arc<Organism>,
        /// The first roster.
        roster: Roster,
    },
    /// Where a [`FoldSnapshot`] was taken. Whose word it is taken on is the caller's to check, with
    /// [`state_digest`].
    Snapshot {
        /// [`FoldSnapshot::machine`].
        machine: &'a [u8],
        /// [`FoldSnapshot::replay`].
        replay: &'a [u8],
    },
}

/// The state of a fold at a cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldSnapshot {
    /// The cut's number.
    pub cut: u64,
    /// Index of the log entry that made it.
    pub log_index: u64,
    /// `Machine::snapshot`.
    pub machine: Vec<u8>,
    /// `Snapshot::encode` of the replay.
    pub replay: Vec<u8>,
}

/// What became of an entry.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and handed on at once")]
pub enum Pushed {
    /// It is folded.
    Taken {
        /// What it did.
        effects: Effects,
        /// The cut that it made.
        cut: Option<FoldedCut>,
    },
    /// It is accepted, and waits for these records: push no other, and [`poll`](Folder::poll) when
    /// copies have grown.
    Waits(Vec<Need>),
}

/// A cut, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedCut {
    /// What this node has to sign, once the output is durable ([`Folder::sync`]).
    pub statement: CutStatement,
    /// Records folded in it.
    pub records: u64,
    /// Commits published in it.
    pub commits: u64,
}

/// Folds what the committee has committed, entry by entry.
///
/// It holds the back [`Machine`] and the replay, which go together: an entry that the machine has
/// applied is folded before the next one. Heads that a majority has agreed on are checked against this
/// node's own copies; where a copy is short, the entry waits; where it has another history, it is cut
/// back and waits for the right records. What it published in an earlier life is compared byte for byte
/// when it is folded again.
///
/// After an error other than [`FoldError::Machine`], [`FoldError::Waits`] and
/// [`FoldError::NothingWaits`] nothing more is folded: open it again, from its newest snapshot.
pub struct Folder {
    copies: Arc<Copies>,
    configs: Arc<dyn Configs>,
    options: FolderOptions,
    machine: Machine,
    live: Box<dyn Live>,
    output: ResumedOutput,
    pending: Option<Pending>,
    /// Per member: the generation of the copy that its frontier was checked in, and what the replay
    /// has in hand.
    held: Vec<Held>,
    failed: bool,
}

/// What the replay reads of a member.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// Generation and end of the views that the replay has.
    generation: u64,
    end_seq: u64,
    /// Generation of the copy that was found to agree at the frontier.
    checked: Option<u64>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder")
            .field("log_index", &self.machine.log_index())
            .field("cut", &self.live.state().cut_number())
            .finish_non_exhaustive()
    }
}

/// The parts that follow from a start.
struct Opened {
    machine: Machine,
    live: Box<dyn Live>,
    held: Vec<Held>,
    output: ResumedOutput,
}

impl Folder {
    /// Opens a fold, and the organism's own surface.
    ///
    /// # Errors
    ///
    /// [`FoldError::Machine`] for a start that is none, or whose config is not here;
    /// [`FoldError::Program`]; [`FoldError::Replay`] for a snapshot that does not fit and for too small
    /// a budget; [`FoldError::OutputForked`] and [`FoldError::OtherSurface`] for an output folder that
    /// does not go with it, [`FoldError::Io`].
    pub fn open(
        copies: Arc<Copies>,
        configs: Arc<dyn Configs>,
        start: FolderStart<'_>,
        options: FolderOptions,
    ) -> Result<Self, FoldError> {
        let Opened { machine, live, held, output } =
            Opened::at(&copies, &*configs, start, &options)?;
        let (pending, failed) = (None, false);
        let folder =
            Self { copies, configs, options, machine, live, output, pending, held, failed };
        folder.tell_taken();
        Ok(folder)
    }

    /// Folds on from another start, as a node does that has been given a snapshot.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`FoldError::Poisoned`] is the answer to everything then.
    pub fn restart(self, start: FolderStart<'_>) -> Result<Self, FoldError> {
        let Self { copies, configs, options, output, live, .. } = self;
        // First, since a surface has one writer.
        drop((output, live));
        Self::open(copies, configs, start, options)
    }

    /// Takes the next committed entry: its log index, and the encoded signed command.
    ///
    /// # Errors
    ///
    /// [`FoldError::Machine`] where the config that comes into force is not here (nothing has changed:
    /// push it again when it is) or the entry was taken already; [`FoldError::Waits`]; every other
    /// error ends the fold.
    pub fn push(&mut self, index: u64, payload: &[u8]) -> Result<Pushed, FoldError> {
        if self.failed {
            return Err(FoldError::Poisoned);
        }
        if let Some(pending) = &self.pending {
            return Err(FoldError::Waits { index: pending.index });
        }
        let effects = self.machine.apply(index, payload, &*self.configs)?;
        self.pending = Some(Pending::new(index, effects, self.machine.policy()));
        self.poll()
    }

    /// Looks again whether the entry that waits can be folded.
    ///
    /// # Errors
    ///
    /// [`FoldError::NothingWaits`]; every other error ends the fold.
    pub fn poll(&mut self) -> Result<Pushed, FoldError> {
        if self.failed {
            return Err(FoldError::Poisoned);
        }
        let Some(mut pending) = self.pending.take() else { return Err(FoldError::NothingWaits) };
        self.failed = true;
        let needs = self.prepare(&mut pending)?;
        let pushed = if needs.is_empty() {
            self.fold(pending)?
        } else {
            self.pending = Some(pending);
            Pushed::Waits(needs)
        };
        self.failed = false;
        Ok(pushed)
    }

    fn fold(&mut self, Pending { index, effects, .. }: Pending) -> Result<Pushed, FoldError> {
        let mut cut = None;
        if let Some(command) = &effects.command {
            let step = self.live.step(index, command, &mut self.output)?;
            if step.cut != effects.applied.cut
                || self.live.log_digest() != self.machine.log_digest()
            {
                return Err(FoldError::ComeApart { index });
            }
            if let Some(made) = &step.cut {
                let result = (self.output.head(), self.live.state_digest());
                let statement = self.machine.statement(made.number, result.0, result.1);
                let statement = statement.ok_or(FoldError::ComeApart { index })?;
                cut = Some(FoldedCut { statement, records: step.records, commits: step.commits });
                self.tell_taken();
            }
        }
        if let Some(organism) = &effects.take_up {
            self.live.take_up(organism)?;
        }
        Ok(Pushed::Taken { effects, cut })
    }

    /// Whoever feeds copies may not let them get ahead without end.
    fn tell_taken(&self) {
        for place in 0..u16::try_from(self.held.len()).unwrap_or(u16::MAX) {
            if let Some(next_seq) = self.next_seq(place) {
                self.copies.taken(place, next_seq);
            }
        }
    }

    /// Makes the organism's own surface durable; gives the head that the fold has come to. To be done
    /// before a cut is signed.
    ///
    /// # Errors
    ///
    /// [`FoldError::Replay`] where the system refuses.
    pub fn sync(&mut self) -> Result<Option<Head>, FoldError> {
        Ok(self.output.sync()?)
    }

    /// The state right after a cut: after [`Pushed::Taken`] with one.
    ///
    /// # Errors
    ///
    /// [`FoldError::Waits`] while an entry waits, [`FoldError::Poisoned`].
    pub fn snapshot(&self) -> Result<FoldSnapshot, FoldError> {
        if self.failed {
            return Err(FoldError::Poisoned);
        }
        if let Some(pending) = &self.pending {
            return Err(FoldError::Waits { index: pending.index });
        }
        let replay = self.live.snapshot(self.output.start());
        Ok(FoldSnapshot {
            cut: replay.cut,
            log_index: self.machine.log_index(),
            machine: self.machine.snapshot(),
            replay: replay.encode(),
        })
    }

    /// Whether a config could be taken up here: what a node asks before it says that it holds it.
    ///
    /// # Errors
    ///
    /// Why not: [`FoldError::Program`], [`FoldError::OtherProgram`], [`FoldError::Replay`].
    pub fn may_take_up(&self, organism: &Organism) -> Result<(), FoldError> {
        self.live.may_take_up(organism)
    }

    /// The committee's state as of the last entry.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The organism's own surface as it is now, up to what was written; not all of it is durable or
    /// certified.
    #[must_use]
    pub fn output(&self) -> Surface {
        self.output.view()
    }

    /// Drops segments of the organism's own surface that lie wholly below a record.
    ///
    /// # Errors
    ///
    /// [`FoldError::Replay`] where the system refuses.
    pub fn retain_output(&mut self, before_seq: u64) -> Result<(), FoldError> {
        Ok(self.output.retain_from(before_seq)?)
    }

    /// The first record of a member that was not taken yet: what lies before it the fold needs no more.
    #[must_use]
    pub fn next_seq(&self, member: u16) -> Option<u64> {
        self.live.next_seq(usize::from(member))
    }
}

impl Opened {
    fn at(
        copies: &Copies,
        configs: &dyn Configs,
        start: FolderStart<'_>,
        options: &FolderOptions,
    ) -> Result<Self, FoldError> {
        let (machine, snapshot) = match start {
            FolderStart::First { organism, roster } => (Machine::new(organism, roster)?, None),
            FolderStart::Snapshot { machine, replay } => {
                (Machine::restore(machine, configs)?, Some(Snapshot::decode(replay)?))
            }
        };
        let organism = machine.organism();
        let mut views = Vec::with_capacity(copies.len());
        let mut held = Vec::with_capacity(copies.len());
        for (place, _) in (0_u16..).zip(&organism.members) {
            let of_member = copies.views(place)?;
            let (generation, end_seq) = (of_member.generation, of_member.end_seq);
            held.push(Held { generation, end_seq, checked: None });
            views.push(of_member.views);
        }
        let reading = ReadOptions {
            budget_bytes: options.memory_budget_bytes,
            threads: options.threads,
            ..ReadOptions::default()
        };
        let surfaces = Surfaces::of_views(organism, views, reading)?;
        let live = live::open(organism, machine.roster(), &surfaces, snapshot.as_ref())?;
        let start = snapshot.as_ref().map(|snapshot| &snapshot.output);
        let output = output::open(organism, &options.output_dir, start)?;
        Ok(Self { machine, live, held, output })
    }
}

/// Digest of the state that a [`FoldSnapshot::replay`] describes: what the certificate of its cut must
/// name.
///
/// # Errors
///
/// [`FoldError::Replay`] for bytes that are no such snapshot.
pub fn state_digest(replay: &[u8]) -> Result<Digest, FoldError> {
    Ok(Snapshot::decode(replay)?.state_digest())
}
