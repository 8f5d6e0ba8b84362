//! All processes of the network, and what faults do to them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::child::Process;
use super::events::Events;
use super::feed::Feed;
use super::layout::{Layout, MemberAt, NodeAt};
use super::links::{Links, Place};
use super::plan::Fault;
use super::rates::Rates;
use crate::failure::Failure;

/// What a node may take to end when it is asked to: it hands over, syncs and makes a snapshot.
const NODE_ENDS_WITHIN: Duration = Duration::from_secs(20);
const MEMBER_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// As much of a log as is shown of a process that ended by itself, in bytes.
const SHOWN_LOG_BYTES: usize = 2_000;

/// Nodes, members, and the faults that they are under.
#[derive(Debug)]
pub(super) struct Processes {
    layout: Layout,
    links: Links,
    nodes: Vec<Process>,
    members: Vec<(Process, Feed)>,
    faults: Vec<Fault>,
}

impl Processes {
    pub(super) fn new(layout: &Layout, links: Links) -> Self {
        let process = |name: &str, arguments, takes_input| {
            Process::new(name.to_owned(), arguments, layout.log(name), takes_input)
        };
        let nodes = layout.nodes.iter().map(|node| process(&node.name, run(node), false));
        let members = layout
            .members
            .iter()
            .map(|member| (process(&member.name, serve(layout, member), true), Feed::default()));
        Self {
            nodes: nodes.collect(),
            members: members.collect(),
            faults: Vec::new(),
            links,
            layout: layout.clone(),
        }
    }

    /// Starts everything: members first, which nodes then find there.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        for place in 0..self.members.len() {
            self.start_one(Place::Member(place))?;
        }
        for place in 0..self.nodes.len() {
            self.start_one(Place::Node(place))?;
        }
        Ok(())
    }

    fn start_one(&mut self, place: Place) -> Result<(), Failure> {
        match place {
            Place::Node(place) => {
                if let Some(node) = self.nodes.get_mut(place) {
                    node.start()?;
                }
            }
            Place::Member(place) => {
                let at = self.layout.members.get(place);
                if let (Some((member, feed)), Some(at)) = (self.members.get_mut(place), at) {
                    feed.look(&at.surface);
                    if let Some(input) = member.start()? {
                        feed.begin(input);
                    }
                }
            }
        }
        Ok(())
    }

    /// Members publish what there is up to this day.
    pub(super) fn publish(&mut self, rates: &Rates, to_clock: u64) {
        for (place, (_, feed)) in self.members.iter_mut().enumerate() {
            feed.publish(rates, place, to_clock);
        }
    }

    pub(super) async fn begin(&mut self, fault: &Fault, events: &mut Events) {
        events.say(&fault.told(&self.layout));
        match fault {
            Fault::Kill(places) => {
                for place in places {
                    if let Some(process) = self.process(*place) {
                        process.kill().await;
                    }
                    if let Place::Member(member) = place
                        && let Some((_, feed)) = self.members.get_mut(*member)
                    {
                        feed.end();
                    }
                }
            }
            Fault::Pause(place) => {
                if let Some(process) = self.process(*place) {
                    process.pause();
                }
            }
            Fault::Stall(Place::Member(place)) => {
                if let Some((_, feed)) = self.members.get_mut(*place) {
                    feed.is_stalled = true;
                }
            }
            _ => {}
        }
        self.faults.push(fault.clone());
        self.set_ways();
    }

    pub(super) fn end(&mut self, fault: &Fault, events: &mut Events) -> Result<(), Failure> {
        events.say(&format!("over: {}", fault.told(&self.layout)));
        if let Some(at) = self.faults.iter().position(|other| other == fault) {
            self.faults.swap_remove(at);
        }
        self.set_ways();
        match fault {
            Fault::Kill(places) => {
                for place in places {
                    self.start_one(*place)?;
                }
            }
            Fault::Pause(place) => {
                if let Some(process) = self.process(*place) {
                    process.resume();
                }
            }
            Fault::Stall(Place::Member(place)) => {
                if let Some((_, feed)) = self.members.get_mut(*place) {
                    feed.is_stalled = false;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self, events: &mut Events) -> Result<(), Failure> {
        for fault in self.faults.clone() {
            self.end(&fault, events)?;
        }
        Ok(())
    }

    /// Fails where a process has ended that nobody told to.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        let members = self.members.iter_mut().map(|(member, _)| member);
        for process in self.nodes.iter_mut().chain(members) {
            let Some(status) = process.ended() else { continue };
            let log = std::fs::read(&process.log).unwrap_or_default();
            let last = log.get(log.len().saturating_sub(SHOWN_LOG_BYTES)..).unwrap_or(&log);
            return Err(Failure::Differs {
                what: format!(
                    "{} ended by itself, with {status}; the end of {}:\n{}",
                    process.name,
                    process.log.display(),
                    String::from_utf8_lossy(last)
                ),
            });
        }
        Ok(())
    }

    /// How a process stands in a word, where it does not just run.
    pub(super) fn standing(&self, place: Place) -> Option<&'static str> {
        let (process, is_stalled) = match place {
            Place::Node(place) => (self.nodes.get(place)?, false),
            Place::Member(place) => {
                self.members.get(place).map(|(member, feed)| (member, feed.is_stalled))?
            }
        };
        match process {
            process if !process.is_started() => Some("killed"),
            process if process.is_paused() => Some("paused"),
            _ if is_stalled => Some("silent"),
            _ => None,
        }
    }

    /// Asks all nodes to end, then all members; what did not end as it should.
    pub(super) async fn stop(&mut self) -> Vec<String> {
        self.faults.clear();
        self.set_ways();
        let nodes = std::mem::take(&mut self.nodes);
        let mut wrong = end_all(nodes, NODE_ENDS_WITHIN).await;
        // Their feeds go on until they are gone: the end of one is the end of what is published.
        let (members, feeds): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.members).into_iter().unzip();
        wrong.extend(end_all(members, MEMBER_ENDS_WITHIN).await);
        drop(feeds);
        wrong
    }

    fn process(&mut self, place: Place) -> Option<&mut Process> {
        match place {
            Place::Node(place) => self.nodes.get_mut(place),
            Place::Member(place) => self.members.get_mut(place).map(|(member, _)| member),
        }
    }

    fn set_ways(&self) {
        let mut flows = BTreeMap::new();
        for fault in &self.faults {
            fault.flows(&self.layout, &mut flows);
        }
        self.links.set(&flows);
    }
}

async fn end_all(processes: Vec<Process>, within: Duration) -> Vec<String> {
    let mut ending = JoinSet::new();
    for mut process in processes.into_iter().filter(Process::is_started) {
        ending.spawn(async move {
            match process.terminate(within).await {
                Some(status) if status.success() => None,
                Some(status) => Some(format!("{} ended with {status}", process.name)),
                None => Some(format!("{} did not end when it was asked to", process.name)),
            }
        });
    }
    ending.join_all().await.into_iter().flatten().collect()
}

/// What this program is called with to run a node.
pub(crate) fn run(node: &NodeAt) -> Vec<String> {
    let config = node.config().display().to_string();
    ["run", "--config", &config, "--insecure-simulated-tdx"].map(str::to_owned).to_vec()
}

fn serve(layout: &Layout, member: &MemberAt) -> Vec<String> {
    let [surface, organism, world] =
        [&member.surface, &layout.organism(), &layout.world()].map(|it| it.display().to_string());
    let (name, listen) = (&member.name, member.listen.to_string());
    [
        &["surface", "serve", &surface, "--stdin", "--organism", &organism],
        &["--member", name, "--listen", &listen, "--insecure-simulated-tdx", &world][..],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}
