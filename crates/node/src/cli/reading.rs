use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// With how much memory, and on how many cores, surfaces are read.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Reading {
    /// Memory for the records being read, in MiB; an organism that needs more than this for two
    /// windows of every member is refused [default: 64, and up to 256 where members need it].
    #[arg(long, value_name = "MIB")]
    pub(crate) memory_mib: Option<u64>,
    /// Threads that read and verify; the results are the same [default: one for every core].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How much of what is read is verified.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrustLevel {
    /// What is verified of the members' records.
    #[arg(long, value_enum, default_value_t = Verification::Full)]
    pub(crate) verify: Verification,
    /// The key that `holobiont surface seal` used.
    #[arg(long, value_name = "FILE", required_if_eq("verify", "seal"))]
    pub(crate) seal_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verification {
    /// Every window is hashed.
    Full,
    /// Segments sealed with --seal-key have their CRCs checked, all others are hashed: trusts that
    /// nobody has changed the disk since they were sealed.
    Seal,
    /// Nothing: for measurements. What comes of it proves nothing.
    None,
}
