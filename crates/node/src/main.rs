//! The `holobiont` binary: what an operator, an integrator and an auditor type.
//!
//! **Owns** the command line, its output and its exit codes. **Does not own** any rule: those are
//! the libraries'. Data goes to standard output, messages to standard error.

#![forbid(unsafe_code)]
mod boot_quote;
mod cli;
mod clock;
mod commands;
#[cfg(feature = "simulated")]
mod dev;
mod exit;
mod exported;
mod failure;
mod files;
mod http;
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
mod run;
#[cfg(feature = "simulated")]
mod simulated_world;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    #[cfg(feature = "simulated")]
    dev::end_with_parent();
    let cli = cli::Cli::parse();
    let as_json = cli.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(as_json),
    }
}
