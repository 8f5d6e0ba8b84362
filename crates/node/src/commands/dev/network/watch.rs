//! What the nodes say of themselves, asked again and again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;
use ureq::Agent;

use super::layout::Layout;
use crate::run::told::Told;

/// Time between two questions.
const EVERY: Duration = Duration::from_millis(150);
/// A node that says nothing for so long, says nothing.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// An answer is no longer than this.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// The newest answers of all nodes.
#[derive(Debug)]
pub(super) struct Watch {
    nodes: Vec<watch::Receiver<Seen>>,
    _asking: JoinSet<()>,
}

/// One node, as it was last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) told: Option<Told>,
    /// When it said that.
    pub(super) at: Option<Instant>,
    /// Whether it answered the last question.
    pub(super) answers: bool,
}

impl Watch {
    pub(super) fn new(layout: &Layout) -> Self {
        let mut asking = JoinSet::new();
        let nodes = layout.nodes.iter().map(|node| {
            let (seen, watched) = watch::channel(Seen::default());
            asking.spawn(ask(node.query, seen));
            watched
        });
        Self { nodes: nodes.collect(), _asking: asking }
    }

    pub(super) fn nodes(&self) -> Vec<Seen> {
        self.nodes.iter().map(|node| node.borrow().clone()).collect()
    }
}

async fn ask(node: SocketAddr, seen: watch::Sender<Seen>) {
    let agent = agent();
    loop {
        let (agent, url) = (agent.clone(), format!("http://{node}/v1/status"));
        let answer = spawn_blocking(move || get(&agent, &url)).await.ok().flatten();
        let told: Option<Told> = answer.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        seen.send_modify(|seen| {
            seen.answers = told.is_some();
            if told.is_some() {
                *seen = Seen { told, at: Some(Instant::now()), answers: true };
            }
        });
        sleep(EVERY).await;
    }
}

/// One that gives up soon: whoever is asked may be paused.
pub(super) fn agent() -> Agent {
    Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(true).build().into()
}

/// What is at this address, if anything.
pub(super) fn get(agent: &Agent, url: &str) -> Option<Vec<u8>> {
    let mut answer = agent.get(url).call().ok()?;
    answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().ok()
}
