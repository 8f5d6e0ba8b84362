use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Asked, VerifyFile};

/// The most nodes of a network on one machine.
const MAX_NODES: i64 = 9;
/// As many as the example has.
const MAX_MEMBERS: i64 = 41;

/// What everything here asks for.
#[derive(Debug, Args)]
pub(crate) struct Insecure {
    /// Yes, this is simulated TDX: it has a root of its own, and proves nothing to anybody.
    #[arg(long, required = true)]
    pub(crate) insecure_simulated_tdx: bool,
}

/// `dev` alone is a network; its subcommands are about single guests.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Dev {
    #[command(subcommand)]
    pub(crate) command: Option<DevCommand>,
    #[command(flatten)]
    pub(crate) network: DevNetwork,
}

/// A committee and its members on this machine.
#[derive(Debug, Clone, Args)]
pub(crate) struct DevNetwork {
    /// Nodes of the committee.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=MAX_NODES))]
    pub(crate) nodes: u16,
    /// Members, the first ones of the ECB's set.
    #[arg(long, value_name = "N", default_value_t = 6,
          value_parser = clap::value_parser!(u16).range(1..=MAX_MEMBERS))]
    pub(crate) members: u16,
    /// How fast members publish.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) days_per_second: u32,
    /// How many days are published, from 1999-01-04 on; then everything is proved. As many as pass
    /// in --for, if that is given; else all of them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) days: Option<u32>,
    /// Kill, pause and cut off nodes and members, at random, while it runs.
    #[arg(long)]
    pub(crate) chaos: bool,
    /// What the faults are drawn from; one is drawn and told if not given.
    #[arg(long, value_name = "S", requires = "chaos")]
    pub(crate) seed: Option<u64>,
    /// For how long days come at the chosen speed, and faults with them: 90s, 5m, 1h.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) for_time: Option<Duration>,
    /// Where everything is put; made anew at every run.
    #[arg(long, value_name = "DIR", default_value = "holobiont-dev")]
    pub(crate) dir: PathBuf,
    /// The first of the ports that are listened on; free ones are looked for if not given.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub(crate) base_port: Option<u16>,
    /// Leave the folder there in the end. It is left where something went wrong.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write the folder, configs, keys, tickets and all, and start nothing.
    #[arg(long, conflicts_with_all = ["chaos", "for_time"])]
    pub(crate) write_only: bool,
    /// Written for hosts of their own: nodes at .11 and up of this network, members at .100.
    #[arg(long, value_name = "ADDRESS", requires = "write_only")]
    pub(crate) subnet: Option<std::net::Ipv4Addr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Make a simulated guest: quote, event log, collateral, root, and an organism.toml that pins it.
    #[command(after_help = "\
Example:
  holobiont dev guest --out sim --insecure-simulated-tdx
  holobiont dev verify sim/quote.json --root sim/root.der --collateral sim/collateral.json \\
      --pins sim/organism.toml --surface committee --insecure-simulated-tdx")]
    Guest(DevGuest),
    /// `holobiont verify`, the same code, with a simulated root in place of Intel's.
    #[command(after_help = "\
Example:
  holobiont dev verify sim/quote.json --root sim/root.der --collateral sim/collateral.json \\
      --insecure-simulated-tdx")]
    Verify(DevVerify),
    /// Two simulated guests attest to each other over TLS on this machine, then one that is not
    /// pinned tries to.
    #[command(after_help = "\
Example:
  holobiont dev handshake --insecure-simulated-tdx")]
    Handshake(DevHandshake),
}

#[derive(Debug, Args)]
pub(crate) struct DevGuest {
    /// Where to put it; made anew at every run.
    #[arg(long, value_name = "DIR", default_value = "holobiont-sim")]
    pub(crate) out: PathBuf,
    /// The kernel command line that the guest measures.
    #[arg(long, value_name = "TEXT", default_value = "ro quiet")]
    pub(crate) command_line: String,
    #[command(flatten)]
    pub(crate) insecure: Insecure,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["file", "url"])))]
pub(crate) struct DevVerify {
    #[command(flatten)]
    pub(crate) from: VerifyFile,
    /// The simulated root that `dev guest` wrote.
    #[arg(long, value_name = "FILE")]
    pub(crate) root: PathBuf,
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) insecure: Insecure,
}

#[derive(Debug, Args)]
pub(crate) struct DevHandshake {
    #[command(flatten)]
    pub(crate) insecure: Insecure,
}

/// A time that something takes: more than none, at most a day.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().map_err(|error| error.to_string())?;
    let time = Duration::try_from(parsed).map_err(|error| error.to_string())?;
    let is_fit = !time.is_zero() && time <= Duration::from_secs(86_400);
    is_fit.then_some(time).ok_or_else(|| "it must be above 0 and at most 24h".to_owned())
}
