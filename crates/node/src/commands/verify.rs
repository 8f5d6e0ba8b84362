use std::path::{Path, PathBuf};
use std::time::Duration;

use holobiont_attestation::{
    Ask, At, Binding, Check, Collateral, Evidence, Fault, InspectBinding, MAX_EVENT_LOG_BYTES,
    Marks, Outcome, Quote, Reason, TrustRoot, Verdict, Verifier, claimed_platform,
};
use holobiont_attestation_pccs::{CollateralDirectory, StoreError, newest_first, unbundle};
use holobiont_identity::pins::{PlatformKind, SurfacePins};
use serde_json::json;

use crate::cli::{Asked, VerifyFile, VerifyQuote};
use crate::failure::Failure;
use crate::now::now_s;
use crate::quote_file::{MAX_FILE_BYTES, QuoteFile, wrong};
use crate::{files, print};

/// How long `--url` may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// Where a folder of collateral has the marks of simulated roots.
const SIMULATED_MARKS: &str = "simulated";

pub(super) fn run(args: &VerifyQuote, as_json: bool) -> Result<(), Failure> {
    verify(&Verifier::new(), &args.from, &args.asked, as_json)
}

/// The same for any root: nothing here knows which it is, but for pins of simulated guests, which
/// only a simulated root may meet.
pub(super) fn verify<R: TrustRoot>(
    verifier: &Verifier<R>,
    from: &VerifyFile,
    asked: &Asked,
    as_json: bool,
) -> Result<(), Failure> {
    let (source, mut read) = read(from)?;
    if let Some(file) = &asked.event_log {
        let limit_bytes = u64::try_from(MAX_EVENT_LOG_BYTES).unwrap_or(u64::MAX);
        read.evidence.event_log = Some(files::read_bytes(file, limit_bytes)?);
    }
    let pins = match (&asked.pins, &asked.surface) {
        (Some(file), Some(surface)) => Some(pins_of(file, surface, verifier.simulated())?),
        _ => None,
    };
    let simulated = verifier.simulated();
    let binding = asked
        .challenge
        .map(|challenge| Binding::Inspect(InspectBinding { simulated, challenge: challenge.0 }));
    let now_s = asked.at.unwrap_or_else(now_s);
    let held = Held::open(asked.collateral.as_deref(), simulated)?;
    let sets = held.sets(&read.evidence, now_s)?;
    let marks = held.marks()?;
    let ask = Ask {
        now_s,
        pins: pins.as_ref(),
        binding: binding.as_ref(),
        collateral: None,
        marks: &marks,
        quote_made_s: None,
    };
    let verdict = judged(verifier, &read.evidence, &sets, ask);
    if verdict.trusted() && asked.at.is_none() {
        held.raise(&verdict.observed)?;
    }
    let claim = read.check_binding();
    show(&source, &read, &verdict, claim.as_ref().err(), now_s, as_json)?;
    if let Err(what) = claim {
        return Err(Failure::Reported(Box::new(wrong(&source, what))));
    }
    match verdict.reason() {
        Some(reason) => Err(Failure::Reported(Box::new(Failure::Verdict {
            what: reason.to_string(),
            fault: reason.fault(),
        }))),
        None if verdict.trusted() => Ok(()),
        None => Err(Failure::Reported(Box::new(Failure::Verdict {
            what: "a check could not be run".to_owned(),
            fault: Fault::Untrusted,
        }))),
    }
}

/// The verdict with the best of these sets. A set that was imported may be a forgery; the next one may
/// be good. The newest that is what it says decides: an older one does not know of what was revoked
/// since.
pub(super) fn judged<'a, R: TrustRoot>(
    verifier: &Verifier<R>,
    evidence: &Evidence,
    sets: &'a [Collateral],
    ask: Ask<'a>,
) -> Verdict {
    let with = |collateral| verifier.verify(evidence, &Ask { collateral, ..ask });
    let mut verdict = with(sets.first());
    for set in sets.iter().skip(1) {
        if !verdict.blames_collateral() {
            break;
        }
        let other = with(Some(set));
        if !other.blames_collateral() || rank(&other) < rank(&verdict) {
            verdict = other;
        }
    }
    verdict
}

/// How far from good: what is only missing or out of date comes before what is wrong.
fn rank(verdict: &Verdict) -> u8 {
    match verdict.reason().map(Reason::fault) {
        None => 0,
        Some(Fault::Policy) => 1,
        Some(Fault::Unavailable) => 2,
        Some(_) => 3,
    }
}

fn show(
    source: &Path,
    read: &QuoteFile,
    verdict: &Verdict,
    claim: Option<&String>,
    now_s: u64,
    as_json: bool,
) -> Result<(), Failure> {
    let ok = verdict.trusted() && claim.is_none();
    if as_json {
        let told = json!({
            "source": source,
            "at_s": now_s,
            "made_for": read.binding.as_ref().map(Binding::to_json),
            "made_for_refused": claim,
            "verdict": verdict.to_json(),
        });
        return print::verdict("verdict", ok, &told);
    }
    let mut text = format!("{}, as of {}\n", source.display(), At(now_s));
    if let Some(binding) = &read.binding {
        let is_sound = verdict.outcome(Check::Dcap) == Some(&Outcome::Passed);
        let by_whom = match claim {
            Some(_) => "the file claims",
            None if is_sound => "its quote binds",
            None => "its quote says, unproved",
        };
        text.push_str(&format!("made for: {} ({by_whom})\n", binding.purpose().name()));
    }
    text.push_str(&format!("\n{verdict}"));
    print::text(&text)
}

/// The pins of a surface. Those of simulated guests are refused where the root is Intel's, before
/// anything is judged by them.
pub(super) fn pins_of(file: &Path, surface: &str, simulated: bool) -> Result<SurfacePins, Failure> {
    let (organism, _) = files::organism(file)?;
    let Some(pins) = organism.pins(surface) else {
        let known: Vec<&str> = organism.surfaces.iter().map(|it| it.surface.as_str()).collect();
        return Err(Failure::Policy {
            file: file.to_owned(),
            what: match known.is_empty() {
                true => "has no [[surface]] with pins".to_owned(),
                false => format!("has no pins for {surface:?}, only for {}", known.join(", ")),
            },
            help: "add a [[surface]] of that name, or name another with --surface",
        });
    };
    let kind = |pin: &&holobiont_identity::pins::Pin| pin.platform == PlatformKind::Simulated;
    if let Some(pin) = pins.sets.iter().find(kind).filter(|_| !simulated) {
        return Err(Failure::Policy {
            file: file.to_owned(),
            what: format!("pins a simulated guest ({}) on {surface:?}", pin.label),
            help: "simulated TDX proves nothing: take the set out, or use `holobiont dev verify`",
        });
    }
    Ok(pins.clone())
}

fn read(from: &VerifyFile) -> Result<(PathBuf, QuoteFile), Failure> {
    match (&from.file, &from.url) {
        (Some(file), _) => Ok((file.clone(), QuoteFile::read(file)?)),
        (None, Some(url)) => {
            let source = PathBuf::from(url);
            let bytes = download(url)?;
            let read = QuoteFile::parse(&bytes).map_err(|what| wrong(&source, what))?;
            Ok((source, read))
        }
        (None, None) => Err(Failure::Usage {
            what: "nothing to verify".to_owned(),
            help: "name a FILE, or an address with --url",
        }),
    }
}

fn download(url: &str) -> Result<Vec<u8>, Failure> {
    let address: Option<ureq::http::Uri> = url.parse().ok();
    // Before an `@`, anything can be made to look like this machine.
    let is_plain =
        |it: &ureq::http::Uri| it.authority().is_some_and(|it| !it.as_str().contains('@'));
    let place = address.as_ref().filter(|it| is_plain(it)).map(|it| (it.scheme_str(), it.host()));
    let is_here = matches!(place, Some((Some("http"), Some("127.0.0.1" | "localhost" | "[::1]"))));
    if !is_here && !matches!(place, Some((Some("https"), Some(_)))) {
        return Err(Failure::Usage {
            what: format!("{url} is neither https nor http on this machine"),
            help: "a quote needs no secrecy, but a name in front of it does mean something",
        });
    }
    let failed =
        |error: ureq::Error| Failure::Download { url: url.to_owned(), source: Box::new(error) };
    let mut config = ureq::Agent::config_builder();
    if is_here {
        // A proxy that the environment names is for other machines.
        config = config.proxy(None);
    }
    let agent: ureq::Agent = config
        .timeout_global(Some(DOWNLOAD_TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(true)
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(failed)?;
    response.body_mut().with_config().limit(MAX_FILE_BYTES).read_to_vec().map_err(failed)
}

/// The collateral at hand.
pub(super) enum Held {
    Nothing,
    Sets(Vec<Collateral>),
    Directory {
        sets: CollateralDirectory,
        /// The folder again, but for simulated roots, whose numbers say nothing of Intel's.
        marks: PathBuf,
    },
}

impl Held {
    pub(super) fn open(path: Option<&Path>, simulated: bool) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Nothing) };
        if path.is_dir() {
            let marks = if simulated { path.join(SIMULATED_MARKS) } else { path.to_owned() };
            return Ok(Self::Directory { sets: CollateralDirectory::existing(path)?, marks });
        }
        let limit_bytes = u64::try_from(holobiont_attestation_pccs::MAX_BUNDLE_BYTES);
        let bytes = files::read_bytes(path, limit_bytes.unwrap_or(u64::MAX))?;
        let mut sets =
            unbundle(&bytes).map_err(|why| StoreError::Import { path: path.to_owned(), why })?;
        newest_first(&mut sets);
        Ok(Self::Sets(sets))
    }

    /// Those for the quote's platform, the best first; where none is, any, so that the verdict
    /// says what is wrong with it.
    pub(super) fn sets(&self, evidence: &Evidence, now_s: u64) -> Result<Vec<Collateral>, Failure> {
        let quote = Quote::parse(&evidence.quote).ok();
        let platform = quote.as_ref().and_then(claimed_platform);
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Sets(sets) => {
                let fits = |set: &Collateral| Some((set.fmspc(), set.ca())) == platform;
                let mut sets = sets.clone();
                sets.sort_by_key(|set| !fits(set));
                Ok(sets)
            }
            Self::Directory { sets: directory, .. } => {
                let Some((fmspc, ca)) = platform else { return Ok(Vec::new()) };
                match directory.usable(fmspc, ca, now_s) {
                    Ok(sets) => Ok(sets),
                    Err(StoreError::Missing { .. }) => Ok(Vec::new()),
                    // All are past their end: the verdict says which part.
                    Err(StoreError::NoneValid { .. }) => {
                        let all = directory.list()?.into_iter().map(|stored| stored.collateral);
                        Ok(all.filter(|set| (set.fmspc(), set.ca()) == (fmspc, ca)).collect())
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    pub(super) fn marks(&self) -> Result<Marks, Failure> {
        match self {
            Self::Directory { marks, .. } if marks.is_dir() => {
                Ok(CollateralDirectory::existing(marks)?.marks()?)
            }
            _ => Ok(Marks::default()),
        }
    }

    /// What was proved of numbers and time is kept beside the collateral.
    fn raise(&self, observed: &Marks) -> Result<(), Failure> {
        if let Self::Directory { marks, .. } = self {
            CollateralDirectory::open(marks)?.raise_marks(observed)?;
        }
        Ok(())
    }
}
