//! `holobiont bench committee`: nodes are processes, this process is their members and their judge.

mod alone;
mod config;
mod down;
mod flat;
mod floors;
mod kills;
mod mark;
mod members;
mod network;
mod paced;
mod process;
mod progress;
mod report;
mod settings;
mod table;

use std::fs;
use std::path::Path;
use std::time::Instant;

use holobiont_bench::Machine;

use self::report::Report;
use self::settings::Settings;
use crate::cli::{BenchCommittee as Args, CommitteePart as Part};
use crate::commands::dev::network::prepare;
use crate::failure::Failure;
use crate::print;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    print::note("SIMULATED TDX: quotes are free here; connections are attested only once anyway");
    let settings = Settings::of(args);
    prepare::make_free(&args.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::unexpected)?;
    let measured = runtime.block_on(measure(&args.dir, &settings));
    // Nobody waits for the answer of a node that is gone.
    runtime.shutdown_background();
    if args.keep || measured.is_err() {
        print::note(&format!("configs, logs and data are in {}", args.dir.display()));
    } else {
        fs::remove_dir_all(&args.dir).map_err(Failure::io(&args.dir, "removing"))?;
    }
    let report = measured?;
    if as_json {
        print::verdict("bench-committee", report.wrong.is_empty(), &report)?;
    } else {
        print::text(&table::render(&report))?;
    }
    if report.wrong.is_empty() {
        return Ok(());
    }
    let what = format!("this run is INVALID, whatever its speed: {}", report.wrong.join("; "));
    let failure = Failure::Differs { what };
    Err(if as_json { Failure::Reported(Box::new(failure)) } else { failure })
}

async fn measure(dir: &Path, settings: &Settings) -> Result<Report, Failure> {
    let began = Instant::now();
    let mut report = Report::new(Machine::here(dir), settings.clone());
    print::note("floors: the disk's fsync, and an attested connection ...");
    report.floors = floors::measure(dir).await?;
    if settings.has(Part::Paced) || settings.has(Part::Kills) {
        paced_and_kills(dir, settings, &mut report).await?;
    }
    if settings.has(Part::Flat) {
        print::note(&format!("flat: as fast as it goes for {} s ...", settings.seconds));
        report.flat = Some(flat::measure(&dir.join("flat"), settings, &mut report.wrong).await?);
    }
    if settings.has(Part::Down) {
        print::note(&format!("down: {} records without one node ...", settings.down_records));
        report.down = Some(down::measure(&dir.join("down"), settings, &mut report.wrong).await?);
    }
    report.took_s = began.elapsed().as_secs_f64();
    report.judge();
    Ok(report)
}

async fn paced_and_kills(
    dir: &Path,
    settings: &Settings,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut network = network::Network::start(&dir.join("paced"), settings).await?;
    if settings.has(Part::Paced) {
        print::note(&format!(
            "paced: a record of each member every 50 ms for {} s ...",
            settings.seconds
        ));
        report.paced = Some(paced::measure(&mut network, settings).await?);
    }
    if settings.has(Part::Kills) {
        print::note(&format!("kills: the leader, {} times ...", settings.kills));
        report.kills = Some(kills::measure(&mut network, settings).await?);
    }
    report.wrong.extend(network.stop().await);
    Ok(())
}
