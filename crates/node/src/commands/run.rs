use std::collections::BTreeMap;

use holobiont_identity::SourceKind;
use holobiont_identity::pins::COMMITTEE_SURFACE;
use serde::Serialize;

use crate::cli::Run as Args;
use crate::failure::Failure;
use crate::print;
use crate::run::{self, Loaded, Trust};

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let loaded = Loaded::read(args)?;
    if args.check {
        return check(&loaded, as_json);
    }
    run::run(loaded)
}

/// What would be run.
#[derive(Serialize)]
struct Checked {
    node: String,
    organism: String,
    content_hash: String,
    roster: Vec<String>,
    roster_digest: String,
    certificate_quorum: usize,
    /// Where each member comes from.
    sources: BTreeMap<String, String>,
    simulated: bool,
    warnings: Vec<String>,
}

fn check(loaded: &Loaded, as_json: bool) -> Result<(), Failure> {
    // What a start would find missing is found now.
    let trust = Trust::open(loaded)?;
    let organism = &loaded.organism;
    if let Some(pins) = organism.pins(COMMITTEE_SURFACE) {
        let verdict = trust.own_verdict(pins)?;
        if let Some(reason) = verdict.reason() {
            print::note(&verdict.to_string());
            return Err(Failure::Verdict { what: reason.to_string(), fault: reason.fault() });
        }
    }
    let nodes = loaded.roster.nodes();
    let sources = organism.members.iter().map(|member| {
        let from = match loaded.config.source(&member.name).map(|source| &source.kind) {
            None => "nodes that have it".to_owned(),
            Some(SourceKind::Directory { path }) => path.clone(),
            Some(SourceKind::Https { address, .. }) => address.clone(),
        };
        (member.name.clone(), from)
    });
    let checked = Checked {
        node: loaded.config.node.to_string(),
        organism: organism.name.clone(),
        content_hash: organism.content_hash().to_string(),
        roster: nodes.iter().map(ToString::to_string).collect(),
        roster_digest: loaded.roster.digest().to_string(),
        certificate_quorum: holobiont_committee::certificate_quorum(
            nodes.len(),
            organism.tolerate_leaked_keys,
        ),
        sources: sources.collect(),
        simulated: loaded.simulated,
        warnings: loaded.warnings.clone(),
    };
    if as_json {
        return print::json("run.check", &checked);
    }
    for warning in &checked.warnings {
        print::note(&format!("warning: {warning}"));
    }
    let mut text = format!(
        "node          {}\norganism      {}, content hash {}\nroster        {} nodes, digest {}\n\
         certificates  {} of {} equal signatures\n\n",
        checked.node,
        checked.organism,
        checked.content_hash,
        nodes.len(),
        checked.roster_digest,
        checked.certificate_quorum,
        nodes.len(),
    );
    let rows = checked.sources.iter().map(|(member, from)| [member.clone(), from.clone()]);
    text.push_str(&print::table(["member", "from"], rows));
    print::text(&text)
}
