//! One module a command.

mod audit;
mod bench;
mod boot_keys;
mod certificate;
mod collateral;
mod config;
mod demo;
#[cfg(feature = "simulated")]
mod dev;
mod doctor;
mod explain;
mod measure;
mod order;
mod quote;
mod replay;
mod run;
mod status;
mod surface;
mod verify;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let as_json = cli.json;
    match cli.command {
        Command::Demo(args) => demo::run(&args, as_json),
        Command::Run(args) => run::run(&args, as_json),
        Command::Status(args) => status::run(&args, as_json),
        Command::Order(command) => order::run(&command, as_json),
        Command::Certificate(command) => certificate::run(&command, as_json),
        Command::Surface(command) => surface::run(&command, as_json),
        Command::Config(command) => config::run(&command, as_json),
        Command::Replay(args) => replay::run(&args, as_json),
        Command::Audit(args) => audit::run(&args, as_json),
        Command::Explain(args) => explain::run(&args, as_json),
        Command::Quote(args) => quote::run(&args, as_json),
        Command::Verify(args) => verify::run(&args, as_json),
        Command::Measure(command) => measure::run(&command, as_json),
        Command::Collateral(command) => collateral::run(&command, as_json),
        Command::Doctor(args) => doctor::run(&args, as_json),
        #[cfg(feature = "simulated")]
        Command::Dev(command) => dev::run(&command, as_json),
        Command::Bench(command) => bench::run(&command, as_json),
    }
}
