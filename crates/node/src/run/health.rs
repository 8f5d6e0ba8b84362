use serde::Serialize;

/// One named check of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// What is wrong and what to do; none where it passes.
    pub(crate) wrong: Option<String>,
}

/// Every check's name, in the order of the page.
pub(crate) const NAMES: [&str; 12] = [
    "running",
    "attestation",
    "collateral",
    "peers-quorum",
    "log-store",
    "leader-known",
    "keys-admitted",
    "caught-up",
    "sources",
    "disk-space",
    "signing",
    "clock",
];

/// Collateral that ends within this time, in seconds, is called wrong: there is a day to fetch it.
pub(crate) const COLLATERAL_WARN_S: u64 = 86_400;
/// Free space under this is called wrong, in bytes.
pub(crate) const LEAST_FREE_BYTES: u64 = 256 << 20;
/// A node is caught up where it is no more than this many log entries behind what it knows.
pub(crate) const CAUGHT_UP_ENTRIES: u64 = 256;
/// This machine's clock may be this far from organism time, in milliseconds, before it is called
/// wrong.
pub(crate) const CLOCK_APART_MS: u64 = 60_000;

/// What the checks are judged from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vitals {
    pub(crate) draining: bool,
    pub(crate) failed: Option<String>,
    /// Nodes of the roster, this one included.
    pub(crate) nodes: u64,
    /// Other nodes with an attested connection.
    pub(crate) connected: u64,
    pub(crate) majority: u64,
    /// When the first of the collateral ends; none where there is none.
    pub(crate) collateral_ends_s: Option<u64>,
    pub(crate) quoted: bool,
    pub(crate) recalling: bool,
    pub(crate) leader_known: bool,
    pub(crate) key_active: bool,
    pub(crate) active_keys: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) folded: u64,
    pub(crate) missing: u64,
    /// Sources of this node that give nothing, with what is wrong.
    pub(crate) sources_down: Vec<String>,
    pub(crate) sources: u64,
    pub(crate) free_bytes: Option<u64>,
    /// Why it does not sign; none where it does.
    pub(crate) signing: Option<String>,
    pub(crate) now_ms: u64,
    /// Organism time; 0 before there is one.
    pub(crate) time_ms: u64,
}

/// Judges all of them.
pub(crate) fn checks(vitals: &Vitals) -> Vec<Check> {
    let judged = [
        running(vitals),
        attestation(vitals),
        collateral(vitals),
        peers(vitals),
        log_store(vitals),
        wrong(!vitals.leader_known, || {
            "no leader is known: a majority of the committee must be up and reach each other".into()
        }),
        keys(vitals),
        caught_up(vitals),
        sources(vitals),
        disk(vitals),
        vitals.signing.clone(),
        clock(vitals),
    ];
    NAMES.iter().zip(judged).map(|(name, wrong)| Check { name, wrong }).collect()
}

/// The page that Kubernetes and people read.
pub(crate) fn render(checks: &[Check], verbose: bool) -> String {
    let mut text = String::new();
    for check in checks.iter().filter(|check| verbose || check.wrong.is_some()) {
        text.push_str(&match &check.wrong {
            None => format!("[+]{} ok\n", check.name),
            Some(why) => format!("[-]{} failed: {why}\n", check.name),
        });
    }
    let passed = checks.iter().all(|check| check.wrong.is_none());
    text.push_str(if passed { "readyz check passed\n" } else { "readyz check failed\n" });
    text
}

fn wrong(is_wrong: bool, why: impl FnOnce() -> String) -> Option<String> {
    is_wrong.then(why)
}

fn running(vitals: &Vitals) -> Option<String> {
    vitals.failed.clone().or_else(|| wrong(vitals.draining, || "the node is ending".into()))
}

fn attestation(vitals: &Vitals) -> Option<String> {
    wrong(vitals.nodes > 1 && !vitals.quoted, || {
        "no own quote was made yet: `holobiont doctor` says whether this guest can".into()
    })
}

fn collateral(vitals: &Vitals) -> Option<String> {
    let now_s = vitals.now_ms.checked_div(1_000).unwrap_or_default();
    match vitals.collateral_ends_s {
        None => Some("there is none: run `holobiont collateral fetch`".into()),
        Some(ends_s) if ends_s <= now_s => {
            Some("it has ended: run `holobiont collateral fetch`".into())
        }
        Some(ends_s) => wrong(ends_s.saturating_sub(now_s) < COLLATERAL_WARN_S, || {
            "it ends within a day: run `holobiont collateral fetch`".into()
        }),
    }
}

fn peers(vitals: &Vitals) -> Option<String> {
    let there = vitals.connected.saturating_add(1);
    wrong(there < vitals.majority, || {
        format!(
            "{there} of {} nodes are connected, this one included; {} make a majority",
            vitals.nodes, vitals.majority
        )
    })
}

fn log_store(vitals: &Vitals) -> Option<String> {
    wrong(vitals.recalling, || {
        "the others have not told yet what this node may have promised: they must be up".into()
    })
}

fn keys(vitals: &Vitals) -> Option<String> {
    if !vitals.key_active {
        return Some("a majority of the others has not admitted this boot's key yet".into());
    }
    wrong(vitals.active_keys < vitals.majority, || {
        format!("{} boot keys are admitted, {} are needed", vitals.active_keys, vitals.majority)
    })
}

fn caught_up(vitals: &Vitals) -> Option<String> {
    let behind = vitals.committed.saturating_sub(vitals.applied.min(vitals.folded));
    if behind > CAUGHT_UP_ENTRIES {
        return Some(format!("it is {behind} log entries behind"));
    }
    wrong(vitals.missing > 0, || {
        format!("the fold waits for records of {} members", vitals.missing)
    })
}

/// One member's outage is the committee's to bear; all at once are this node's own.
fn sources(vitals: &Vitals) -> Option<String> {
    let down = u64::try_from(vitals.sources_down.len()).unwrap_or(u64::MAX);
    wrong(vitals.sources > 0 && down >= vitals.sources, || {
        format!("no source gives anything: {}", vitals.sources_down.join("; "))
    })
}

fn disk(vitals: &Vitals) -> Option<String> {
    let free_bytes = vitals.free_bytes?;
    wrong(free_bytes < LEAST_FREE_BYTES, || {
        format!("{free_bytes} bytes are free under data_dir: make room")
    })
}

fn clock(vitals: &Vitals) -> Option<String> {
    let apart_ms = vitals.now_ms.abs_diff(vitals.time_ms);
    // Organism time stands still where nobody votes: only one that is ahead says something.
    let is_behind = vitals.time_ms > vitals.now_ms && apart_ms > CLOCK_APART_MS;
    wrong(is_behind, || {
        format!("this machine's clock is {apart_ms} ms behind the committee's: set it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Vitals {
        Vitals {
            nodes: 3,
            connected: 2,
            majority: 2,
            collateral_ends_s: Some(1_000_000),
            quoted: true,
            leader_known: true,
            key_active: true,
            active_keys: 3,
            sources: 2,
            free_bytes: Some(u64::MAX),
            now_ms: 1_000_000,
            time_ms: 1_000_000,
            ..Vitals::default()
        }
    }

    #[test]
    fn a_node_that_is_well_is_ready() {
        let checks = checks(&well());
        assert!(checks.iter().all(|check| check.wrong.is_none()), "{checks:?}");
        assert_eq!(render(&checks, false), "readyz check passed\n");
        assert!(render(&checks, true).contains("[+]peers-quorum ok"));
    }

    #[test]
    fn each_trouble_fails_its_own_check() {
        type Spoil = fn(&mut Vitals);
        let spoilt: [(&str, Spoil); 14] = [
            ("running", |it| it.draining = true),
            ("running", |it| it.failed = Some("disk".into())),
            ("attestation", |it| it.quoted = false),
            ("collateral", |it| it.collateral_ends_s = None),
            ("collateral", |it| it.collateral_ends_s = Some(1_000 + COLLATERAL_WARN_S - 1)),
            ("peers-quorum", |it| it.connected = 0),
            ("log-store", |it| it.recalling = true),
            ("leader-known", |it| it.leader_known = false),
            ("keys-admitted", |it| it.key_active = false),
            ("caught-up", |it| it.committed = CAUGHT_UP_ENTRIES + 1),
            ("sources", |it| it.sources_down = vec!["a".into(), "b".into()]),
            ("disk-space", |it| it.free_bytes = Some(LEAST_FREE_BYTES - 1)),
            ("signing", |it| it.signing = Some("diverged".into())),
            ("clock", |it| it.now_ms = 1_000_000 - CLOCK_APART_MS - 1),
        ];
        for (name, spoil) in spoilt {
            let mut vitals = well();
            spoil(&mut vitals);
            let failed = checks(&vitals);
            let failed: Vec<&str> =
                failed.iter().filter(|it| it.wrong.is_some()).map(|it| it.name).collect();
            assert_eq!(failed, [name]);
        }
        // One source of two is the committee's business.
        let mut vitals = well();
        vitals.sources_down = vec!["a".into()];
        assert!(checks(&vitals).iter().all(|check| check.wrong.is_none()));
    }
}
