mod attestation;
mod auditing;
mod bench;
#[cfg(feature = "simulated")]
mod dev;
mod reading;
mod running;
mod serving;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit;

pub(crate) use attestation::{
    Asked, CollateralCommand, CollateralExport, CollateralFetch, CollateralImport, CollateralShow,
    Doctor, Measure, MeasureDiff, MeasureImport, MeasureShow, QuoteArgs, QuotePurpose, VerifyFile,
    VerifyQuote,
};
pub(crate) use auditing::{Audit, BootTrust, Explain, Replay};
pub(crate) use bench::{Bench, BenchReplay, Scenario};
#[cfg(feature = "simulated")]
pub(crate) use bench::{BenchCommittee, CommitteePart};
#[cfg(feature = "simulated")]
pub(crate) use dev::{Dev, DevCommand, DevGuest, DevNetwork, DevVerify};
pub(crate) use reading::{Reading, TrustLevel, Verification};
pub(crate) use running::{
    Certificate, CertificateVerify, LogLines, Order, OrderMerge, OrderSend, OrderSign, Run, Status,
};
pub(crate) use serving::Serve;

/// The committee of a composite organism: reads members' surfaces in order, folds them through one
/// deterministic program, and publishes commits that anybody can recompute.
#[derive(Debug, Parser)]
#[command(name = "holobiont", version, after_help = exit::TABLE, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print one JSON object for machines instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole organism on 28 years of real data, here and now.
    #[command(after_help = "\
Example:
  holobiont demo --html page       # then open page/index.html in a browser

The European Central Bank's reference rates become 41 surfaces, one a currency; the organism
signals.euro-fx is folded over them, audited, and reported.")]
    Demo(Demo),
    /// Run a node of a committee.
    #[command(after_help = "\
Examples:
  holobiont run --config node.toml --check
  holobiont run --config node.toml

Runs until it is told to end (SIGTERM, SIGINT), then drains: it is not ready at once, hands over the
leadership, syncs, and ends with 0. SIGHUP reads organism.toml and the peers' addresses anew.
HOLOBIONT_LOG says what is logged (default: info); log lines go to standard error. A node whose
result differs from a certificate, or whose committee is split, signs no more, says so, keeps its
state, and ends with 9 or 10 when it is told to end; one whose id was taken over by a newer boot
ends with 11 at once.")]
    Run(Run),
    /// How nodes stand: role, log, members, certificates.
    #[command(after_help = "\
Example:
  holobiont status --url http://node-1:8080,http://node-2:8080,http://node-3:8080

Ends with 6 where a node does not answer, and with 7 where two nodes name different results for one
cut.")]
    Status(Status),
    /// Operators' orders to a committee: sign, merge, send.
    #[command(subcommand)]
    Order(Order),
    /// Certificates of a committee.
    #[command(subcommand)]
    Certificate(Certificate),
    /// Members' surfaces: import, inspect, verify, seal, export.
    #[command(subcommand)]
    Surface(Surface),
    /// organism.toml and coalition.toml: check and fingerprint.
    #[command(subcommand)]
    Config(Config),
    /// Fold members' surfaces into an organism's own surface.
    #[command(after_help = "\
Examples:
  holobiont replay --organism organism.toml --surfaces surfaces --orders orders.toml --out out
  holobiont replay --organism organism.toml --surfaces surfaces --cuts out/cuts.log --out again
  holobiont replay --organism organism.toml --surfaces surfaces --cuts out/cuts.log \\
      --resume out/snapshots/cut-000000004000.snapshot --out resumed

Without --cuts there is one tick per distinct clock event over all members, in order. OUT gets
`surface/` (the organism's commits), `cuts.log` (the commands that made every cut), `organism.toml`,
`summary.json`, and `snapshots/` if asked for.")]
    Replay(Replay),
    /// Recompute an organism's commits from its members' surfaces, and compare every record.
    #[command(after_help = "\
Examples:
  holobiont audit --organism organism.toml --surfaces surfaces --against out
  holobiont audit --organism organism.toml --collateral collateral --url http://node-1:8080
  holobiont audit --organism organism.toml --roster roster.toml --export cuts.log \\
      --surfaces surfaces

With --url everything but the config is fetched: the committee's signed log, later
configs, the commits, the certificate, and where the node offers them and --surfaces names none, the
members' records. Signatures are checked, every cut is derived and every commit recomputed, and each
certificate must name what was recomputed. With several --url the nodes' logs must be the same.

Every boot key that the log admits must be bound by its boot's quote and meet the committee's pins;
with --collateral the quotes are verified up to Intel's root, without it that is not checked, and said.

Exits with 7 and names the first cut that differs, or with 5 and names file, window and offset of
what is damaged; with 4, 5 or 6, as `verify` does, where the quote of a boot key does not hold.")]
    Audit(Audit),
    /// One commit in words: grade, members, and the records it cites, each proved.
    #[command(after_help = "\
Example:
  holobiont explain --against out --surfaces surfaces --commit 7220 --clock days
  holobiont explain --against out --all > commits.ndjson
  holobiont explain --url http://node-1:8080 --organism organism.toml --commit 7220 --clock days

--commit takes a record's number on the organism's surface; some of its records are changes of
status. --all writes every commit as one line of JSON, what its program says included, proving
nothing.")]
    Explain(Explain),
    /// A TDX quote of this guest, with its event log, made for one purpose.
    #[command(after_help = "\
Examples:
  holobiont quote --purpose inspect --challenge $(openssl rand -hex 32) -o guest.json
  holobiont verify guest.json --challenge ... --collateral collateral

The challenge is the verifier's: whoever wants to know what this guest is makes 32 random bytes and
keeps them. What a quote binds is always a hash over its purpose; no purpose signs bytes of a
caller's choice.")]
    Quote(QuoteArgs),
    /// Is this quote good: from Intel's root down to the surface's pins.
    #[command(after_help = "\
Examples:
  holobiont verify guest.json --collateral collateral
  holobiont verify guest.json --collateral collateral --pins organism.toml --surface committee
  holobiont verify quote.dat --collateral set.json --event-log ccel.bin --at 2025-10-19T17:48:51Z

FILE is what `holobiont quote -o` wrote, or a bare quote. Every check that can be run is run; the
first that failed gives the code. Exits with 4 where the quote is genuine but not accepted by
policy, 5 where it is not proved to be what it claims, 6 where something needed is missing or has
expired on our side. Nothing is fetched: see `holobiont collateral fetch`.

Exit code 0 answers what was asked: without --pins any guest on a genuine platform is good, without
--challenge an old quote is as good as a new one. With --json, `admits` is true only with both.")]
    Verify(VerifyQuote),
    /// Measurement registers: this guest's, a quote's, and why two differ.
    #[command(subcommand)]
    Measure(Measure),
    /// What Intel says of platforms: fetch, show, hand on.
    #[command(subcommand)]
    Collateral(CollateralCommand),
    /// Is this machine ready: guest, clock, collateral, pins; and what to do where not.
    #[command(after_help = "\
Example:
  holobiont doctor --collateral collateral --pins organism.toml --surface committee")]
    Doctor(Doctor),
    /// A whole network on this machine, or one guest, in simulated TDX: it proves nothing.
    #[cfg(feature = "simulated")]
    #[command(after_help = "\
Examples:
  holobiont dev --nodes 3
  holobiont dev --nodes 3 --members 8 --days 500
  holobiont dev --nodes 5 --chaos --seed 7 --for 5m

Starts members that publish the European Central Bank's reference rates day by day, and a committee
that folds them: real processes, real sockets, a fake Intel. With --chaos some of them are killed,
paused and cut off. In the end it stops everything and proves that all nodes published the same, that
audits pass, and that a replay of the committee's log gives the same head.")]
    Dev(Dev),
    /// Measure this machine, this project, and others on the same work.
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to work; made anew at every run.
    #[arg(long, value_name = "DIR", default_value = "holobiont-demo")]
    pub(crate) out: PathBuf,
    /// Also write one self-contained page, DIR/index.html.
    #[arg(long, value_name = "DIR")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Surface {
    /// Make one surface of every column of a wide CSV, or of every member of an NDJSON file.
    #[command(after_help = "\
Examples:
  holobiont surface import rates.csv --clock-column Date --clock days --stable-id acme.rates. \\
      --out surfaces
  holobiont surface import records.ndjson --clock number --out surfaces

CSV: the clock column orders the rows, whichever way they come; every other named column is a
member, every cell a decimal number, `N/A` and empty cells are no record. Every record closes its
clock event.
NDJSON: one object a line with `member`, `clock` and `payload` (text, or any other JSON value, which
is kept as JSON); also `payload_hex`, `closes_clock`, `time_ms` and `kind`, as `surface export`
writes them. Lines are put in clock order; without a payload a record is empty. A record closes its
clock event unless another of that clock follows.")]
    Import(Import),
    /// What a surface, or every surface of a folder, holds.
    #[command(after_help = "\
Example:
  holobiont surface inspect surfaces/USD --clock days")]
    Inspect(Inspect),
    /// Recompute a surface's whole chain, or that of every surface of a folder.
    #[command(after_help = "\
Examples:
  holobiont surface verify surfaces
  holobiont surface verify surfaces/USD --from 256 --to 511

With --from and --to, the windows that these records are in.")]
    Verify(Verify),
    /// Verify a surface, or every surface of a folder, and put this node's seal on its segments.
    #[command(after_help = "\
Example:
  openssl rand -hex 32 > node.key
  holobiont surface seal surfaces --key node.key
  holobiont replay --organism organism.toml --surfaces surfaces --out out \\
      --verify seal --seal-key node.key

A seal is a keyed hash over a sealed segment's footer, in a file beside it. It spares this node the
hashing of what it has hashed before; it is worth as much as the disk since then. Segments that are
not sealed by this key are always verified in full.")]
    Seal(Seal),
    /// The records of a surface, as `surface import` reads them.
    #[command(after_help = "\
Example:
  holobiont surface export surfaces/USD --format ndjson > usd.ndjson")]
    Export(Export),
    /// Publish a member's surface to the committee that reads it, over attested TLS.
    #[command(after_help = "\
Examples:
  holobiont surface serve surfaces/USD --organism organism.toml --member USD \\
      --listen 0.0.0.0:7443 --collateral collateral
  produce | holobiont surface serve surfaces/USD --stdin --organism organism.toml --member USD \\
      --listen 0.0.0.0:7443 --collateral collateral

Readers attest as the committee's pins in organism.toml say, this server as the pins named after the
member do; each reader shows a ticket that one of the member's ticket_issuers signed for it. What is
refused is told to both sides. Only durable records are served; a folder that another process writes
is looked at twenty times a second.
With --stdin every line is a record, as in `surface import`; lines that came together are synced
together. A record closes its clock event unless the line says `\"closes_clock\": false`. Lines with
a `seq` that is there already are passed over, so that a feed can begin again. When the input ends
the surface is served on.
SIGHUP reads organism.toml anew. SIGTERM and SIGINT let answers come to their ends, sync, and exit
with 0.")]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A CSV file with a header, or NDJSON (by its ending: .ndjson, .jsonl; else see --format).
    pub(crate) file: PathBuf,
    /// What FILE is, where its ending does not say.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ImportFormat>,
    /// CSV: the column that holds the clock event.
    #[arg(long, value_name = "NAME")]
    pub(crate) clock_column: Option<String>,
    /// How clock events are written.
    #[arg(long, value_enum, default_value_t = ClockFormat::Number)]
    pub(crate) clock: ClockFormat,
    /// Put before a member's name to give its stable id (a name is hashed).
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub(crate) stable_id: String,
    /// Name of the surface within its member.
    #[arg(long, value_name = "NAME", default_value = "rates")]
    pub(crate) surface: String,
    /// Size at which a segment file is sealed, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = holobiont_surface::DEFAULT_SEGMENT_BYTES)]
    pub(crate) segment_bytes: u64,
    /// Most bytes in one window of a surface: what a reader must hold at once.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub(crate) max_window_bytes: u32,
    /// Where to put one folder a member.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// How clock events are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockFormat {
    /// Whole numbers.
    Number,
    /// Dates as YYYY-MM-DD, counted in days since 1970-01-01.
    Days,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A surface, or a folder of surfaces.
    pub(crate) dir: PathBuf,
    /// How to write clock events.
    #[arg(long, value_enum, default_value_t = ClockFormat::Number)]
    pub(crate) clock: ClockFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A surface, or a folder of surfaces.
    pub(crate) dir: PathBuf,
    /// First record.
    #[arg(long, value_name = "SEQ")]
    pub(crate) from: Option<u64>,
    /// Last record.
    #[arg(long, value_name = "SEQ")]
    pub(crate) to: Option<u64>,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// A surface, or a folder of surfaces.
    pub(crate) dir: PathBuf,
    /// This node's own key: 64 hex digits, which nobody else may know.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A surface.
    pub(crate) dir: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
    pub(crate) format: ExportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line.
    Ndjson,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Parse a file, explain what it means, and warn of what is legal but unwise.
    #[command(after_help = "\
Example:
  holobiont config check organism.toml")]
    Check(ConfigFile),
    /// The ids and hashes that follow from a file.
    #[command(after_help = "\
Example:
  holobiont config fingerprint organism.toml")]
    Fingerprint(ConfigFile),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// An organism.toml or a coalition.toml; which one it is, its keys say.
    pub(crate) file: PathBuf,
}
