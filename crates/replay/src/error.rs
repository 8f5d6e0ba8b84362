use std::path::PathBuf;

use holobiont_identity::Digest;
use holobiont_policy::PolicyError;
use holobiont_surface::SurfaceError;
use thiserror::Error;

use crate::{Missing, ProgramError};

/// Why a replay or an audit cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A member's surface is damaged, or cannot be read.
    #[error("member {member}: its surface cannot be used")]
    Member {
        /// The member's name.
        member: String,
        /// What is wrong, with file, window and offset.
        source: SurfaceError,
    },
    /// The folder of the members' surfaces cannot be searched.
    #[error("the members' surfaces cannot be looked for")]
    SurfacesUnreadable(#[source] SurfaceError),
    /// The threads that would read the members' surfaces cannot be started.
    #[error("the members' surfaces cannot be read")]
    ReadPool(#[source] SurfaceError),
    /// Members whose surface was not found.
    #[error("{}", list(missing))]
    SurfacesMissing {
        /// Every one of them.
        missing: Vec<Missing>,
    },
    /// Two folders hold the same surface, and nothing says which is the right one.
    #[error("member {member}: both {} and {} hold its surface; keep one", one.display(), other.display())]
    TwoCopies {
        /// The member's name.
        member: String,
        /// One folder.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The members need more memory than the budget.
    #[error(
        "{members} members need {} MiB for two windows each, the budget is {} MiB; raise the budget, \
         or lower max_window_bytes of the surfaces",
        needed_bytes.div_ceil(1 << 20), budget_bytes >> 20
    )]
    MemoryBudget {
        /// Members in the config.
        members: usize,
        /// What two windows a member come to.
        needed_bytes: u64,
        /// The budget.
        budget_bytes: u64,
    },
    /// A member's surface is not the one that a majority agreed on.
    #[error(
        "cut {cut} (log entry {log_index}): member {member} has another history: at record {seq} the log says \
         {what} {expected}, its surface says {got}"
    )]
    HeadDiffers {
        /// The cut that would have stood on it.
        cut: u64,
        /// The log entry that agreed on it.
        log_index: u64,
        /// The member's name.
        member: String,
        /// The record at the head.
        seq: u64,
        /// What differs.
        what: &'static str,
        /// As the log has it.
        expected: String,
        /// As the surface has it.
        got: String,
    },
    /// A member's surface ends before a record that the log stands on.
    #[error(
        "cut {cut} (log entry {log_index}): member {member} has records up to {next_seq} (exclusive), the log \
         stands on record {wanted_seq}; fetch the rest of its surface"
    )]
    SurfaceEnds {
        /// The cut that stands on it.
        cut: u64,
        /// The log entry.
        log_index: u64,
        /// The member's name.
        member: String,
        /// The record that is missing.
        wanted_seq: u64,
        /// One past the last record there is.
        next_seq: u64,
    },
    /// An earlier step failed, so that this state is half of one.
    #[error("an earlier step of this replay failed: begin again, or from a snapshot")]
    Poisoned,
    /// The organism's own surface cannot be written or read.
    #[error("the organism's own surface cannot be used")]
    Output(#[source] SurfaceError),
    /// The organism's own surface is another one, or made under another genesis.
    #[error("the published surface is not this organism's: its genesis is {got}, not {expected}")]
    OtherOutput {
        /// Digest of the genesis that this organism's surface has.
        expected: Digest,
        /// Digest of the one found.
        got: Digest,
    },
    /// The views given do not fit the organism's members.
    #[error(
        "views of members' surfaces do not fit: {views} given for {members} members; give every \
         member its own, in the config's order"
    )]
    Views {
        /// Members in the config.
        members: usize,
        /// How many were given, or the place of the member that there is not.
        views: usize,
    },
    /// What is published differs from what was computed.
    #[error("cut {cut}: {difference}")]
    Differs {
        /// The first cut that differs.
        cut: u64,
        /// How.
        difference: crate::Difference,
    },
    /// The program ended the organism.
    #[error("cut {cut}: the program stopped")]
    Program {
        /// The cut.
        cut: u64,
        /// Why.
        source: ProgramError,
    },
    /// The log of cuts cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A snapshot cannot be used.
    #[error("snapshot: {why}")]
    Snapshot {
        /// Why.
        why: String,
    },
    /// The policy state in a snapshot cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A published record is no commit.
    #[error("record {seq} of the organism's surface is not readable as a commit: {why}")]
    Commit {
        /// Its sequence number.
        seq: u64,
        /// Why.
        why: &'static str,
    },
}

/// Why a log of cuts cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file system refused.
    #[error("cannot {doing} the log of cuts {}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// The bytes are damaged.
    #[error("{} is damaged at offset {offset}: {what}", file.display())]
    Damage {
        /// The file.
        file: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// An entry holds no command that this build knows.
    #[error("{} at offset {offset}", file.display())]
    Command {
        /// The file.
        file: PathBuf,
        /// Where the entry begins, in bytes from the file's start.
        offset: u64,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// Written by a later version.
    #[error("{}: version {version} is not known to this build; upgrade to read it", file.display())]
    UnknownVersion {
        /// The file.
        file: PathBuf,
        /// The version found.
        version: u32,
    },
    /// It belongs to another organism, or to another version of this one's config.
    #[error(
        "{} was written under content hash {got}, the config has {expected}; use the config that \
         the log was made with",
        file.display()
    )]
    OtherOrganism {
        /// The file.
        file: PathBuf,
        /// Content hash of the config at hand.
        expected: Digest,
        /// Content hash in the log.
        got: Digest,
    },
}

fn list(missing: &[Missing]) -> String {
    let mut text = format!("members without a usable surface: {}", missing.len());
    for entry in missing {
        text.push_str("\n  ");
        text.push_str(&entry.to_string());
    }
    text
}
