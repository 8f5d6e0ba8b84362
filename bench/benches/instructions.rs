//! Instructions a record of the scan and of the merge, counted by `valgrind --tool=callgrind`.
//!
//! A count is the same on a busy machine as on a quiet one, and in the next run as in this one: it
//! shows a change of a percent that no clock would. It says nothing of how long an instruction
//! takes, of memory, or of several cores: for these there are `holobiont bench replay` and the
//! bench `pieces`.
//!
//! This program runs itself under valgrind, over a set of records and over one twice as large: the
//! difference, divided by the records that the second has more, is what a record costs without
//! opening, start-up and end.
//!
//! Counts depend on the compiler, on the libraries and on what valgrind says the processor can do.
//! It knows of no AVX-512, so blake3 takes its AVX2 path or less, with more instructions than a
//! newer processor needs: compare counts with counts, of the same machine and toolchain.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};
use holobiont_bench::Sum;
use holobiont_bench::pieces::Pieces;
use holobiont_surface::Trust;
use serde::{Deserialize, Serialize};

const PAYLOAD_BYTES: u32 = 256;
const MEMBERS: u16 = 8;
/// Whole windows for every member, and several cuts.
const RECORDS: u64 = 40_960;
/// As `holobiont bench replay` ends after a regression.
const REGRESSED: u8 = 8;

/// Counts instructions a record, under valgrind.
#[derive(Debug, Parser)]
struct Args {
    /// Print JSON instead of a table: a baseline for later runs.
    #[arg(long)]
    json: bool,
    /// Compare with what an earlier run printed with --json; exit 8 on more instructions.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How many percent more are no regression.
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0)]
    threshold: f64,
    /// Keep callgrind's files in this folder, for callgrind_annotate.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Run under valgrind: what to read, in `--dir`.
    #[arg(long, hide = true, requires = "dir")]
    read: Option<Piece>,
    #[arg(long, hide = true)]
    dir: Option<PathBuf>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Piece {
    /// The scan of one member, every window hashed.
    ScanVerified,
    /// The scan of one member, nothing verified.
    ScanUnverified,
    /// The merge of 8 members with an empty fold, every window hashed.
    MergeVerified,
}

/// What a run found.
#[derive(Debug, Serialize, Deserialize)]
struct Counts {
    payload_bytes: u32,
    members: u16,
    records: u64,
    instructions_per_record: BTreeMap<Piece, f64>,
}

impl Piece {
    const ALL: [Self; 3] = [Self::ScanVerified, Self::ScanUnverified, Self::MergeVerified];

    const fn name(self) -> &'static str {
        match self {
            Self::ScanVerified => "scan-verified",
            Self::ScanUnverified => "scan-unverified",
            Self::MergeVerified => "merge-verified",
        }
    }

    const fn members(self) -> u16 {
        match self {
            Self::ScanVerified | Self::ScanUnverified => 1,
            Self::MergeVerified => MEMBERS,
        }
    }

    fn read(self, dir: &Path) -> Result<Sum, Box<dyn Error>> {
        let pieces = Pieces::open(dir)?;
        Ok(match self {
            Self::ScanVerified => pieces.scan(PAYLOAD_BYTES, Trust::Full)?,
            Self::ScanUnverified => pieces.scan(PAYLOAD_BYTES, Trust::None)?,
            Self::MergeVerified => pieces.merge(MEMBERS)?,
        })
    }
}

fn main() -> ExitCode {
    run(&Args::parse()).unwrap_or_else(|error| {
        eprintln!("instructions: {error}");
        ExitCode::FAILURE
    })
}

fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    if let (Some(piece), Some(dir)) = (args.read, &args.dir) {
        println!("{}", serde_json::to_string(&piece.read(dir)?)?);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.bench {
        println!("instructions are counted by `cargo bench`, of an optimised build");
        return Ok(ExitCode::SUCCESS);
    }
    if !(args.threshold.is_finite() && args.threshold >= 0.0) {
        return Err(format!("--threshold {} is no number of percent", args.threshold).into());
    }
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    if !has_valgrind()? {
        eprintln!("valgrind is not installed: no instructions were counted");
        return Ok(ExitCode::SUCCESS);
    }
    let counts = count(args.keep.as_deref())?;
    let regressed = tell(&counts, baseline.as_ref(), args)?;
    Ok(if regressed { ExitCode::from(REGRESSED) } else { ExitCode::SUCCESS })
}

fn baseline(file: &Path) -> Result<Counts, Box<dyn Error>> {
    let refuse = |what: String| format!("the baseline {}: {what}", file.display());
    let text = fs::read(file).map_err(|error| refuse(error.to_string()))?;
    let counts: Counts =
        serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
    let same = (counts.payload_bytes, counts.members, counts.records);
    let of = |piece: &Piece| counts.instructions_per_record.get(piece);
    let has_all = Piece::ALL.iter().all(|piece| of(piece).is_some_and(|it| *it > 0.0));
    match same == (PAYLOAD_BYTES, MEMBERS, RECORDS) && has_all {
        true => Ok(counts),
        false => Err(refuse("it counts other records or pieces than this build".into()).into()),
    }
}

fn has_valgrind() -> Result<bool, Box<dyn Error>> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(output) => Ok(output.status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn count(keep: Option<&Path>) -> Result<Counts, Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    if let Some(dir) = keep {
        fs::create_dir_all(dir)?;
    }
    let out = keep.unwrap_or(scratch.path());
    let make = |name: &str, records: u64| {
        let dir = scratch.path().join(name);
        Pieces::make(&dir, &[PAYLOAD_BYTES], &[1, MEMBERS], records, None).map(|it| (dir, it))
    };
    let (one, two) = (make("one", RECORDS)?, make("two", RECORDS.saturating_mul(2))?);
    let mut instructions_per_record = BTreeMap::new();
    for piece in Piece::ALL {
        let mut counted = [0_u64; 2];
        for (count, (dir, pieces)) in counted.iter_mut().zip([&one, &two]) {
            let (expected, _) = pieces.expected(PAYLOAD_BYTES, piece.members())?;
            let file = out.join(format!("callgrind.{}.{}.out", piece.name(), expected.records));
            *count = under_valgrind(piece, dir, expected, &file)?;
        }
        let [less, more] = counted;
        let difference = more.checked_sub(less).ok_or("twice the records took fewer")?;
        instructions_per_record.insert(piece, difference as f64 / RECORDS as f64);
    }
    let (payload_bytes, members, records) = (PAYLOAD_BYTES, MEMBERS, RECORDS);
    Ok(Counts { payload_bytes, members, records, instructions_per_record })
}

/// All instructions of one process that reads these records and nothing else.
fn under_valgrind(
    piece: Piece,
    dir: &Path,
    expected: Sum,
    file: &Path,
) -> Result<u64, Box<dyn Error>> {
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(file);
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(out_file)
        .arg(std::env::current_exe()?)
        .args(["--read", piece.name(), "--dir"])
        .arg(dir)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind ended with {}: {said}", output.status).into());
    }
    if serde_json::from_slice::<Sum>(&output.stdout)? != expected {
        return Err(format!("{} did not read the records that were written", piece.name()).into());
    }
    let text = fs::read_to_string(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind has written no totals")?.trim().parse()?)
}

/// Prints the counts, and what is worse than the baseline; whether anything is.
fn tell(counts: &Counts, baseline: Option<&Counts>, args: &Args) -> Result<bool, Box<dyn Error>> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(counts)?);
    } else {
        println!("{:<16} {:>12} {:>12} {:>8}", "piece", "instructions", "baseline", "change");
    }
    let mut regressed = false;
    for (piece, now) in &counts.instructions_per_record {
        let before = baseline.and_then(|it| it.instructions_per_record.get(piece));
        let percent = before.map(|before| (now / before - 1.0) * 100.0);
        if !args.json {
            let before = before.map_or_else(String::new, |before| format!("{before:.2}"));
            let change = percent.map_or_else(String::new, |percent| format!("{percent:+.2} %"));
            println!("{:<16} {now:>12.2} {before:>12} {change:>8}", piece.name());
        }
        if let Some(percent) = percent.filter(|percent| *percent > args.threshold) {
            eprintln!("{} takes {percent:.2} % more instructions a record", piece.name());
            regressed = true;
        }
    }
    if !args.json {
        let (payload_bytes, records) = (counts.payload_bytes, counts.records);
        println!("a record of {payload_bytes} bytes of payload, over {records} records");
    }
    Ok(regressed)
}
