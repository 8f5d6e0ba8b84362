#[cfg(feature = "simulated")]
mod committee;
mod table;

use std::path::Path;
use std::process::Command;

use holobiont_bench::{Baseline, Compared, Hooks, Place, Report, Settings, Which};
use serde::Serialize;
use serde_json::Value;

use crate::cli::{Bench, BenchReplay as Args, Scenario};
use crate::failure::{Failure, InputPlace};
use crate::{files, memory, print};

/// Payload sizes where none is asked for, in bytes.
const PAYLOADS: [u32; 3] = [256, 64, 1024];
const SCENARIOS: [Scenario; 3] = [Scenario::Fixed, Scenario::Zipf, Scenario::Ecb];
const QUICK_MEMBERS: [u16; 3] = [1, 2, 8];
const RATES: &str = include_str!("../../../../examples/euro-fx/eurofxref-hist.csv");
const MAX_RATES_BYTES: u64 = 64 << 20;
const MAX_REPORT_BYTES: u64 = 16 << 20;

pub(super) fn run(command: &Bench, as_json: bool) -> Result<(), Failure> {
    match command {
        Bench::Replay(args) => replay(args, as_json),
        #[cfg(feature = "simulated")]
        Bench::Committee(args) => committee::run(args, as_json),
    }
}

fn replay(args: &Args, as_json: bool) -> Result<(), Failure> {
    if let Some(row) = &args.probe {
        return probe(args, row);
    }
    let baseline = args.baseline.as_deref().map(|file| baseline(file, args)).transpose()?;
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
    }
    let given = args.ecb.as_deref().map(|file| files::read_text(file, MAX_RATES_BYTES));
    let given = given.transpose()?;
    let settings = settings(args);
    let hooks = Hooks {
        rates: given.as_deref().unwrap_or(RATES),
        note: &mut print::note,
        peak: &mut |row| peak_of_child(&args.dir, row, settings.threads),
    };
    let keep = args.keep || args.reuse;
    let place = Place { dir: &args.dir, reuse: args.reuse, keep };
    let report = holobiont_bench::run(&settings, place, hooks)?;
    let compared = baseline.map(|baseline| baseline.compare(&report)).unwrap_or_default();
    if let Some(dir) = &args.out {
        let text = serde_json::to_vec_pretty(&report).map_err(Failure::unexpected)?;
        files::replace(&dir.join("replay.json"), &text)?;
        let page = holobiont_bench::page(&report);
        files::replace(&dir.join("replay.html"), page.as_bytes())?;
    }
    let verdict = verdict(&report, &compared);
    tell(&report, &compared, verdict.is_none(), as_json)?;
    match verdict {
        None => Ok(()),
        Some(failure) if as_json => Err(Failure::Reported(Box::new(failure))),
        Some(failure) => Err(failure),
    }
}

fn settings(args: &Args) -> Settings {
    let or = |given: &[u32], default: &[u32]| {
        if given.is_empty() { default.to_vec() } else { given.to_vec() }
    };
    let defaults = Settings::default();
    let payloads = or(&args.payload, if args.quick { &PAYLOADS[..1] } else { &PAYLOADS });
    let asked = if args.scenario.is_empty() { &SCENARIOS[..] } else { &args.scenario };
    let mut scenarios = Vec::new();
    for scenario in asked {
        match scenario {
            Scenario::Fixed => scenarios.extend(payloads.iter().map(|it| Which::Fixed(*it))),
            Scenario::Zipf => scenarios.push(Which::Zipf),
            Scenario::Ecb => scenarios.push(Which::Ecb),
        }
    }
    let members = match (args.members.is_empty(), args.quick) {
        (false, _) => args.members.clone(),
        (true, true) => QUICK_MEMBERS.to_vec(),
        (true, false) => defaults.members,
    };
    let repeat = if args.quick { 1 } else { defaults.repeat };
    Settings {
        scenarios,
        records: args.records.map(std::num::NonZeroU64::get),
        members,
        threads: args.threads.map_or(defaults.threads, std::num::NonZeroUsize::get),
        repeat: args.repeat.map_or(repeat, std::num::NonZeroUsize::get),
        seed: args.seed,
        large_gib: args.large,
        only: args.only.clone(),
        quick: args.quick,
    }
}

fn baseline(file: &Path, args: &Args) -> Result<Baseline, Failure> {
    if !(args.threshold.is_finite() && args.threshold >= 0.0) {
        return Err(Failure::Usage {
            what: format!("--threshold {} is no number of percent", args.threshold),
            help: "give 0 or more",
        });
    }
    let bytes = files::read_bytes(file, MAX_REPORT_BYTES)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| Failure::Input {
        file: file.to_owned(),
        place: InputPlace { line: u64::try_from(error.line()).ok(), column: None },
        what: error.to_string(),
        help: "name the replay.json that a run of this version with --out has written",
    })?;
    Ok(Baseline { report, threshold_percent: args.threshold })
}

/// What is wrong with a run, the worst first.
fn verdict(report: &Report, compared: &[Compared]) -> Option<Failure> {
    let invalid: Vec<String> = report.invalid().map(|(row, why)| format!("{row}: {why}")).collect();
    if !invalid.is_empty() {
        let what = format!("this run is INVALID, whatever its speed: {}", invalid.join("; "));
        return Some(Failure::Differs { what });
    }
    let regressed: Vec<String> = compared
        .iter()
        .filter(|it| it.regressed)
        .map(|it| format!("{} is {:.1} % worse against {}", it.row, it.worse_percent, it.floor))
        .collect();
    (!regressed.is_empty()).then(|| Failure::Regressed { what: regressed.join("; ") })
}

fn tell(report: &Report, compared: &[Compared], ok: bool, as_json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Told<'a> {
        #[serde(flatten)]
        report: &'a Report,
        compared: &'a [Compared],
    }
    if as_json {
        return print::verdict("bench-replay", ok, &Told { report, compared });
    }
    print::text(&table::render(report, compared))
}

/// Runs a row once in this process, and tells how much memory that took.
fn probe(args: &Args, row: &str) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Probed {
        peak_bytes: Option<u64>,
    }
    holobiont_bench::probe(&args.dir, row, settings(args).threads)?;
    print::json("bench-probe", &Probed { peak_bytes: memory::peak_bytes() })
}

/// The same in another process of this program; none where there can be no other.
fn peak_of_child(dir: &Path, row: &str, threads: usize) -> Result<Option<u64>, String> {
    let Ok(program) = std::env::current_exe() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(["bench", "replay", "--json", "--probe", row, "--threads"]);
    command.arg(threads.to_string()).arg("--dir").arg(dir);
    let Ok(output) = command.output() else { return Ok(None) };
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match told.get("message") {
        None if output.status.success() => Ok(told.get("peak_bytes").and_then(Value::as_u64)),
        None => Err(format!("it ended with {}", output.status)),
        Some(message) => Err(message.as_str().unwrap_or_default().to_owned()),
    }
}
