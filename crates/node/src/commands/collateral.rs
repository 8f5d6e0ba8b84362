use std::path::Path;

use holobiont_attestation::{At, Collateral, PckCa, Quote, claimed_platform};
use holobiont_attestation_pccs::{
    CollateralDirectory, CollateralSource, Freshness, MAX_BUNDLE_BYTES, StoreError, Stored,
    freshness, unbundle,
};
use holobiont_identity::Digest;
use serde_json::json;

use crate::cli::{
    CollateralCommand, CollateralExport, CollateralFetch, CollateralImport, CollateralShow,
};
use crate::failure::Failure;
use crate::now::now_s;
use crate::quote_file::{QuoteFile, wrong};
use crate::text::count;
use crate::{files, print};

/// A PEM file of certificates.
const MAX_PEM_BYTES: u64 = 1 << 20;

pub(super) fn run(command: &CollateralCommand, as_json: bool) -> Result<(), Failure> {
    match command {
        CollateralCommand::Fetch(args) => fetch(args, as_json),
        CollateralCommand::Show(args) => show(args, as_json),
        CollateralCommand::Export(args) => export(args, as_json),
        CollateralCommand::Import(args) => import(args, as_json),
    }
}

fn fetch(args: &CollateralFetch, as_json: bool) -> Result<(), Failure> {
    let (fmspc, ca) = match (&args.quote, args.fmspc) {
        (Some(file), _) => platform_of(file)?,
        (None, Some(fmspc)) => (fmspc, args.ca),
        (None, None) => {
            return Err(Failure::Usage {
                what: "no platform".to_owned(),
                help: "name a quote of it with --quote, or its --fmspc",
            });
        }
    };
    let mut source = CollateralSource::new(&args.url)?;
    if let Some(file) = &args.ca_file {
        source = source.trusting(&files::read_bytes(file, MAX_PEM_BYTES)?)?;
    }
    let set = source.fetch(fmspc, ca)?;
    let id = CollateralDirectory::open(&args.dir)?.add(&set)?;
    sets(&[Stored { id, collateral: set }], now_s(), as_json)
}

/// The platform that a quote names. Not believed: it only says which collateral is wanted.
fn platform_of(file: &Path) -> Result<([u8; 6], PckCa), Failure> {
    let read = QuoteFile::read(file)?;
    let quote =
        Quote::parse(&read.evidence.quote).map_err(|error| wrong(file, error.to_string()))?;
    claimed_platform(&quote)
        .ok_or_else(|| wrong(file, "has a quote without a PCK certificate".to_owned()))
}

fn show(args: &CollateralShow, as_json: bool) -> Result<(), Failure> {
    let held = if args.path.is_dir() {
        CollateralDirectory::existing(&args.path)?.list()?
    } else {
        read(&args.path)?
            .into_iter()
            .map(|collateral| Stored { id: collateral.id(), collateral })
            .collect()
    };
    sets(&held, args.at.unwrap_or_else(now_s), as_json)
}

fn read(file: &Path) -> Result<Vec<Collateral>, Failure> {
    let limit_bytes = u64::try_from(MAX_BUNDLE_BYTES).unwrap_or(u64::MAX);
    let bytes = files::read_bytes(file, limit_bytes)?;
    let sets = unbundle(&bytes);
    Ok(sets.map_err(|why| StoreError::Import { path: file.to_owned(), why })?)
}

fn export(args: &CollateralExport, as_json: bool) -> Result<(), Failure> {
    let directory = CollateralDirectory::existing(&args.dir)?;
    let ids: Vec<Digest> = if args.ids.is_empty() {
        directory.list()?.into_iter().map(|stored| stored.id).collect()
    } else {
        args.ids.iter().map(|id| id_of(id)).collect::<Result<_, _>>()?
    };
    if ids.is_empty() {
        return Err(Failure::Usage {
            what: format!("{} holds no collateral to export", args.dir.display()),
            help: "name another folder with --dir, or `holobiont collateral fetch` brings some",
        });
    }
    directory.export(&ids, &args.file)?;
    told("collateral.export", &args.file, &ids, as_json)
}

fn import(args: &CollateralImport, as_json: bool) -> Result<(), Failure> {
    let ids = CollateralDirectory::open(&args.dir)?.import(&args.file)?;
    told("collateral.import", &args.dir, &ids, as_json)
}

fn id_of(text: &str) -> Result<Digest, Failure> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Failure::Usage {
        what: format!("{text} is no id of a set"),
        help: "`holobiont collateral show` lists them",
    })?;
    Ok(Digest::from_bytes(bytes))
}

fn told(schema: &str, to: &Path, ids: &[Digest], as_json: bool) -> Result<(), Failure> {
    if as_json {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        return print::json(schema, &json!({ "to": to, "ids": ids }));
    }
    let number = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    print::note(&format!("{} to {}", count(number, "set"), to.display()));
    Ok(())
}

/// What sets hold, and until when. Nothing of it is verified.
fn sets(held: &[Stored], now_s: u64, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let sets: Vec<_> = held.iter().map(|stored| set_json(stored, now_s)).collect();
        return print::json("collateral", &json!({ "at_s": now_s, "sets": sets }));
    }
    if held.is_empty() {
        return print::text("no collateral here; `holobiont collateral fetch` brings some\n");
    }
    let mut text = String::new();
    for stored in held {
        let set = &stored.collateral;
        let (fmspc, ca) = (hex::encode(set.fmspc()), set.ca());
        let stands = in_words_of(&freshness(set, now_s));
        text.push_str(&format!("{}\nFMSPC {fmspc}, {ca} CA: {stands}\n\n", stored.id));
        let rows = set.artefacts().iter().map(|artefact| {
            [
                artefact.name.to_owned(),
                At(artefact.issued_s).to_string(),
                At(artefact.next_update_s).to_string(),
                artefact.number.map_or_else(String::new, |number| number.to_string()),
            ]
        });
        text.push_str(&print::table(["part", "from", "to", "number"], rows));
        text.push('\n');
    }
    print::text(&text)
}

fn set_json(stored: &Stored, now_s: u64) -> serde_json::Value {
    let set = &stored.collateral;
    let artefacts: Vec<_> = set
        .artefacts()
        .iter()
        .map(|it| {
            json!({
                "part": it.name,
                "issued_s": it.issued_s,
                "next_update_s": it.next_update_s,
                "number": it.number,
            })
        })
        .collect();
    let stands = freshness(set, now_s);
    json!({
        "id": stored.id.to_string(),
        "fmspc": hex::encode(set.fmspc()),
        "ca": set.ca().as_str(),
        "usable": stands.is_usable(),
        "stands": in_words_of(&stands),
        "artefacts": artefacts,
    })
}

/// How a set stands, with times as people write them.
pub(super) fn in_words_of(stands: &Freshness) -> String {
    match stands {
        Freshness::Fresh { artefact, until_s } => {
            format!("fresh; the first to end is its {artefact}, at {}", At(*until_s))
        }
        Freshness::Warn { artefact, until_s } => {
            format!("fetch it again before {}, when its {artefact} ends", At(*until_s))
        }
        Freshness::Expired { artefact, since_s } => {
            format!("EXPIRED: its {artefact} ended at {}", At(*since_s))
        }
        Freshness::NotYetValid { artefact, from_s } => {
            format!("NOT VALID YET: its {artefact} begins at {}", At(*from_s))
        }
    }
}
