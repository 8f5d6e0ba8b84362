mod others;
mod signed;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use holobiont_identity::Organism;
use holobiont_policy::Cut;
use holobiont_programs::Visit;
use holobiont_replay::{Audit, LogReader, Program, ReplayError, Snapshot, Surfaces, audit};
use holobiont_surface::{Surface, Trust};
use serde::Serialize;
use serde_json::Value;

use super::replay::read_snapshot;
use crate::cli::Audit as Args;
use crate::exported::is_signed;
use crate::failure::{Failure, InputPlace};
use crate::files;
use crate::opened::Published;
use crate::print;
use crate::report::{Changes, Summary};
use crate::text::{Grouped, count};

/// Largest `summary.json` that is read, in bytes.
const MAX_SUMMARY_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (Some(against), Some(surfaces)) = (&args.against, &args.surfaces) else {
        return signed::run(args, as_json);
    };
    if is_signed(&Published::new(against).log())? {
        return signed::run(args, as_json);
    }
    if args.boot_trust.is_given() {
        return Err(Failure::Usage {
            what: "a replay's log has no boot keys whose quotes could be verified".to_owned(),
            help: "leave out what their quotes would be checked against",
        });
    }
    let (organism, _) = files::organism(&args.organism)?;
    let snapshot = args.from_snapshot.as_deref().map(read_snapshot).transpose()?;
    let surfaces = args.reading.surfaces(&organism, surfaces, Trust::Full)?;
    let published = Published::new(against);
    let started = Instant::now();
    let audited =
        audit_published(&args.organism, &organism, &surfaces, &published, snapshot.as_ref())?;
    let seconds = started.elapsed().as_secs_f64();
    if as_json {
        return print::json("audit", &Told::of(&audited, seconds));
    }
    let head = audited.output_head.map_or_else(|| "none".to_owned(), |head| head.hash.to_string());
    print::text(&format!(
        "agrees: {} published by {} cuts follow from the members' surfaces and the log\n\
         {} folded again in {seconds:.2} s\n\n\
         output head   {head}\nstate digest  {}\nlog digest    {}\n",
        count(audited.compared, "record"),
        Grouped(audited.totals.cuts),
        count(audited.totals.records, "record"),
        audited.state_digest,
        audited.log_digest,
    ))
}

/// Recomputes what was published, with the program that the config names, and compares all of it:
/// every record, the config kept beside them, and the summary.
pub(super) fn audit_published(
    config: &Path,
    organism: &Organism,
    surfaces: &Surfaces,
    published: &Published,
    snapshot: Option<&Snapshot>,
) -> Result<Audit, Failure> {
    let claimed = claims(published, snapshot)?;
    let log = LogReader::open(&published.log(), organism).map_err(ReplayError::from)?;
    let kept = published.organism()?.content_hash();
    let expected = organism.content_hash();
    if kept != expected {
        return Err(Failure::Differs {
            what: format!(
                "{} has content hash {kept}, the commits were made under {expected}",
                published.organism_file().display()
            ),
        });
    }
    let output = Surface::open(&published.surface_dir()).map_err(ReplayError::Output)?;
    let job = Job { organism, surfaces, snapshot, log, output: &output };
    let (audited, summary) = holobiont_programs::load(organism, job)
        .map_err(|source| Failure::Program { file: config.to_owned(), source })??;
    // A run that began at this very snapshot counted what is counted here; one that began at the
    // first record counted more, and only how it ends is the same.
    let is_partial = snapshot.is_some() && !claimed.contains_key("from_cut");
    compare(published, &claimed, &summary, is_partial)?;
    Ok(audited)
}

struct Job<'a> {
    organism: &'a Organism,
    surfaces: &'a Surfaces,
    snapshot: Option<&'a Snapshot>,
    log: LogReader,
    output: &'a Surface,
}

impl Visit for Job<'_> {
    type Output = Result<(Audit, Summary), ReplayError>;

    fn visit<P: Program>(self, program: P) -> Self::Output {
        let Self { organism, surfaces, snapshot, log, output } = self;
        let mut changes = Changes::new(organism);
        let note = |cut: &Cut| changes.note(cut);
        let (audited, replay) = audit(organism, surfaces, program, snapshot, log, output, note)?;
        let end = (output.next_seq(), audited.output_head);
        let from_cut = snapshot.map(|snapshot| snapshot.cut);
        let summary = Summary::of(organism, surfaces, &replay, changes, end, from_cut);
        Ok((audited, summary))
    }
}

type Fields = BTreeMap<String, Value>;

/// What the published summary claims.
fn claims(published: &Published, snapshot: Option<&Snapshot>) -> Result<Fields, Failure> {
    let file = published.summary();
    let bytes = files::read_bytes(&file, MAX_SUMMARY_BYTES)?;
    let claimed: Fields = serde_json::from_slice(&bytes).map_err(|error| Failure::Input {
        file: file.clone(),
        place: InputPlace::default(),
        what: error.to_string(),
        help: "it is what `replay` wrote; fetch it again",
    })?;
    match claimed.get("from_cut") {
        Some(cut) if cut.as_u64() != snapshot.map(|snapshot| snapshot.cut) => Err(Failure::Usage {
            what: format!("{} was resumed from the snapshot of cut {cut}", file.display()),
            help: "give that snapshot with --from-snapshot",
        }),
        _ => Ok(claimed),
    }
}

/// What is no record of the surface is compared by itself. An audit from a snapshot sees only what
/// came after it, so it compares the end alone.
fn compare(
    published: &Published,
    claimed: &Fields,
    computed: &Summary,
    is_partial: bool,
) -> Result<(), Failure> {
    const END: [&str; 7] = [
        "output_head",
        "output_records",
        "state_digest",
        "log_digest",
        "watermark",
        "records_waiting",
        "waits_for",
    ];
    let computed = serde_json::to_value(computed).map_err(Failure::unexpected)?;
    let computed: Fields = serde_json::from_value(computed).map_err(Failure::unexpected)?;
    let different: BTreeSet<String> = claimed
        .keys()
        .chain(computed.keys())
        .filter(|key| !is_partial || END.contains(&key.as_str()))
        .filter(|key| claimed.get(*key) != computed.get(*key))
        .map(|key| key.replace('_', " "))
        .collect();
    if different.is_empty() {
        return Ok(());
    }
    let different: Vec<String> = different.into_iter().collect();
    Err(Failure::Differs {
        what: format!(
            "{}: every commit agrees, but this differs from what was computed: {}",
            published.summary().display(),
            different.join(", ")
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
