//! The `holobiont` binary: what an operator, an integrator and an auditor type.
//!
//! **Owns** the command line, its output and its exit codes. **Does not own** any rule: those are
//! the libraries'. Data goes to standard output, messages to standard error.

#![forbid(unsafe_code)]
mod cli;
mod clock;
mod commands;
mod exit;
mod failure;
mod files;
mod import;
mod memory;
mod now;
mod opened;
mod page;
mod print;
mod progress;
mod quote_file;
mod reading;
mod report;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let as_json = cli.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(as_json),
    }
}
