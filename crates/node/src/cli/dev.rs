use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Asked, VerifyFile};

/// What everything here asks for.
#[derive(Debug, Args)]
pub(crate) struct Insecure {
    /// Yes, this is simulated TDX: it has a root of its own, and proves nothing to anybody.
    #[arg(long, required = true)]
    pub(crate) insecure_simulated_tdx: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Dev {
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
