use std::path::Path;

use holobiont_attestation::{At, Binding, InspectBinding, PckCa, Quote, claimed_platform};
use holobiont_attestation_pccs::{CollateralDirectory, Freshness, freshness};
use holobiont_enclave::{ConfigfsTsm, Guest, Interface, Roots, State, self_check};
use serde_json::json;

use super::collateral::in_words_of;
use super::verify::pins_of;
use crate::cli::Doctor;
use crate::failure::Failure;
use crate::now::now_s;
use crate::print;

/// One thing that was looked at.
struct Line {
    what: String,
    level: Level,
    found: String,
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Warning,
    Bad,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Bad => "FAIL",
        }
    }
}

pub(super) fn run(args: &Doctor, as_json: bool) -> Result<(), Failure> {
    let roots = Roots::under(&args.system_root);
    let guest = Guest::detect(&roots);
    let now_s = now_s();
    let mut lines = guest_lines(&guest);
    let directory = args.collateral.as_deref().map(open).transpose();
    lines.push(clock(now_s, directory.as_ref().ok().and_then(Option::as_ref)));
    let mut own = None;
    if guest.can_quote() || args.pins.is_some() {
        lines.push(pins(args, &guest, &roots, now_s, &mut own));
    }
    match &directory {
        Ok(Some(directory)) => lines.extend(collateral(directory, own.as_ref(), now_s)),
        Ok(None) => lines.push(Line {
            what: "collateral".to_owned(),
            level: Level::Warning,
            found: "not looked at".to_owned(),
            advice: Some("name its folder with --collateral".to_owned()),
        }),
        Err(failure) => lines.push(Line {
            what: "collateral".to_owned(),
            level: Level::Bad,
            found: failure.to_string(),
            advice: Some("`holobiont collateral fetch --quote FILE` makes and fills one".into()),
        }),
    }
    show(&lines, as_json)
}

/// Looking makes nothing.
fn open(path: &Path) -> Result<CollateralDirectory, Failure> {
    Ok(CollateralDirectory::existing(path)?)
}

fn guest_lines(guest: &Guest) -> Vec<Line> {
    let line = |finding: &holobiont_enclave::Finding| Line {
        what: finding.interface.to_string(),
        level: match (&finding.state, finding.interface) {
            (State::Present, _) => Level::Good,
            // A quote names the registers too, and exact pins need no log.
            (State::Missing, Interface::Registers | Interface::EventLog) => Level::Warning,
            _ => Level::Bad,
        },
        found: match &finding.state {
            State::Present => format!("{} answers", finding.path),
            State::Missing if finding.interface == Interface::Processor => {
                format!("{} names no `tdx_guest`", finding.path)
            }
            State::Missing => format!("{} is not there", finding.path),
            State::Refused(why) => format!("{}: {why}", finding.path),
        },
        advice: finding.advice.clone(),
    };
    guest.findings.iter().map(line).collect()
}

/// A guest has no clock that it can trust; what was signed in the past is a floor under it.
fn clock(now_s: u64, directory: Option<&CollateralDirectory>) -> Line {
    let what = "clock".to_owned();
    let floor = directory.map(|directory| directory.marks().map(|marks| marks.floor_s()));
    match floor {
        Some(Err(error)) => Line {
            what,
            level: Level::Bad,
            found: error.to_string(),
            advice: Some("without the marks, old collateral cannot be told: restore them".into()),
        },
        Some(Ok(floor_s)) if floor_s > now_s => Line {
            what,
            level: Level::Bad,
            found: format!("{}, but signed data proves that it is past {}", At(now_s), At(floor_s)),
            advice: Some("set the clock, and run a time service".to_owned()),
        },
        _ => Line { what, level: Level::Good, found: At(now_s).to_string(), advice: None },
    }
}

fn pins(args: &Doctor, guest: &Guest, roots: &Roots, now_s: u64, own: &mut Option<Quote>) -> Line {
    let bad = |found: String, advice: &str| Line {
        what: "pins".to_owned(),
        level: Level::Bad,
        found,
        advice: Some(advice.to_owned()),
    };
    let Some(file) = &args.pins else {
        return Line {
            what: "pins".to_owned(),
            level: Level::Warning,
            found: "not looked at".to_owned(),
            advice: Some("name the organism's config with --pins".to_owned()),
        };
    };
    let pins = match pins_of(file, &args.surface, false) {
        Ok(pins) => pins,
        Err(failure) => return bad(failure.to_string(), "`holobiont config check` says more"),
    };
    if !guest.can_quote() {
        return Line {
            what: "pins".to_owned(),
            level: Level::Warning,
            found: format!("{} of them for {}", pins.sets.len(), pins.surface),
            advice: Some("whether this guest meets one is told inside of it".to_owned()),
        };
    }
    // The nonce is nobody's: the quote stays here.
    let binding = Binding::Inspect(InspectBinding { simulated: false, challenge: [0; 32] });
    match self_check(&ConfigfsTsm::new(roots.clone()), &binding, &pins, now_s) {
        Err(error) => bad(
            error.to_string(),
            "`holobiont measure diff` against the image that was pinned says what differs",
        ),
        Ok(quote) => {
            *own = Quote::parse(&quote.evidence.quote).ok();
            Line {
                what: "pins".to_owned(),
                level: Level::Good,
                found: format!("this guest is {} of {}", quote.pin, pins.surface),
                advice: None,
            }
        }
    }
}

fn collateral(directory: &CollateralDirectory, own: Option<&Quote>, now_s: u64) -> Vec<Line> {
    let bad = |found: String, advice: String| Line {
        what: "collateral".to_owned(),
        level: Level::Bad,
        found,
        advice: Some(advice),
    };
    let dir = directory.path().display();
    let fetch = |fmspc: [u8; 6], ca: PckCa| {
        let fmspc = hex::encode(fmspc);
        format!("holobiont collateral fetch --fmspc {fmspc} --ca {ca} --dir {dir}")
    };
    let held = match directory.list() {
        Ok(held) => held,
        Err(error) => {
            return vec![bad(error.to_string(), "nothing of it is used until then".into())];
        }
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for stored in &held {
        let (fmspc, ca) = (stored.collateral.fmspc(), stored.collateral.ca());
        if !seen.insert((fmspc, ca)) {
            continue;
        }
        let stands = directory
            .newest(fmspc, ca, now_s)
            .map_or_else(|_| freshness(&stored.collateral, now_s), |set| freshness(&set, now_s));
        let level = match stands {
            Freshness::Fresh { .. } => Level::Good,
            Freshness::Warn { .. } => Level::Warning,
            _ => Level::Bad,
        };
        lines.push(Line {
            what: "collateral".to_owned(),
            level,
            found: format!("{} {ca}: {}", hex::encode(fmspc), in_words_of(&stands)),
            advice: if level == Level::Good { None } else { Some(fetch(fmspc, ca)) },
        });
    }
    let own = own.and_then(claimed_platform);
    if let Some((fmspc, ca)) = own.filter(|own| !seen.contains(own)) {
        let found = format!("none for this machine, {} {ca}", hex::encode(fmspc));
        lines.push(bad(found, fetch(fmspc, ca)));
    } else if lines.is_empty() {
        let advice = format!("holobiont collateral fetch --quote FILE --dir {dir}");
        lines.push(bad("none".to_owned(), advice));
    }
    lines
}

fn show(lines: &[Line], as_json: bool) -> Result<(), Failure> {
    let bad = lines.iter().filter(|line| line.level == Level::Bad).count();
    if as_json {
        let all: Vec<_> = lines
            .iter()
            .map(|line| {
                json!({
                    "what": line.what,
                    "level": line.level.name().to_lowercase(),
                    "found": line.found,
                    "advice": line.advice,
                })
            })
            .collect();
        print::verdict("doctor", bad == 0, &json!({ "lines": all }))?;
    } else {
        let mut text = String::new();
        for line in lines {
            text.push_str(&format!("{:<8}{:<14}{}\n", line.level.name(), line.what, line.found));
            if let Some(advice) = &line.advice {
                text.push_str(&format!("{:<22}→ {advice}\n", ""));
            }
        }
        print::text(&text)?;
    }
    if bad == 0 {
        return Ok(());
    }
    let what = format!("{} not as a node needs it", crate::text::count(bad as u64, "thing"));
    Err(Failure::Reported(Box::new(Failure::NotReady { what })))
}
