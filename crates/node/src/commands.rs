//! One module a command.

mod audit;
mod bench;
mod config;
mod demo;
mod explain;
mod replay;
mod surface;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let as_json = cli.json;
    match cli.command {
        Command::Demo(args) => demo::run(&args, as_json),
        Command::Surface(command) => surface::run(&command, as_json),
        Command::Config(command) => config::run(&command, as_json),
        Command::Replay(args) => replay::run(&args, as_json),
        Command::Audit(args) => audit::run(&args, as_json),
        Command::Explain(args) => explain::run(&args, as_json),
        Command::Bench(command) => bench::run(&command, as_json),
    }
}
