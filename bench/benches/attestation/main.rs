//! What a verification costs, beside what its signatures alone cost: all measured in turn, in one
//! run, so that the ratios hold on a busy machine and on another one.
//!
//! The floor is one bare ECDSA P-256 verification by ring. A platform that was never seen takes nine
//! of them, one that is known two, a known attestation key one. Every verification must check just
//! so many signatures and end as it should: otherwise the run is invalid (exit 7), however fast.
//!
//! Quotes are a simulated Intel's, and Intel's own where the real data is. No verification here asks
//! for the second opinion; what that costs is a row of its own.

mod cases;
mod contender;
mod real;
mod report;
mod subject;

use std::process::ExitCode;

use clap::Parser;
use holobiont_bench::BenchError;

use crate::report::Report;

/// As `holobiont bench replay` ends when a reader has not read what was written.
const INVALID: u8 = 7;

/// Times attestation against the signature checks that it cannot do without.
#[derive(Debug, Parser)]
struct Args {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// How often everything is measured in turn.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rounds: u16,
    /// Only the floor and rows whose name begins so: for a profiler.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        println!("attestation is timed by `cargo bench`, of an optimised build");
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(report) if args.json => match serde_json::to_string_pretty(&report) {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error, ExitCode::FAILURE),
        },
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(error @ BenchError::Differs { .. }) => failed(&error, ExitCode::from(INVALID)),
        Err(error) => failed(&error, ExitCode::FAILURE),
    }
}

fn run(args: &Args) -> Result<Report, BenchError> {
    let only = args.only.as_deref().unwrap_or_default();
    let (mut contenders, notes) = cases::all()?;
    contenders.retain(|it| it.name == cases::FLOOR || it.name.starts_with(only));
    let rows = contender::measure(&mut contenders, args.rounds)?;
    Ok(Report::new(args.rounds, rows, notes))
}

/// What went wrong where nothing may.
fn differs(error: &impl std::fmt::Display) -> BenchError {
    BenchError::Differs { what: error.to_string() }
}

fn failed(error: &dyn std::error::Error, code: ExitCode) -> ExitCode {
    eprintln!("attestation: {error}");
    code
}
