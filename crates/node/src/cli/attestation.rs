use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use holobiont_attestation::PckCa;
use holobiont_attestation_pccs::INTEL_PCS_URL;
use holobiont_identity::pins::PlatformKind;
use jiff::Timestamp;

#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    /// What the quote is for.
    #[arg(long, value_enum)]
    pub(crate) purpose: QuotePurpose,
    /// inspect: the verifier's 32 bytes, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex32, required_if_eq("purpose", "inspect"))]
    pub(crate) challenge: Option<Hex32>,
    /// boot: this node's id, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex32, required_if_eq("purpose", "boot"))]
    pub(crate) node: Option<Hex32>,
    /// boot: file with the public half of the key made at this boot, as DER.
    #[arg(long, value_name = "FILE", required_if_eq("purpose", "boot"))]
    pub(crate) boot_key: Option<PathBuf>,
    /// boot: the enrolment's digest, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex32, required_if_eq("purpose", "boot"))]
    pub(crate) enrolment: Option<Hex32>,
    /// ticket: the peer id, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex32, required_if_eq("purpose", "ticket"))]
    pub(crate) peer: Option<Hex32>,
    /// ticket: the network id, in hex.
    #[arg(long, value_name = "HEX", value_parser = hex32, required_if_eq("purpose", "ticket"))]
    pub(crate) network: Option<Hex32>,
    /// ticket: valid from, RFC 3339 or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = time, required_if_eq("purpose", "ticket"))]
    pub(crate) not_before: Option<u64>,
    /// ticket: valid to, RFC 3339 or seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = time, required_if_eq("purpose", "ticket"))]
    pub(crate) not_after: Option<u64>,
    /// Write the quote here, instead of to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the kernel's interfaces are, for a guest whose file systems are mounted elsewhere.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) system_root: PathBuf,
}

/// What a quote may be made for by hand. Connections make their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuotePurpose {
    /// Anybody's fresh look at this guest; opens no door.
    Inspect,
    /// The key that was made at this boot.
    Boot,
    /// An admission ticket for discovery.
    Ticket,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["file", "url"])))]
pub(crate) struct VerifyQuote {
    #[command(flatten)]
    pub(crate) from: VerifyFile,
    #[command(flatten)]
    pub(crate) asked: Asked,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyFile {
    /// What `holobiont quote` wrote, or a bare quote.
    pub(crate) file: Option<PathBuf>,
    /// Take it from here: https, or http on this machine.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// What a quote is checked against.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// Its event log, where the file has none: a CCEL, or dstack's JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) event_log: Option<PathBuf>,
    /// Collateral: a folder of `collateral fetch`, or one file.
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) collateral: Option<PathBuf>,
    /// The organism's config that has the surface's pins.
    #[arg(long, value_name = "FILE", requires = "surface")]
    pub(crate) pins: Option<PathBuf>,
    /// The surface whose pins are meant: a member's name, or `committee`.
    #[arg(long, value_name = "NAME", requires = "pins")]
    pub(crate) surface: Option<String>,
    /// The 32 bytes, in hex, that the quote was to be made for.
    #[arg(long, value_name = "HEX", value_parser = hex32)]
    pub(crate) challenge: Option<Hex32>,
    /// Judge as of this time, RFC 3339 or seconds since 1970 [default: now]. Where collateral is a
    /// folder, not before what its marks prove to be past.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Measure {
    /// The registers of this guest.
    #[command(after_help = "\
Example:
  holobiont measure local

Needs a kernel that shows them (6.16 or later); `holobiont measure show` takes them from a quote.")]
    Local {
        /// Where the kernel's interfaces are.
        #[arg(long, value_name = "DIR", default_value = "/")]
        system_root: PathBuf,
    },
    /// The registers that a quote names, and a set of pins made of them.
    #[command(after_help = "\
Example:
  holobiont measure show guest.json --label node-1.4 --platform qemu >> organism.toml

Nothing is verified: pin only what you have built, or have verified with `holobiont verify`.")]
    Show(MeasureShow),
    /// Which registers differ between two guests, and which event explains it.
    #[command(after_help = "\
Example:
  holobiont measure diff before.json after.json

Each may be what `holobiont quote` wrote, a bare quote, or a bare event log.")]
    Diff(MeasureDiff),
    /// Pins for organism.toml from a file in flashbots' `measurements.json` form.
    #[command(after_help = "\
Example:
  holobiont measure import measurements.json >> organism.toml

A record becomes a set where it names every register with one value. What such records never name,
XFAM for one, is filled in by platform and told on standard error: check it.")]
    Import(MeasureImport),
}

#[derive(Debug, Args)]
pub(crate) struct MeasureShow {
    /// What `holobiont quote` wrote, or a bare quote.
    pub(crate) file: PathBuf,
    /// Also print a set of pins with this label.
    #[arg(long, value_name = "NAME", requires = "platform")]
    pub(crate) label: Option<String>,
    /// The platform that the set is for: qemu, gcp, dstack.
    #[arg(long, value_name = "KIND", requires = "label", value_parser = platform)]
    pub(crate) platform: Option<PlatformKind>,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureDiff {
    /// The first guest.
    pub(crate) left: PathBuf,
    /// The second guest.
    pub(crate) right: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureImport {
    /// The file.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CollateralCommand {
    /// Fetch the current set of a platform and keep it.
    #[command(after_help = "\
Examples:
  holobiont collateral fetch --quote guest.json
  holobiont collateral fetch --fmspc 00806f050000 --url https://pccs.example.org:8081

What is fetched is not believed for where it came from: every verification checks its signatures.")]
    Fetch(CollateralFetch),
    /// The sets in a folder or file, and until when each part of them holds.
    #[command(after_help = "\
Example:
  holobiont collateral show collateral")]
    Show(CollateralShow),
    /// Write sets into one file, for a node without a way to Intel.
    #[command(after_help = "\
Example:
  holobiont collateral export bundle.json --dir collateral")]
    Export(CollateralExport),
    /// Take in a file of `collateral export`, or one set as other programs write it.
    #[command(after_help = "\
Example:
  holobiont collateral import bundle.json --dir collateral

What is taken in is not believed for that: every verification checks its signatures.")]
    Import(CollateralImport),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("platform").required(true).args(["quote", "fmspc"])))]
pub(crate) struct CollateralFetch {
    /// The platform that made this quote.
    #[arg(long, value_name = "FILE")]
    pub(crate) quote: Option<PathBuf>,
    /// The platform model, 6 bytes in hex.
    #[arg(long, value_name = "HEX", value_parser = hex6)]
    pub(crate) fmspc: Option<[u8; 6]>,
    /// Which of Intel's CAs certified it: platform, processor.
    #[arg(long, value_name = "CA", default_value = "platform", value_parser = ca)]
    pub(crate) ca: PckCa,
    /// Intel's service, or a cache of it (PCCS).
    #[arg(long, value_name = "URL", default_value = INTEL_PCS_URL)]
    pub(crate) url: String,
    /// Trust these certificates (PEM) for the connection, instead of the public ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Where sets are kept.
    #[arg(long, value_name = "DIR", default_value = "collateral")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CollateralShow {
    /// A folder, or one file.
    #[arg(value_name = "DIR|FILE", default_value = "collateral")]
    pub(crate) path: PathBuf,
    /// As of this time, RFC 3339 or seconds since 1970 [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct CollateralExport {
    /// The file to write.
    pub(crate) file: PathBuf,
    /// Where sets are kept.
    #[arg(long, value_name = "DIR", default_value = "collateral")]
    pub(crate) dir: PathBuf,
    /// Only the set with this id; may be given several times [default: all].
    #[arg(long = "id", value_name = "HEX")]
    pub(crate) ids: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CollateralImport {
    /// The file to read.
    pub(crate) file: PathBuf,
    /// Where sets are kept.
    #[arg(long, value_name = "DIR", default_value = "collateral")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The folder of `collateral fetch`.
    #[arg(long, value_name = "DIR")]
    pub(crate) collateral: Option<PathBuf>,
    /// The organism's config that has the surface's pins.
    #[arg(long, value_name = "FILE")]
    pub(crate) pins: Option<PathBuf>,
    /// The surface that this guest must be admitted on.
    #[arg(long, value_name = "NAME", default_value = "committee")]
    pub(crate) surface: String,
    /// Where the kernel's interfaces are.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) system_root: PathBuf,
}

/// 32 bytes; a type of its own, since clap takes a `[u8; 32]` for many values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hex32(pub(crate) [u8; 32]);

fn hex32(text: &str) -> Result<Hex32, String> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(Hex32(bytes)),
        Err(_) => Err("wants 32 bytes, which are 64 hex digits".to_owned()),
    }
}

fn hex6(text: &str) -> Result<[u8; 6], String> {
    let mut bytes = [0; 6];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => Err("wants 6 bytes, which are 12 hex digits".to_owned()),
    }
}

/// Seconds since 1970, from RFC 3339 or a number.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time: Timestamp = text
        .parse()
        .map_err(|_| "wants a time like 2026-11-24T12:00:00Z, or seconds since 1970")?;
    u64::try_from(time.as_second()).map_err(|_| "lies before 1970".to_owned())
}

fn platform(text: &str) -> Result<PlatformKind, String> {
    let found = PlatformKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| "wants qemu, gcp or dstack".to_owned())
}

fn ca(text: &str) -> Result<PckCa, String> {
    let found = [PckCa::Platform, PckCa::Processor].into_iter().find(|ca| ca.as_str() == text);
    found.ok_or_else(|| "wants platform or processor".to_owned())
}
