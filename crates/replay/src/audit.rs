use std::fmt;

use holobiont_identity::{Digest, Organism};
use holobiont_policy::Cut;
use holobiont_surface::{Genesis, Head, Surface};

use crate::{
    Commands, Comparison, LogReader, Output, Program, Replay, ReplayError, Snapshot, Surfaces,
    Totals,
};

/// What an audit found: every published record follows from the members' surfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Sums of the recomputation.
    pub totals: Totals,
    /// Published records compared.
    pub compared: u64,
    /// Head of the organism's surface.
    pub output_head: Option<Head>,
    /// Digest of the recomputed state at the log's end.
    pub state_digest: Digest,
    /// Running digest of the log.
    pub log_digest: Digest,
    /// The watermark at the log's end.
    pub watermark: Option<u64>,
}

/// How what is published differs from what the members' surfaces give.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A published record is not the one computed.
    Record {
        /// Its sequence number.
        seq: u64,
        /// The parts of it that differ.
        what: Vec<&'static str>,
    },
    /// The organism's surface ends before the cut's records.
    Missing {
        /// Records that were there and equal.
        compared: u64,
    },
    /// The organism's surface goes on after the log's last cut.
    Surplus {
        /// The first record that no cut accounts for.
        seq: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { seq, what } => {
                write!(f, "published record {seq} differs in its {}", what.join(", "))
            }
            Self::Missing { compared } => {
                write!(f, "the published surface ends after {compared} records that agree")
            }
            Self::Surplus { seq } => {
                write!(f, "published record {seq} follows from no cut of the log")
            }
        }
    }
}

/// Recomputes an organism's surface from its members' surfaces and the log of cuts, and compares
/// every record with what was published; from a snapshot, where one is given. Hands every cut to
/// `on_cut`, and returns the replay at the log's end beside what was found.
///
/// # Errors
///
/// [`ReplayError::Differs`] and [`ReplayError::HeadDiffers`] name the first cut or log entry that
/// differs; every other error says why the audit could not be carried through.
pub fn audit<'s, P: Program>(
    organism: &'s Organism,
    surfaces: &'s Surfaces,
    program: P,
    snapshot: Option<&Snapshot>,
    mut log: LogReader,
    published: &Surface,
    mut on_cut: impl FnMut(&Cut),
) -> Result<(Audit, Replay<'s, P>), ReplayError> {
    check_output(organism, published)?;
    let from_seq = snapshot.map_or(0, |snapshot| snapshot.output.next_seq);
    let cursor = published.cursor(from_seq).map_err(ReplayError::Output)?;
    let mut comparison = Comparison::new(cursor);
    let replay = match snapshot {
        Some(snapshot) => {
            log.skip_to(snapshot)?;
            if comparison.head() != snapshot.output.head() {
                return Err(ReplayError::Snapshot {
                    why: format!(
                        "the published surface has another history before record {from_seq}"
                    ),
                });
            }
            Replay::resume(organism, surfaces, program, snapshot)?
        }
        None => Replay::new(organism, log.roster().clone(), surfaces, program),
    };
    let mut replay = replay.checking_heads();
    while let Some((index, command)) = log.next(replay.state())? {
        if let Some(cut) = replay.step(index, &command, &mut comparison)?.cut {
            on_cut(&cut);
        }
    }
    if let Some(seq) = comparison.surplus()? {
        let cut = replay.state().cut_number();
        return Err(ReplayError::Differs { cut, difference: Difference::Surplus { seq } });
    }
    let audit = Audit {
        totals: replay.totals(),
        compared: comparison.compared(),
        output_head: comparison.head(),
        state_digest: replay.state_digest(),
        log_digest: replay.log_digest(),
        watermark: replay.state().watermark(),
    };
    Ok((audit, replay))
}

/// Checks that a surface is the one that this organism publishes, genesis and all.
///
/// # Errors
///
/// [`ReplayError::OtherOutput`] for any other.
pub fn check_output(organism: &Organism, published: &Surface) -> Result<(), ReplayError> {
    let expected = Genesis::new(organism.output_surface_id()).digest();
    let got = published.genesis().digest();
    if got == expected { Ok(()) } else { Err(ReplayError::OtherOutput { expected, got }) }
}
