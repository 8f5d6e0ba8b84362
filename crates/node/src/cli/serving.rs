use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{ClockFormat, LogLines};

/// A member's server, and where its records come from.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The surface's folder: another process writes it, or with --stdin this one does.
    pub(crate) dir: PathBuf,
    /// Append what standard input says, one JSON object a line, as `surface import` reads it.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// The config of the organism that reads this member.
    #[arg(long, value_name = "FILE")]
    pub(crate) organism: PathBuf,
    /// The member's name in that config.
    #[arg(long, value_name = "NAME")]
    pub(crate) member: String,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// The folder with the collateral that readers' quotes are judged with.
    #[arg(long, value_name = "DIR", required_unless_present = SIMULATED)]
    pub(crate) collateral: Option<PathBuf>,
    /// Serve every node of the committee's pins, with or without a ticket.
    #[arg(long)]
    pub(crate) no_tickets: bool,
    /// How clock events are written on standard input.
    #[arg(long, value_enum, default_value_t = ClockFormat::Number, requires = "stdin")]
    pub(crate) clock: ClockFormat,
    /// Size at which a segment file is sealed, in bytes.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = holobiont_surface::DEFAULT_SEGMENT_BYTES,
        requires = "stdin"
    )]
    pub(crate) segment_bytes: u64,
    /// Most bytes in one window of a new surface.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20, requires = "stdin")]
    pub(crate) max_window_bytes: u32,
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t = LogLines::Terminal)]
    pub(crate) log_format: LogLines,
    /// The folder of a simulated world, whose guest of the member's name this is: it proves nothing
    /// to anybody.
    #[cfg(feature = "simulated")]
    #[arg(long, value_name = "DIR", conflicts_with = "collateral")]
    pub(crate) insecure_simulated_tdx: Option<PathBuf>,
}

/// What else may say how readers are judged; a build without it knows no such argument.
#[cfg(feature = "simulated")]
const SIMULATED: &str = "insecure_simulated_tdx";
#[cfg(not(feature = "simulated"))]
const SIMULATED: &str = "help";
