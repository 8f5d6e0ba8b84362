//! Whether all nodes published the same, and whether anybody else would have.

mod outputs;
mod values;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use holobiont_identity::Organism;
use serde::Serialize;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::spawn_blocking;

use super::events::Events;
use super::layout::{Layout, NodeAt};
use super::rates::Rates;
use crate::dev::PARENT;
use crate::failure::Failure;
use crate::http::Asking;
use outputs::Equal;
use values::Agreement;

/// What nodes gave while they ran, to be judged when they have ended.
#[derive(Debug)]
pub(super) struct Proof {
    cut: u64,
    checks: Vec<Check>,
}

/// One thing that must be so.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) ok: bool,
    /// What came of it.
    pub(super) says: String,
}

/// Everything that was checked.
#[derive(Debug, Serialize)]
pub(super) struct Proved {
    /// The last cut, which a certificate names.
    pub(super) cut: u64,
    /// Certificates in the committee's log, as the last audit counted them.
    pub(super) certificates: u64,
    pub(super) output_records: u64,
    pub(super) output_head: String,
    /// Members' values that were compared with a replay of the members' surfaces alone.
    pub(super) values_compared: u64,
    /// Those of clock events at which a member's status was another one in that replay.
    pub(super) values_of_other_statuses: u64,
    pub(super) checks: Vec<Check>,
}

impl Proof {
    /// Fetches what only a running node gives.
    pub(super) async fn gather(
        layout: &Layout,
        cut: u64,
        events: &mut Events,
    ) -> Result<Self, Failure> {
        let dir = layout.proof();
        fs::create_dir_all(&dir).map_err(Failure::io(&dir, "creating"))?;
        for node in &layout.nodes {
            let url = format!("http://{}", node.query);
            let [cuts, last] = [export(layout, node), certificate(layout, node)];
            let fetched = spawn_blocking(move || {
                let asking = Asking::new(&url)?;
                asking.download("/v1/cuts", &cuts)?;
                asking.download("/v1/certificates/latest", &last)
            });
            fetched.await.map_err(Failure::unexpected)??;
        }
        let mut checks = Vec::new();
        if let Some(node) = layout.nodes.first() {
            events.say("an auditor asks a node for everything, and recomputes it");
            let [organism, roster] = texts([&layout.organism(), &layout.roster()]);
            let url = format!("http://{}", node.query);
            let audit = ["audit", "--organism", &organism, "--roster", &roster, "--url", &url];
            let what = format!("an auditor who has only {}'s address agrees", node.name);
            checks.push(Check::of_call(what, &call(&audit).await?));
        }
        Ok(Self { cut, checks })
    }

    /// Judges what the nodes left, now that they have ended.
    pub(super) async fn prove(
        self,
        layout: &Layout,
        organism: &Organism,
        rates: &Rates,
        wrong: Vec<String>,
    ) -> Result<Proved, Failure> {
        let Self { cut, mut checks } = self;
        let all_ended = "every process ended well when it was asked to";
        checks.push(Check::new(all_ended, wrong.is_empty(), wrong.join("; ")));
        let equal = outputs::compare(layout)?;
        checks.push(equal.check());
        let mut certificates = 0;
        for node in &layout.nodes {
            certificates = of_node(layout, node, &equal, &mut checks).await?;
        }
        let agreement = alone(layout, organism, rates, &mut checks).await?;
        Ok(Proved {
            cut,
            certificates,
            output_records: equal.records,
            output_head: equal.head,
            values_compared: agreement.compared,
            values_of_other_statuses: agreement.of_other_statuses,
            checks,
        })
    }
}

/// One node's log: audited, replayed, and its last certificate. How many there are in it.
async fn of_node(
    layout: &Layout,
    node: &NodeAt,
    equal: &Equal,
    checks: &mut Vec<Check>,
) -> Result<u64, Failure> {
    let name = &node.name;
    let again = layout.proof().join(format!("{name}-again"));
    let [organism, roster, surfaces, cuts, last, out] = texts([
        &layout.organism(),
        &layout.roster(),
        &layout.surfaces(),
        &export(layout, node),
        &certificate(layout, node),
        &again,
    ]);
    let shared = ["--organism", &organism];
    let audit = ["--roster", &roster, "--export", &cuts, "--surfaces", &surfaces];
    let audited = call(&[&["audit"][..], &shared, &audit].concat()).await?;
    let verify = [&last[..], "--roster", &roster, "--export", &cuts];
    let verified = call(&[&["certificate", "verify"][..], &verify, &shared].concat()).await?;
    let replay = ["--cuts", &cuts, "--surfaces", &surfaces, "--out", &out];
    let replayed = call(&[&["replay"][..], &shared, &replay].concat()).await?;
    let mut replayed = Check::of_call(format!("{name}'s log, replayed, gives its head"), &replayed);
    if replayed.ok {
        let ours = outputs::Read::open(&again.join("surface"))?;
        (replayed.ok, replayed.says) = equal.is_of(&ours)?;
    }
    checks.push(Check::of_call(format!("the audit of {name}'s log passes"), &audited));
    checks.push(Check::of_call(format!("{name}'s last certificate verifies"), &verified));
    checks.push(replayed);
    Ok(audited.told.get("certificates").and_then(Value::as_u64).unwrap_or(0))
}

/// A replay without any log, from the members' surfaces alone.
async fn alone(
    layout: &Layout,
    organism: &Organism,
    rates: &Rates,
    checks: &mut Vec<Check>,
) -> Result<Agreement, Failure> {
    let out = layout.proof().join("alone");
    let [config, surfaces, to] = texts([&layout.organism(), &layout.surfaces(), &out]);
    let replay = ["replay", "--organism", &config, "--surfaces", &surfaces, "--out", &to];
    let replayed = call(&replay).await?;
    checks.push(Check::of_call("the members' surfaces alone can be replayed", &replayed));
    if !checks.last().is_some_and(|check| check.ok) {
        return Ok(Agreement::default());
    }
    let Some(node) = layout.nodes.first() else { return Ok(Agreement::default()) };
    let agreement = values::compare(organism, &outputs::output(node), &out.join("surface"))?;
    checks.push(agreement.check(rates));
    Ok(agreement)
}

impl Check {
    fn new(what: impl Into<String>, ok: bool, says: impl Into<String>) -> Self {
        Self { what: what.into(), ok, says: says.into() }
    }

    fn of_call(what: impl Into<String>, called: &Called) -> Self {
        Self::new(what, called.ok, called.says.clone())
    }
}

/// What a call of this program came to.
struct Called {
    ok: bool,
    /// What is wrong, where something is.
    says: String,
    told: Value,
}

/// Calls this program, as anybody else would.
async fn call(arguments: &[&str]) -> Result<Called, Failure> {
    let program = std::env::current_exe().map_err(Failure::unexpected)?;
    let called = Command::new(&program)
        .args(arguments.iter().map(OsStr::new))
        .arg("--json")
        .env(PARENT, std::process::id().to_string())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Failure::io(&program, "starting"))?;
    let told: Value = serde_json::from_slice(&called.stdout).unwrap_or_default();
    let ok = called.status.success();
    let says = match (ok, told.get("message").and_then(Value::as_str)) {
        (true, _) => String::new(),
        (false, Some(message)) => format!("{}: {message}", called.status),
        (false, None) => {
            format!("{}: {}", called.status, String::from_utf8_lossy(&called.stderr).trim())
        }
    };
    Ok(Called { ok, says, told })
}

fn export(layout: &Layout, node: &NodeAt) -> PathBuf {
    layout.proof().join(format!("{}.cuts", node.name))
}

fn certificate(layout: &Layout, node: &NodeAt) -> PathBuf {
    layout.proof().join(format!("{}.certificate", node.name))
}

fn texts<const N: usize>(paths: [&Path; N]) -> [String; N] {
    paths.map(|path| path.display().to_string())
}
