use std::collections::{BTreeMap, BTreeSet};

use holobiont_archive::Trouble;
use holobiont_committee_raft::{MemberStatus, Role, Signing, Status};
use holobiont_committee_store::StoreFigures;
use holobiont_identity::{Digest, UniqueId};
use holobiont_policy::{Frontier, Status as Standing};
use holobiont_surface::Head;

use super::{CATALOGUE, Kind, Scraped, scrape};
use crate::run::counters::Counted;
use crate::run::health::{Vitals, checks};
use crate::run::sources::SourceState;

/// A node of which every figure says something.
fn whole() -> Scraped {
    let head = Head { seq: 8, hash: Digest::of("h") };
    let member = MemberStatus {
        name: "USD".to_owned(),
        status: Standing::Live,
        since_tick: 2,
        frontier: Some(Frontier { seq: 8, head: head.hash, closed: Some(3) }),
        resume_from: 0,
        copy_next_seq: 10,
        copy_durable: Some(head),
        open_offer: false,
        flagged_nodes: vec![1],
    };
    let node = UniqueId::from_name("node");
    let status = Status {
        node,
        place: Some(0),
        role: Role::Leader,
        term: 2,
        leader: Some(node),
        last_log: Some((2, 40)),
        committed: 40,
        applied: 39,
        folded: 38,
        cut: 7,
        folded_cut: 6,
        certified_cut: 5,
        watermark: Some(3),
        time_ms: 1_500,
        tick: 12,
        paused: false,
        halted: false,
        roster_number: 0,
        members: vec![member],
        signing: Signing::Diverged { cut: 6 },
        rolled_back: false,
        contradicted_by: Vec::new(),
        active_keys: vec![true, false],
        needs: Vec::new(),
        log_entries: 40,
        log_bytes: 4_000,
        failed: None,
    };
    Scraped {
        simulated: true,
        status,
        checks: checks(&Vitals::default()),
        counted: Counted {
            verdicts: BTreeMap::from([("admitted".to_owned(), 3)]),
            denied: BTreeMap::from([("not-in-roster".to_owned(), 1)]),
            rpcs: BTreeMap::from([(("sent", "answered"), 9)]),
            certificates: 5,
            peers: BTreeMap::from([(node, 1)]),
        },
        figures: StoreFigures::default(),
        sources: BTreeMap::from([(0, (SourceState::Trouble(Trouble::Ticket).word(), None))]),
        copy_bytes: BTreeMap::from([(0, 640)]),
        ahead_bytes: BTreeMap::from([(0, 64)]),
        commits: BTreeMap::from([("normal", 4)]),
        output_records: 9,
        quote_age_s: Some(1),
        collateral_ends_s: Some(2),
        free_bytes: Some(3),
        uptime_s: 4,
    }
}

#[test]
fn the_page_shows_every_metric_of_the_catalogue_and_no_other() {
    let page = scrape(&whole());
    let mut shown = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        shown.insert(name, kind);
    }
    let expected: BTreeMap<&str, &str> = CATALOGUE
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            (metric.name, kind)
        })
        .collect();
    assert_eq!(shown, expected);
    for metric in CATALOGUE {
        assert!(page.contains(&format!("# HELP {} {}", metric.name, metric.help)));
        let ends_well = metric.name.ends_with("_total");
        assert_eq!(ends_well, metric.kind == Kind::Counter, "{}", metric.name);
    }
    // Each sample has exactly the labels that the table says.
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let metric = CATALOGUE.iter().find(|it| it.name == name || Some(it.name) == base).unwrap();
        let labels: BTreeSet<&str> = match line.contains('{') {
            true => rest.split(',').filter_map(|pair| Some(pair.split_once("=\"")?.0)).collect(),
            false => BTreeSet::new(),
        };
        let expected: BTreeSet<&str> = metric.labels.iter().copied().collect();
        assert!(labels == expected || base.is_some(), "{line}");
    }
}

#[test]
fn what_an_alert_would_look_at_is_there() {
    let page = scrape(&whole());
    for line in [
        "holobiont_simulated 1",
        "holobiont_diverged 1",
        "holobiont_signing{state=\"diverged\"} 1",
        "holobiont_signing{state=\"signs\"} 0",
        "holobiont_role{role=\"leader\"} 1",
        "holobiont_member_status{member=\"USD\",status=\"live\"} 1",
        "holobiont_member_status_ticks{member=\"USD\"} 10",
        "holobiont_member_copy_durable_records{member=\"USD\"} 9",
        "holobiont_source_state{member=\"USD\",state=\"ticket\"} 1",
        "holobiont_organism_time_seconds 1.5",
        "holobiont_active_keys 1",
        "holobiont_ready 0",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} in {page}");
    }
}
