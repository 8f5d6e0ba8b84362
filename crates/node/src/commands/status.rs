use std::collections::BTreeMap;

use holobiont_identity::{Digest, UniqueId};
use serde::Serialize;

use crate::cli::Status as Args;
use crate::failure::Failure;
use crate::http::Asking;
use crate::print;
use crate::run::told::Told;
use crate::text::count;

pub(super) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    let nodes: Vec<Answer> = args
        .urls
        .iter()
        .map(|url| {
            let told = Asking::new(url).and_then(|asking| asking.json::<Told>("/v1/status"));
            let (told, failed) = match told {
                Ok(told) => (Some(told), None),
                Err(failure) => (None, Some(in_words(&failure))),
            };
            Answer { url: url.clone(), failed, told }
        })
        .collect();
    let differ = differ(&nodes);
    let silent = nodes.iter().filter(|node| node.told.is_none()).count();
    let ok = differ.is_none() && silent == 0;
    if as_json {
        let told = Answers { nodes: &nodes, differ: differ.as_deref() };
        print::verdict("status", ok, &told)?;
    } else {
        print::text(&render(&nodes))?;
    }
    let failure = match differ {
        Some(what) => Failure::Differs { what },
        None if silent > 0 => Failure::Silent {
            what: format!("{} did not answer", count(silent.try_into().unwrap_or(0), "node")),
        },
        None => return Ok(()),
    };
    Err(if as_json { Failure::Reported(Box::new(failure)) } else { failure })
}

#[derive(Serialize)]
struct Answers<'a> {
    nodes: &'a [Answer],
    differ: Option<&'a str>,
}

#[derive(Serialize)]
struct Answer {
    url: String,
    failed: Option<String>,
    told: Option<Told>,
}

fn in_words(failure: &Failure) -> String {
    match std::error::Error::source(failure) {
        Some(source) => format!("{failure}: {source}"),
        None => failure.to_string(),
    }
}

/// Two nodes that name different results for one cut, where there are such.
fn differ(nodes: &[Answer]) -> Option<String> {
    let mut results: BTreeMap<(UniqueId, u64), (&str, Digest)> = BTreeMap::new();
    for node in nodes {
        let Some(told) = &node.told else { continue };
        let Some(certified) = &told.certified else { continue };
        let this = (node.url.as_str(), certified.state_digest);
        let first = *results.entry((told.stable_id, certified.cut)).or_insert(this);
        if first.1 != this.1 {
            let cut = certified.cut;
            return Some(format!("{} and {} name different results of cut {cut}", first.0, this.0));
        }
    }
    None
}

fn render(nodes: &[Answer]) -> String {
    let mut text = String::new();
    if nodes.iter().any(|node| node.told.as_ref().is_some_and(|told| told.simulated)) {
        text.push_str("SIMULATED TDX: nothing of this proves anything\n\n");
    }
    let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let rows = nodes.iter().map(|node| match &node.told {
        None => {
            let mut row = vec![node.url.clone(), "-".to_owned(), "silent".to_owned()];
            row.resize(10, "-".to_owned());
            row
        }
        Some(told) => vec![
            node.url.clone(),
            short(&told.node),
            told.role.clone(),
            told.term.to_string(),
            told.applied_index.to_string(),
            told.folded_index.to_string(),
            shown(told.certified.as_ref().map(|it| it.cut)),
            shown(told.watermark),
            told.signing.clone(),
            if told.ready { "yes" } else { "no" }.to_owned(),
        ],
    });
    let header = [
        "url",
        "node",
        "role",
        "term",
        "applied",
        "folded",
        "certified",
        "watermark",
        "signing",
        "ready",
    ];
    text.push_str(&print::table(header, rows));
    for failed in nodes.iter().filter_map(|node| node.failed.as_ref()) {
        text.push_str(&format!("\n{failed}\n"));
    }
    // Members are the committee's: the node that is furthest says most of them.
    let furthest = nodes.iter().filter_map(|node| node.told.as_ref());
    let Some(told) = furthest.max_by_key(|told| told.applied_index) else { return text };
    let certified = told.certified.as_ref().map_or_else(
        || "no cut is certified yet".to_owned(),
        |it| format!("cut {} is certified by {} nodes", it.cut, it.signed_by.len()),
    );
    text.push_str(&format!("\n{}: {certified}", told.organism));
    for (is_so, what) in [(told.paused, "paused"), (told.halted, "halted")] {
        if is_so {
            text.push_str(", ");
            text.push_str(what);
        }
    }
    text.push_str("\n\n");
    let rows = told.members.iter().map(|member| {
        [
            member.name.clone(),
            member.status.clone(),
            shown(member.frontier_seq),
            shown(member.closed_clock),
            member.copy_next_seq.to_string(),
            member.source.clone(),
        ]
    });
    let header = ["member", "status", "frontier", "closed clock", "copied", "source"];
    text.push_str(&print::table(header, rows));
    text
}

fn short(node: &UniqueId) -> String {
    node.to_string().chars().take(8).collect()
}
