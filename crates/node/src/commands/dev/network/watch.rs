//! What the nodes say of themselves, asked again and again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use ureq::Agent;

use super::layout::NodeAt;
use crate::run::told::Told;

/// A node that says nothing for so long, says nothing.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// An answer is no longer than this.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// The newest answers of all nodes.
#[derive(Debug)]
pub(crate) struct Watch {
    nodes: Vec<watch::Receiver<Seen>>,
    _asking: JoinSet<()>,
}

/// One node, as it was last seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) told: Option<Told>,
    /// Whether it answered the last question.
    pub(crate) answers: bool,
}

impl Watch {
    /// Asks each of these nodes, with so much time between two questions.
    pub(crate) fn new<'a>(nodes: impl IntoIterator<Item = &'a NodeAt>, every: Duration) -> Self {
        let mut asking = JoinSet::new();
        let nodes = nodes.into_iter().map(|node| {
            let (seen, watched) = watch::channel(Seen::default());
            asking.spawn(ask(node.query, every, seen));
            watched
        });
        Self { nodes: nodes.collect(), _asking: asking }
    }

    /// The answers of the node at this place among those that are asked.
    pub(crate) fn node(&self, place: usize) -> Option<watch::Receiver<Seen>> {
        self.nodes.get(place).cloned()
    }

    pub(crate) fn nodes(&self) -> Vec<Seen> {
        self.nodes.iter().map(|node| node.borrow().clone()).collect()
    }
}

async fn ask(node: SocketAddr, every: Duration, seen: watch::Sender<Seen>) {
    let agent = agent();
    loop {
        let (agent, url) = (agent.clone(), format!("http://{node}/v1/status"));
        let answer = spawn_blocking(move || get(&agent, &url)).await.ok().flatten();
        let told: Option<Told> = answer.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        seen.send_modify(|seen| {
            seen.answers = told.is_some();
            if told.is_some() {
                *seen = Seen { told, answers: true };
            }
        });
        sleep(every).await;
    }
}

/// One that gives up soon: whoever is asked may be paused.
pub(crate) fn agent() -> Agent {
    Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(true).build().into()
}

/// What is at this address, if anything.
pub(crate) fn get(agent: &Agent, url: &str) -> Option<Vec<u8>> {
    let mut answer = agent.get(url).call().ok()?;
    answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().ok()
}
