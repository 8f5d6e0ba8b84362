use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holobiont_archive::SurfaceHead;
use holobiont_committee::Certificate;
use holobiont_identity::{Organism, UniqueId};
use holobiont_replay::{ReplayError, check_output};
use holobiont_surface::{Surface, SurfaceError, SurfaceWriter, Trust, WriterOptions};

use super::super::boot_keys::BootKeys;
use super::others::Other;
use super::told::Told;
use crate::cli::Audit as Args;
use crate::exported::{Exported, HeldConfigs, Recomputed, recompute};
use crate::failure::Failure;
use crate::http::Asking;
use crate::text::count;
use crate::{files, print, run};

/// How long what is certified may take to be in the log that a node shows.
const ARCHIVED: Duration = Duration::from_millis(500);
/// How much of a surface is fetched at once, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Audits a committee's signed log: one in a file, or what nodes serve.
pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let (organism, _) = files::organism(&args.organism)?;
    let scratch = Scratch::new()?;
    let started = Instant::now();
    let Fetched { node, others, export } = Fetched::of(args, &organism, &scratch.0)?;
    let surfaces_dir = match (&args.surfaces, &node) {
        (Some(dir), _) => dir.clone(),
        (None, Some((asking, _))) => fetch_members(asking, &organism, &scratch.0)?,
        (None, None) => {
            return Err(Failure::Usage {
                what: "there are no members' surfaces".to_owned(),
                help: "name their folder with --surfaces",
            });
        }
    };
    let mut configs = HeldConfigs::of(organism.clone());
    for file in &args.configs {
        configs.add(files::organism(file)?.0);
    }
    let roster = args.roster.as_deref().map(run::roster).transpose()?;
    let exported = Exported::open(&export, configs, roster.as_ref())?;
    let surfaces = args.reading.surfaces(&organism, &surfaces_dir, Trust::Full)?;
    let own_dir = scratch.0.join("output");
    let recomputed = recompute(exported, &surfaces, &own_dir)?;
    let boot_keys = BootKeys::judge(&recomputed.boots, &args.boot_trust)?;
    let own = Surface::open(&own_dir).map_err(ReplayError::Output)?;
    let (compared, certificate_agrees) = match (&node, &args.against) {
        (Some((asking, served)), _) => {
            let compared = compare_served(asking, &served.head, &own)?;
            (Some(compared), served.certificate_agrees(&recomputed)?)
        }
        (None, Some(dir)) => {
            let published = Surface::open(&dir.join("surface")).map_err(ReplayError::Output)?;
            check_output(&organism, &published)?;
            (Some(compare(&own, &published)?), None)
        }
        (None, None) => (None, None),
    };
    let mut told = Told::of(&recomputed, boot_keys, started.elapsed().as_secs_f64());
    (told.records_compared, told.fetched_certificate_cut) = (compared, certificate_agrees);
    for other in &others {
        told.others.push(other.compare(&export, &recomputed, &own)?);
    }
    let served = node.as_ref().map(|(_, served)| served);
    told.not_checked.extend(not_checked(args, served, certificate_agrees));
    if as_json {
        return print::json("audit", &told);
    }
    print::text(&told.render())
}

/// The log to audit, and who gave it.
struct Fetched {
    node: Option<(Asking, Served)>,
    others: Vec<Other>,
    export: PathBuf,
}

impl Fetched {
    fn of(args: &Args, organism: &Organism, scratch: &Path) -> Result<Self, Failure> {
        let mut asked = Vec::new();
        for url in &args.urls {
            let asking = Asking::new(url)?;
            // First, so that what is fetched after it covers it: a committee goes on meanwhile.
            let served = Served::ask(&asking, organism)?;
            asked.push((asking, served));
        }
        let mut asked = asked.into_iter();
        let Some((asking, served)) = asked.next() else {
            let in_folder = || args.against.clone().unwrap_or_default().join("cuts.log");
            let export = args.export.clone().unwrap_or_else(in_folder);
            return Ok(Self { node: None, others: Vec::new(), export });
        };
        let others = (1..).zip(asked).map(|(number, (asking, served))| {
            Other::new(asking, served, scratch.join(format!("cuts-{number}.log")))
        });
        let others: Vec<Other> = others.collect();
        // A node archives its log a moment after it was committed.
        std::thread::sleep(ARCHIVED);
        let export = scratch.join("cuts.log");
        asking.download("/v1/cuts", &export)?;
        for other in &others {
            other.fetch()?;
        }
        Ok(Self { node: Some((asking, served)), others, export })
    }
}

/// The members' records, as far as the node shows them.
fn fetch_members(asking: &Asking, organism: &Organism, scratch: &Path) -> Result<PathBuf, Failure> {
    let dir = scratch.join("members");
    std::fs::create_dir_all(&dir).map_err(Failure::io(&dir, "creating"))?;
    for member in &organism.members {
        let id = member.surface_id();
        let Some(head) = head(asking, &id)? else {
            return Err(Failure::NotReady {
                what: format!(
                    "{} does not show the records of {}: name the folder of the members' surfaces \
                     with --surfaces",
                    asking.base(),
                    member.name
                ),
            });
        };
        fetch(asking, &id, &head, &dir.join(&member.name))?;
    }
    Ok(dir)
}

fn head(asking: &Asking, id: &UniqueId) -> Result<Option<SurfaceHead>, Failure> {
    let Some(bytes) = asking.found(&format!("/v1/surfaces/{id}/head"))? else { return Ok(None) };
    let head: SurfaceHead =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(asking, &error))?;
    let is_it = head.surface == *id && head.genesis().check().is_ok();
    match is_it {
        true => Ok(Some(head)),
        false => Err(unreadable(asking, &"it is of another surface")),
    }
}

fn unreadable(asking: &Asking, why: &dyn std::fmt::Display) -> Failure {
    Failure::Answer {
        url: asking.base().to_owned(),
        status: 400,
        what: format!("no surface that this build reads ({why})"),
    }
}

/// Fetches a surface into a folder; every record is checked as it is appended.
fn fetch(asking: &Asking, id: &UniqueId, head: &SurfaceHead, dir: &Path) -> Result<(), Failure> {
    let genesis = head.genesis();
    let options = WriterOptions::default();
    let mut writer = match head.earliest {
        0 => SurfaceWriter::create(dir, genesis, options),
        _ => SurfaceWriter::create_at(dir, genesis, head.start.start_at(), options),
    }?;
    let path = format!("/v1/surfaces/{id}/records?from={}&to={}", head.earliest, head.next_seq);
    let mut input = asking.stream(&path)?;
    let mut waiting = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = input.read(&mut piece).map_err(Failure::io(dir, "fetching records into"))?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        waiting.extend_from_slice(bytes);
        let whole = whole_records(&waiting);
        if let Some((records, rest)) = waiting.split_at_checked(whole) {
            writer.append_stored(records, |_, _| {})?;
            waiting = rest.to_vec();
        }
        // A node may send whatever it likes, for as long as it likes.
        let limit_bytes = usize::try_from(head.max_window_bytes).unwrap_or(usize::MAX);
        if waiting.len() > limit_bytes || writer.next_seq() > head.next_seq {
            return Err(unreadable(asking, &"it sends other records than it says"));
        }
    }
    if !waiting.is_empty() || writer.next_seq() != head.next_seq {
        return Err(
            SurfaceError::NotYet { wanted: head.next_seq, next_seq: writer.next_seq() }.into()
        );
    }
    let got = writer.sync()?;
    if got != head.head {
        return Err(unreadable(asking, &"its records lead to another head than it says"));
    }
    Ok(())
}

/// How many bytes whole records take.
fn whole_records(bytes: &[u8]) -> usize {
    let mut whole = 0_usize;
    while let Some(header) = bytes.get(whole..).and_then(|rest| rest.first_chunk()) {
        let size = holobiont_surface::RecordHeader::decode(header).stored_size_bytes();
        let end = usize::try_from(size).ok().and_then(|size| whole.checked_add(size));
        match end.filter(|end| *end <= bytes.len()) {
            Some(end) => whole = end,
            None => break,
        }
    }
    whole
}

/// Holds what a node serves against what was recomputed, byte for byte.
fn compare_served(asking: &Asking, head: &SurfaceHead, own: &Surface) -> Result<u64, Failure> {
    let id = head.surface;
    if head.next_seq > own.next_seq() {
        return Err(Failure::Differs {
            what: format!(
                "{} serves {}, its own log makes {}",
                asking.base(),
                count(head.next_seq, "record"),
                own.next_seq()
            ),
        });
    }
    let path = format!("/v1/surfaces/{id}/records?from={}&to={}", head.earliest, head.next_seq);
    let mut input = asking.stream(&path)?;
    let mut cursor = own.cursor(head.earliest)?;
    let mut theirs = Vec::new();
    let mut compared = 0_u64;
    while cursor.next_seq() < head.next_seq && cursor.peek()?.is_some() {
        if let Some(record) = cursor.current() {
            theirs.resize(record.stored().len(), 0);
            let read = input.read_exact(&mut theirs);
            if read.is_err() || theirs != record.stored() {
                let seq = record.seq();
                return Err(Failure::Differs {
                    what: format!("{} serves another record {seq} than follows", asking.base()),
                });
            }
            compared = compared.saturating_add(1);
        }
        cursor.advance();
    }
    Ok(compared)
}

/// What a node served before its log was fetched.
pub(super) struct Served {
    pub(super) head: SurfaceHead,
    certificate: Option<Certificate>,
}

impl Served {
    fn ask(asking: &Asking, organism: &Organism) -> Result<Self, Failure> {
        let id = organism.output_surface_id();
        let Some(head) = head(asking, &id)? else {
            return Err(Failure::NotReady {
                what: format!("{} serves no commits of {}", asking.base(), organism.name),
            });
        };
        let certificate = asking.found("/v1/certificates/latest")?;
        let certificate = certificate.map(|bytes| Certificate::decode(&bytes)).transpose()?;
        Ok(Self { head, certificate })
    }

    /// The newest certificate's cut, if it names what was recomputed; none where it is of a cut that
    /// the export does not have.
    pub(super) fn certificate_agrees(&self, own: &Recomputed) -> Result<Option<u64>, Failure> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        Ok(own.agrees(certificate)?.then_some(certificate.statement.cut))
    }
}

/// What this audit took on somebody's word, in words.
fn not_checked(args: &Args, served: Option<&Served>, agrees: Option<u64>) -> Vec<String> {
    let mut not_checked = Vec::new();
    if args.surfaces.is_none() {
        not_checked.push(
            "that the members' records are the members' own: they are the node's, --surfaces names \
             others"
                .to_owned(),
        );
    }
    match served.map(|served| &served.certificate) {
        Some(Some(certificate)) if agrees.is_none() => not_checked.push(format!(
            "the certificate of cut {}, which the fetched log does not have",
            certificate.statement.cut
        )),
        Some(None) => not_checked.push("any certificate: the node shows none".to_owned()),
        _ => {}
    }
    not_checked
}

/// Holds a published surface against what was recomputed.
fn compare(own: &Surface, published: &Surface) -> Result<u64, Failure> {
    let last = published.next_seq().checked_sub(1);
    let Some(last) = last.filter(|last| *last >= published.earliest()) else { return Ok(0) };
    let theirs = published.head_at(last)?;
    if published.next_seq() > own.next_seq() || own.head_at(last)? != theirs {
        return Err(Failure::Differs {
            what: format!(
                "the published surface has head {} at record {last}, which does not follow from \
                 the log and the members' surfaces",
                theirs.hash
            ),
        });
    }
    Ok(last.saturating_sub(published.earliest()).saturating_add(1))
}

/// A folder for what is fetched and recomputed, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_nanos());
        let name = format!("holobiont-audit-{}-{now}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).map_err(Failure::io(&dir, "creating"))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in the system's own folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
