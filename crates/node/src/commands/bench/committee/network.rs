use std::path::Path;
use std::time::{Duration, Instant};

use holobiont_identity::Organism;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::config;
use super::members::Members;
use super::process::cpu_s;
use super::progress::Progress;
use super::settings::Settings;
use crate::commands::dev::network::child::Process;
use crate::commands::dev::network::layout::{Layout, NodeAt};
use crate::commands::dev::network::ports::Ports;
use crate::commands::dev::network::prepare;
use crate::commands::dev::network::processes::run;
use crate::commands::dev::network::progress::is_ready;
use crate::commands::dev::network::watch::{Seen, Watch};
use crate::failure::Failure;
use crate::http::Asking;
use crate::now::now_s;

/// How often a network that starts is asked whether it is ready.
const READY_EVERY: Duration = Duration::from_millis(50);
const READY_WITHIN: Duration = Duration::from_secs(90);
/// What a node may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// A committee of processes, and its members in this one.
pub(super) struct Network {
    pub(super) layout: Layout,
    pub(super) organism: Organism,
    pub(super) members: Members,
    nodes: Vec<Process>,
}

impl Network {
    /// Starts everything; all nodes are there and sign.
    pub(super) async fn start(root: &Path, settings: &Settings) -> Result<Self, Failure> {
        let names = settings.names();
        let layout = Layout::new(root, settings.nodes, &names, Ports::new(None))?;
        let organism =
            prepare::write_direct(&layout, now_s(), &|issuers, operator, roster, pins| {
                config::organism(&names, issuers, operator, roster, pins)
            })?;
        let members = Members::start(&layout, &organism, settings).await?;
        let mut nodes = Vec::new();
        for node in &layout.nodes {
            let mut process =
                Process::new(node.name.clone(), run(node), layout.log(&node.name), false);
            process.start()?;
            nodes.push(process);
        }
        let network = Self { layout, organism, members, nodes };
        network.ready().await?;
        Ok(network)
    }

    /// Waits until all nodes know a leader and each other's keys.
    pub(super) async fn ready(&self) -> Result<(), Failure> {
        let watch = Watch::new(&self.layout.nodes, READY_EVERY);
        let until = Instant::now() + READY_WITHIN;
        loop {
            sleep(READY_EVERY).await;
            let seen = watch.nodes();
            let answers = seen.iter().all(|seen| seen.answers);
            match is_ready(&self.layout, &seen) {
                Ok(()) if answers => return Ok(()),
                Err(what) if Instant::now() >= until => return Err(Failure::Differs { what }),
                _ => {}
            }
        }
    }

    pub(super) fn node(&self, place: usize) -> Result<&NodeAt, Failure> {
        self.layout.nodes.get(place).ok_or_else(nobody)
    }

    /// Asks a node how far it is, with so much time between two questions.
    pub(super) fn progress(&self, place: usize, every: Duration) -> Result<Progress, Failure> {
        Progress::of(self.node(place)?, every)
    }

    pub(super) fn process(&mut self, place: usize) -> Result<&mut Process, Failure> {
        self.nodes.get_mut(place).ok_or_else(nobody)
    }

    /// The place of the leader that the nodes know in their newest term.
    pub(super) fn leader(&self, seen: &[Seen]) -> Option<usize> {
        let told = seen.iter().filter(|seen| seen.answers).filter_map(|seen| seen.told.as_ref());
        let leader = told.max_by_key(|told| (told.term, told.leader.is_some()))?.leader?;
        self.layout.nodes.iter().position(|node| node.id == leader)
    }

    /// The same, where it is to be had now.
    pub(super) async fn find_leader(&self) -> Result<usize, Failure> {
        let watch = Watch::new(&self.layout.nodes, READY_EVERY);
        let until = Instant::now() + READY_WITHIN;
        loop {
            sleep(READY_EVERY).await;
            let seen = watch.nodes();
            let all_answer = seen.iter().all(|seen| seen.answers);
            if let Some(leader) = self.leader(&seen).filter(|_| all_answer) {
                return Ok(leader);
            }
            if Instant::now() >= until {
                return Err(Failure::Differs { what: "no node leads".to_owned() });
            }
        }
    }

    /// Processor time that each node has had so far, in seconds.
    pub(super) fn cpu_s(&self) -> Vec<f64> {
        let time = |node: &Process| node.id().and_then(cpu_s).unwrap_or(0.0);
        self.nodes.iter().map(time).collect()
    }

    /// One value of a node's `/metrics`.
    pub(super) async fn metrics(&self, place: usize) -> Result<Metrics, Failure> {
        let asking = Asking::new(&format!("http://{}", self.node(place)?.ops))?;
        let page = spawn_blocking(move || asking.bytes("/metrics")).await;
        let page = page.map_err(Failure::unexpected)??;
        Ok(Metrics(String::from_utf8_lossy(&page).into_owned()))
    }

    /// Fetches the committee's log.
    pub(super) async fn export(&self, place: usize, file: &Path) -> Result<(), Failure> {
        let asking = Asking::new(&format!("http://{}", self.node(place)?.query))?;
        let file = file.to_owned();
        let fetched = spawn_blocking(move || asking.download("/v1/cuts", &file)).await;
        fetched.map_err(Failure::unexpected)?
    }

    /// Ends everything; what did not end as it should.
    pub(super) async fn stop(self) -> Vec<String> {
        let mut wrong = Vec::new();
        for mut node in self.nodes {
            match node.terminate(ENDS_WITHIN).await {
                Some(status) if status.success() => {}
                Some(status) => wrong.push(format!("{} ended with {status}", node.name)),
                None => wrong.push(format!("{} did not end when it was asked to", node.name)),
            }
        }
        self.members.stop().await;
        wrong
    }
}

/// What a node's `/metrics` said.
#[derive(Debug)]
pub(super) struct Metrics(String);

impl Metrics {
    /// The value of a metric without labels; 0 where it is not there.
    pub(super) fn get(&self, name: &str) -> f64 {
        let values = self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.filter_map(|value| value.trim().parse().ok()).next().unwrap_or(0.0)
    }
}

fn nobody() -> Failure {
    Failure::Unexpected("the network has no such node".into())
}
