use std::time::Instant;

use holobiont_identity::Organism;
use holobiont_programs::Visit;
use holobiont_replay::{
    Audit, DEFAULT_MEMORY_BUDGET_BYTES, LogReader, Program, ReplayError, Snapshot, Surfaces, audit,
};
use holobiont_surface::Surface;
use serde::{Deserialize, Serialize};

use super::replay::read_snapshot;
use crate::cli::Audit as Args;
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::opened::Published;
use crate::print;
use crate::text::{Grouped, count};

/// Largest `summary.json` that is read, in bytes.
const MAX_SUMMARY_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (organism, _) = files::organism(&args.organism)?;
    let snapshot = args
        .from_snapshot
        .as_deref()
        .map(read_snapshot)
        .transpose()?;
    let surfaces = Surfaces::open(&organism, &args.surfaces, DEFAULT_MEMORY_BUDGET_BYTES)?;
    let published = Published::new(&args.against);
    let started = Instant::now();
    let audit = audit_published(args, &organism, &surfaces, &published, snapshot.as_ref())?;
    check_summary(&published, &audit)?;
    let seconds = started.elapsed().as_secs_f64();
    if as_json {
        return print::json("audit", &Told::of(&audit, seconds));
    }
    let head = audit
        .output_head
        .map_or_else(|| "none".to_owned(), |head| head.hash.to_string());
    print::text(&format!(
        "agrees: {} published by {} cuts follow from the members' surfaces and the log\n\
         {} folded again in {seconds:.2} s\n\n\
         output head   {head}\nstate digest  {}\nlog digest    {}\n",
        count(audit.compared, "record"),
        Grouped(audit.totals.cuts),
        count(audit.totals.records, "record"),
        audit.state_digest,
        audit.log_digest,
    ))
}

/// Recomputes what was published, with the program that the config names.
pub(super) fn audit_published(
    args: &Args,
    organism: &Organism,
    surfaces: &Surfaces,
    published: &Published,
    snapshot: Option<&Snapshot>,
) -> Result<Audit, Failure> {
    let log = LogReader::open(&published.log(), organism).map_err(ReplayError::from)?;
    let output = Surface::open(&published.surface_dir()).map_err(ReplayError::Output)?;
    let expected = organism.output_surface_id();
    let got = output.genesis().surface_id;
    if got != expected {
        return Err(Failure::Input {
            file: published.surface_dir(),
            place: InputPlace::default(),
            what: format!("holds surface {got}, this organism publishes {expected}"),
            help: "name the folder that this organism's replay wrote",
        });
    }
    let job = Job {
        organism,
        surfaces,
        snapshot,
        log,
        output: &output,
    };
    let audited = holobiont_programs::load(organism, job).map_err(|source| Failure::Program {
        file: args.organism.clone(),
        source,
    })?;
    Ok(audited?)
}

struct Job<'a> {
    organism: &'a Organism,
    surfaces: &'a Surfaces,
    snapshot: Option<&'a Snapshot>,
    log: LogReader,
    output: &'a Surface,
}

impl Visit for Job<'_> {
    type Output = Result<Audit, ReplayError>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        audit(
            self.organism,
            self.surfaces,
            program,
            self.snapshot,
            self.log,
            self.output,
        )
    }
}

/// The digest of the final state is no record of the surface, so it is compared by itself.
fn check_summary(published: &Published, audit: &Audit) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Claimed {
        output_head: Option<String>,
        state_digest: String,
        log_digest: String,
    }
    let file = published.summary();
    let bytes = files::read_bytes(&file, MAX_SUMMARY_BYTES)?;
    let claimed: Claimed = serde_json::from_slice(&bytes).map_err(|error| Failure::Input {
        file: file.clone(),
        place: InputPlace::default(),
        what: error.to_string(),
        help: "it is what `replay` wrote; fetch it again",
    })?;
    let computed_head = audit.output_head.map(|head| head.hash.to_string());
    let different: Vec<&str> = [
        ("output head", claimed.output_head == computed_head),
        (
            "state digest",
            claimed.state_digest == audit.state_digest.to_string(),
        ),
        (
            "log digest",
            claimed.log_digest == audit.log_digest.to_string(),
        ),
    ]
    .into_iter()
    .filter(|(_, equal)| !equal)
    .map(|(name, _)| name)
    .collect();
    if different.is_empty() {
        return Ok(());
    }
    Err(Failure::Differs {
        what: format!(
            "{}: every commit agrees, but its {} differs from what was computed",
            file.display(),
            different.join(" and its ")
        ),
    })
}

#[derive(Serialize)]
struct Told {
    records_compared: u64,
    cuts: u64,
    records_folded: u64,
    output_head: Option<String>,
    state_digest: String,
    log_digest: String,
    seconds: f64,
}

impl Told {
    fn of(audit: &Audit, seconds: f64) -> Self {
        Self {
            records_compared: audit.compared,
            cuts: audit.totals.cuts,
            records_folded: audit.totals.records,
            output_head: audit.output_head.map(|head| head.hash.to_string()),
            state_digest: audit.state_digest.to_string(),
            log_digest: audit.log_digest.to_string(),
            seconds,
        }
    }
}
