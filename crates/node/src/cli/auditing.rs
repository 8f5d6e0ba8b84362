use std::path::PathBuf;

use clap::Args;

use super::attestation::time;
use super::{ClockFormat, Reading, TrustLevel};

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The organism's config.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: PathBuf,
    /// The folder with the members' surfaces.
    #[arg(long, value_name = "DIR")]
    pub(crate) surfaces: PathBuf,
    /// Where to write; must not exist yet, or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Operators' orders, each at a clock event.
    #[arg(long, value_name = "FILE", conflicts_with = "cuts")]
    pub(crate) orders: Option<PathBuf>,
    /// Make exactly the cuts of this log.
    #[arg(long, value_name = "FILE")]
    pub(crate) cuts: Option<PathBuf>,
    /// Begin from this snapshot, which was made from the same log.
    #[arg(long, value_name = "FILE", requires = "cuts")]
    pub(crate) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) trust: TrustLevel,
    /// Write a snapshot after every N-th cut.
    #[arg(long, value_name = "N")]
    pub(crate) snapshot_every: Option<std::num::NonZeroU64>,
    /// How to write clock events.
    #[arg(long, value_enum, default_value_t = ClockFormat::Number)]
    pub(crate) clock: ClockFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The organism's config.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: PathBuf,
    /// The folder with the members' surfaces.
    #[arg(long, value_name = "DIR", required_unless_present = "urls")]
    pub(crate) surfaces: Option<PathBuf>,
    /// What was published: the folder that a replay wrote.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["urls", "export"])]
    pub(crate) against: Option<PathBuf>,
    /// Query address of a committee's node. Given several times, the first one's log is audited, and
    /// the others' are held against it.
    #[arg(long = "url", value_name = "URL", conflicts_with_all = ["against", "export"])]
    pub(crate) urls: Vec<String>,
    /// The committee's signed log, as a node serves it.
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    pub(crate) export: Option<PathBuf>,
    /// The committee's first roster, for --url and --export, where the config does not name it.
    #[arg(long, value_name = "FILE")]
    pub(crate) roster: Option<PathBuf>,
    /// Configs that the organism has taken up since, for --export.
    #[arg(long = "config", value_name = "FILE", requires = "export")]
    pub(crate) configs: Vec<PathBuf>,
    /// Begin from this snapshot, trusting it.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub(crate) from_snapshot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) boot_trust: BootTrust,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// What the quotes of boot keys in a committee's log are checked against.
#[derive(Debug, Args)]
pub(crate) struct BootTrust {
    /// Collateral for the quotes of boot keys: a folder of `collateral fetch`, or one file.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) collateral: Option<PathBuf>,
    /// Judge these quotes' signatures and platforms as of this time, RFC 3339 or seconds since 1970
    /// [default: now]. Pins are judged as of the time that the log has.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<u64>,
    /// The SIMULATED TDX that the nodes ran in: the folder that `dev` wrote. It proves nothing.
    #[cfg(feature = "simulated")]
    #[arg(long, value_name = "DIR", conflicts_with = "collateral")]
    pub(crate) simulated_world: Option<PathBuf>,
}

impl BootTrust {
    /// Whether anything was named.
    pub(crate) const fn is_given(&self) -> bool {
        #[cfg(feature = "simulated")]
        if self.simulated_world.is_some() {
            return true;
        }
        self.collateral.is_some() || self.at.is_some()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// What was published: the folder that a replay wrote.
    #[arg(long, value_name = "DIR", required_unless_present = "url")]
    pub(crate) against: Option<PathBuf>,
    /// Query address of a committee's node, which then says what the commit stands on.
    #[arg(long, value_name = "URL", conflicts_with_all = ["against", "all"], requires = "organism")]
    pub(crate) url: Option<String>,
    /// The organism's config, for --url.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: Option<PathBuf>,
    /// The folder with the members' surfaces.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["all", "url"])]
    pub(crate) surfaces: Option<PathBuf>,
    /// Write every commit as a line of JSON.
    #[arg(long, conflicts_with = "commit")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Sequence number of the commit on the organism's surface; the last commit if not given.
    #[arg(long, value_name = "N")]
    pub(crate) commit: Option<u64>,
    /// How to write clock events.
    #[arg(long, value_enum, default_value_t = ClockFormat::Number)]
    pub(crate) clock: ClockFormat,
}
