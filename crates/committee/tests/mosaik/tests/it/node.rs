//! Nodes of a group, each with an endpoint of its own on loopback.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use iroh_relay::{
    RelayConfig,
    server::{self, Server},
};
use mosaik::{
    Consistency, Group, GroupKey, Network, NetworkId, PeerId, SecretKey, discovery,
    groups::ConsensusConfig,
    iroh::{Endpoint, RelayMap, RelayMode},
};
use tokio::time::{sleep, timeout};

use crate::ledger::{AllLines, Ledger};

/// How long anything may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The relay that a mosaik network will not start without.
pub struct Relay {
    server: Server,
    mode: RelayMode,
}

impl Relay {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = server::ServerConfig::default();
        config.relay = Some(server::RelayConfig::new(([127, 0, 0, 1], 0)));
        let server = Server::spawn(config).await.unwrap();
        let url = format!("http://{}", server.http_addr().unwrap()).parse().unwrap();
        let mode = RelayMode::Custom(RelayMap::from(RelayConfig::new(url, None)));
        Self { server, mode }
    }

    pub async fn stop(self) {
        within("the relay stops", self.server.shutdown()).await.unwrap();
    }
}

/// What makes nodes one group, over any number of restarts.
pub struct Plan {
    network: NetworkId,
    key: GroupKey,
    secrets: Vec<SecretKey>,
}

impl Plan {
    pub fn new(nodes: usize) -> Self {
        let secrets = (0..nodes).map(|_| SecretKey::generate()).collect();
        Self { network: NetworkId::random(), key: GroupKey::random(), secrets }
    }

    /// Starts every node, and returns once all have bonds with all and follow one leader.
    pub async fn start(&self, relay: &Relay) -> Vec<Node> {
        let mut networks = Vec::new();
        for secret in &self.secrets {
            networks.push(self.network(relay, secret).await);
        }
        for network in &networks {
            for other in networks.iter().filter(|it| it.local().id() != network.local().id()) {
                let synced = network.discovery().sync_with(other.local().addr());
                within("discovery", synced).await.unwrap();
            }
        }
        let nodes: Vec<_> = networks.into_iter().map(|it| self.join(it)).collect();
        led(&nodes.iter().collect::<Vec<_>>()).await;
        nodes
    }

    async fn network(&self, relay: &Relay, secret: &SecretKey) -> Network {
        let loopback: [SocketAddr; 2] =
            [([127, 0, 0, 1], 0).into(), ([0, 0, 0, 0, 0, 0, 0, 1], 0).into()];
        let discovery = discovery::Config::builder()
            .no_dht_bootstrap()
            .with_announce_interval(Duration::from_secs(2));
        let network = Network::builder(self.network)
            .with_secret_key(secret.clone())
            .with_relay_mode(relay.mode.clone())
            .with_addresses(BTreeSet::from(loopback))
            .with_discovery(discovery)
            .build();
        within("a network starts", network).await.unwrap()
    }

    fn join(&self, network: Network) -> Node {
        // A heartbeat of the leader can be late by much, on a busy machine, before it is missed.
        let consensus = ConsensusConfig::builder()
            .with_heartbeat_interval(Duration::from_millis(250))
            .with_heartbeat_jitter(Duration::from_millis(50))
            .with_max_missed_heartbeats(6)
            .with_election_timeout(Duration::from_secs(3))
            .with_election_timeout_jitter(Duration::from_secs(2))
            .with_bootstrap_delay(Duration::from_secs(1));
        let group = network
            .groups()
            .with_key(self.key)
            .with_state_machine(Ledger::default())
            .with_consensus_config(consensus.build().unwrap())
            .join();
        Node { network, group }
    }
}

pub struct Node {
    network: Network,
    pub group: Group<Ledger>,
}

impl Node {
    pub fn id(&self) -> PeerId {
        self.network.local().id()
    }

    pub fn endpoint(&self) -> &Endpoint {
        self.network.local().endpoint()
    }

    /// Ends this node as the end of its process would, but for good manners.
    pub async fn stop(self) {
        let Self { network, group } = self;
        let endpoint = network.local().endpoint().clone();
        drop(group);
        drop(network);
        within("a node stops", endpoint.close()).await;
    }

    /// Has the group execute this, and returns the index that it was acknowledged with.
    pub async fn execute(&self, line: String) -> u64 {
        within("a command", self.group.execute(line)).await.unwrap().into()
    }

    /// All that this node's state machine has applied.
    pub async fn lines(&self) -> Vec<String> {
        self.ask(Consistency::Weak).await
    }

    /// What the leader has applied, by a read that is to be consistent.
    pub async fn lines_of_the_leader(&self) -> Vec<String> {
        self.ask(Consistency::Strong).await
    }

    async fn ask(&self, consistency: Consistency) -> Vec<String> {
        within("a query", self.group.query(AllLines, consistency)).await.unwrap().into()
    }

    pub fn committed(&self) -> u64 {
        self.group.committed().into()
    }
}

/// Waits until these are bonded with one another and with nobody else, and all follow one of
/// them, which is returned.
pub async fn led<'a>(nodes: &[&'a Node]) -> &'a Node {
    let settled = || {
        let leader = nodes[0].group.leader()?;
        let follow = nodes.iter().all(|it| it.group.leader() == Some(leader) && bonded(it, nodes));
        nodes.iter().copied().find(|it| follow && it.id() == leader)
    };
    let leader = until("the nodes follow one leader", settled).await;
    for node in nodes {
        within("a node is online", node.group.when().online()).await;
    }
    leader
}

/// Whether a node has a bond with each other of these, and it is the one that the other has: of two
/// nodes that bond with each other at once, each can have a bond that is about to be closed as the
/// second, and what is sent over that is lost.
fn bonded(node: &Node, nodes: &[&Node]) -> bool {
    let bond = |from: &Node, to: &Node| Some(*from.group.bonds().get(&to.id())?.id());
    let others = nodes.iter().filter(|it| it.id() != node.id());
    node.group.bonds().len() + 1 == nodes.len()
        && others.into_iter().all(|it| {
            let ours = bond(node, it);
            ours.is_some() && ours == bond(it, node)
        })
}

/// Waits until all of these have committed up to there.
pub async fn all_committed(nodes: &[&Node], index: u64) {
    for node in nodes {
        within("a node commits", node.group.when().committed().reaches(index)).await;
    }
}

pub async fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let looked = async {
        loop {
            if let Some(found) = condition() {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, looked).await
}

pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}
