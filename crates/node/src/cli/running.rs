use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::BootTrust;

/// A node of a committee, and how it is told to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// This node's own config.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only say what would be run, and what is wrong with it.
    #[arg(long)]
    pub(crate) check: bool,
    /// How log lines are written [default: what the config says, or for people].
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogLines>,
    /// Yes, the config names a simulated world: it proves nothing to anybody.
    #[cfg(feature = "simulated")]
    #[arg(long)]
    pub(crate) insecure_simulated_tdx: bool,
}

impl Run {
    /// Whether simulated trust was asked for; a build without it has no way to.
    pub(crate) const fn is_simulated(&self) -> bool {
        #[cfg(feature = "simulated")]
        return self.insecure_simulated_tdx;
        #[cfg(not(feature = "simulated"))]
        return false;
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLines {
    /// For people.
    Terminal,
    /// One JSON object a line.
    Json,
}

/// Nodes that are asked.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Query addresses of one node or more.
    #[arg(long = "url", value_name = "URL", value_delimiter = ',', required = true)]
    pub(crate) urls: Vec<String>,
}

/// Certificates, taken by themselves.
#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Is this certificate one: a quorum of the committee signed exactly this.
    #[command(after_help = "\
Example:
  curl -s http://node-1:8080/v1/certificates/latest -o latest.certificate
  holobiont certificate verify latest.certificate --organism organism.toml --roster roster.toml \\
      --export cuts.log

A certificate names the keys that signed it. Which node a key belongs to is decided in the
committee's log: with --export the log is read up to there, and every key must be that node's active
one, and bound by the quote of a boot of that node; --collateral has the quotes themselves verified.
Without it only the signatures and the quorum are checked, and that is said.")]
    Verify(CertificateVerify),
}

#[derive(Debug, Args)]
pub(crate) struct CertificateVerify {
    /// The certificate, as a node serves it.
    pub(crate) file: PathBuf,
    /// The organism's config.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: PathBuf,
    /// The committee's first roster; with --export it may be left out where the config names it.
    #[arg(long, value_name = "FILE", required_unless_present = "export")]
    pub(crate) roster: Option<PathBuf>,
    /// The committee's signed log, as a node serves it.
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Configs that the organism has taken up since, each a file.
    #[arg(long = "config", value_name = "FILE", requires = "export")]
    pub(crate) configs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) boot_trust: BootTrust,
}

/// Operators' orders: signed by as many as the organism asks for, then sent to any node.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Sign an order with one operator's key.
    #[command(after_help = "\
Example:
  holobiont order sign retire.toml --organism organism.toml --key alice.key --out retire.alice.json

The order:
  version = 1
  sequence = 7                      # above the last order's
  expires = 2027-01-01T00:00:00Z
  action = \"retire\"                 # release, retire, pause, resume, roster, config
  member = \"USD\"                    # release, retire
  last_clock = 20820                # retire; up_to for release
  nodes = [\"acme.node-1\", \"...\"]    # roster: the whole new list
  replaces = \"64 hex digits\"        # roster: digest of the one it replaces
  content_hash = \"64 hex digits\"    # config

The key file has 64 hex digits: the seed of an Ed25519 key whose public half [acl] lists.")]
    Sign(OrderSign),
    /// Put several operators' signatures under one order together.
    #[command(after_help = "\
Example:
  holobiont order merge retire.alice.json retire.bob.json --out retire.json")]
    Merge(OrderMerge),
    /// Send an order to a node, which puts it into the committee's log.
    #[command(after_help = "\
Example:
  holobiont order send retire.json --url http://127.0.0.1:9464

The address is that of a node's ops listener. What the order does is decided where the log has it;
`holobiont status` shows it.")]
    Send(OrderSend),
}

#[derive(Debug, Args)]
pub(crate) struct OrderSign {
    /// The order, as TOML.
    pub(crate) file: PathBuf,
    /// The organism's config.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: PathBuf,
    /// The operator's key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Where to write the signed order.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OrderMerge {
    /// Signed orders, all of them the same order.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where to write the order with all signatures.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OrderSend {
    /// A signed order.
    pub(crate) file: PathBuf,
    /// A node's ops address.
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
}
