use holobiont_policy::StatusChange;
use holobiont_surface::Record;
use thiserror::Error;

use crate::Commits;

/// The deterministic program that an organism runs.
///
/// # Determinism
///
/// No clock, randomness, I/O, threads, hash-map iteration or floating-point library call inside
/// [`fold`](Self::fold): the same events must give the same commits and the same snapshot on every
/// machine, for ever. What needs real numbers uses fixed-point integers with a stated rounding for
/// every step.
///
/// A member's payload is somebody else's bytes: a program that cannot read one says so in what it
/// commits and goes on. An error ends the organism.
pub trait Program: Send + 'static {
    /// The name that `[program] name` in `organism.toml` asks for.
    const NAME: &'static str;
    /// Changes whenever the same events would give other commits.
    const VERSION: u32;

    /// Takes the next event, in order.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] ends the organism at this cut; it is for the impossible, not for bad input.
    fn fold(&mut self, event: Event<'_>, commits: &mut Commits<'_>) -> Result<(), ProgramError>;

    /// Appends the whole state to `out`, the same bytes for the same state.
    fn snapshot(&self, out: &mut Vec<u8>);

    /// Takes up the state that [`snapshot`](Self::snapshot) wrote.
    ///
    /// # Errors
    ///
    /// [`ProgramError`] for bytes that are no snapshot of this program under these settings.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), ProgramError>;
}

/// What a program is told.
///
/// Within one cut: first the changes of status, then the records in merge order, each clock event
/// followed by its `ClockClosed`, and last a `ClockClosed` for the watermark if no record had it.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A member's record, borrowed from the buffer it was verified in.
    Record(MemberRecord<'a>),
    /// The watermark has passed this clock event: no member that held it can still add to it. In
    /// alignment `arrival`, which compares no clocks, there is none.
    ClockClosed {
        /// The clock event, in the organism's clock.
        clock: u64,
    },
    /// A member changed status.
    Status(&'a StatusChange),
}

/// A record and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct MemberRecord<'a> {
    /// The member's place in the config, from 0.
    pub member: u16,
    /// Its clock event in the organism's clock ([`Record::clock`] is the member's own).
    pub clock: u64,
    /// The record.
    pub record: Record<'a>,
    /// Its clock event was closed by an earlier cut already.
    pub late: bool,
}

/// Why a program cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The snapshot is not this program's, or not under these settings.
    #[error("program snapshot refused: {why}")]
    Snapshot {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A bound that the program states was passed.
    #[error("program stopped: {why}")]
    Limit {
        /// Which one.
        why: String,
    },
    /// It cites a record that it was never given, or that does not exist yet.
    #[error("program cites member {member} record {seq}, past the last record it was given")]
    CitesUnseen {
        /// The member's place.
        member: u16,
        /// The sequence number cited.
        seq: u64,
    },
}
