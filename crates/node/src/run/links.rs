use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use holobiont_archive::{Client, ClientError, ClientParts, Observer, Sessions};
use holobiont_attestation_tls::Endpoint;
use holobiont_committee_raft::{Transport, TransportError};
use holobiont_identity::UniqueId;
use tokio::time::timeout;

use super::counters::Counters;
use super::terms::TermBook;

/// Where a node takes requests of the replicated log (`POST`), and a greeting (`GET`).
pub(crate) const COMMITTEE_PATH: &str = "/v1/committee";
/// The longest that a call may take, in milliseconds; a snapshot's piece among them.
const CALL_MS: u64 = 10_000;

/// This node's connections to the others: one for the replicated log, and one for records, so that
/// a backfill does not hold up heartbeats.
#[derive(Clone)]
pub(crate) struct Links(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    terms: Arc<TermBook>,
    observer: Arc<dyn Observer>,
    counters: Arc<Counters>,
    peers: RwLock<BTreeMap<UniqueId, Peer>>,
    /// The boot key that each was last seen with.
    met: Mutex<BTreeMap<UniqueId, [u8; 32]>>,
}

#[derive(Clone)]
struct Peer {
    address: String,
    log: Client,
    records: Client,
}

impl Links {
    pub(crate) fn new(
        endpoint: Endpoint,
        terms: Arc<TermBook>,
        observer: Arc<dyn Observer>,
        counters: Arc<Counters>,
    ) -> Self {
        let (peers, met) = Default::default();
        Self(Arc::new(Inner { endpoint, terms, observer, counters, peers, met }))
    }

    /// Where the others are. A node whose address is the same keeps its connections.
    pub(crate) fn set_peers(&self, addresses: impl IntoIterator<Item = (UniqueId, String)>) {
        let mut peers = self.0.peers.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *peers);
        for (node, address) in addresses {
            let kept = before.remove(&node).filter(|peer| peer.address == address);
            let peer = kept.unwrap_or_else(|| self.peer(node, &address));
            peers.insert(node, peer);
        }
    }

    /// The terms have changed: every connection is made anew.
    pub(crate) fn reconnect(&self) {
        let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
        for peer in peers.values() {
            peer.log.reconnect();
            peer.records.reconnect();
        }
    }

    /// A node of the roster was seen with this boot key. One that has booted anew is dialled at once:
    /// while it was away attempts became rare, and it waits for the log now.
    pub(crate) fn met(&self, node: UniqueId, key: [u8; 32]) {
        let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(peer) = peers.get(&node) else { return };
        let mut met = self.0.met.lock().unwrap_or_else(PoisonError::into_inner);
        if met.insert(node, key) != Some(key) {
            peer.log.hurry();
            peer.records.hurry();
        }
    }

    /// Every peer, and the way to its records.
    pub(crate) fn records(&self) -> Vec<(UniqueId, Client)> {
        let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.iter().map(|(node, peer)| (*node, peer.records.clone())).collect()
    }

    /// Says hello to everybody: so boot keys are verified before anything is to be said, and a
    /// connection without another request does not end.
    pub(crate) fn greet(&self) {
        let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
        for peer in peers.values() {
            let log = peer.log.clone();
            tokio::spawn(async move {
                // Why not is in the log already.
                let _ = log.get(COMMITTEE_PATH).await;
            });
        }
    }

    fn peer(&self, node: UniqueId, address: &str) -> Peer {
        let inner = &self.0;
        let terms = Arc::clone(&inner.terms);
        let sessions: Arc<dyn Sessions> = Arc::new(move || terms.committee(Some(node)));
        let client = || {
            Client::new(ClientParts {
                address: address.to_owned(),
                endpoint: inner.endpoint.clone(),
                sessions: Arc::clone(&sessions),
                book: inner.terms.platforms.clone(),
                bearer: None,
                observer: Arc::clone(&inner.observer),
            })
        };
        Peer { address: address.to_owned(), log: client(), records: client() }
    }
}

impl Transport for Links {
    async fn call(&self, to: UniqueId, body: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let client = {
            let peers = self.0.peers.read().unwrap_or_else(PoisonError::into_inner);
            peers.get(&to).map(|peer| peer.log.clone())
        };
        let Some(client) = client else {
            let why = format!("no [[peer]] says where node {to} is");
            return Err(TransportError::Unreachable { why });
        };
        let called = timeout(Duration::from_millis(CALL_MS), client.call(COMMITTEE_PATH, body));
        let answered = called
            .await
            .unwrap_or(Err(ClientError::TimedOut { what: "answer", limit_ms: CALL_MS }));
        let outcome = if answered.is_ok() { "answered" } else { "failed" };
        self.0.counters.rpc("sent", outcome);
        answered.map(Vec::from).map_err(|error| refusal_of(&error))
    }
}

fn refusal_of(error: &ClientError) -> TransportError {
    let refused =
        |code: &str, text: String| TransportError::Refused { code: code.to_owned(), text };
    match (error.refusal(), error.problem()) {
        (Some(refusal), _) => refused(refusal.code(), error.to_string()),
        (None, Some(problem)) => refused(&problem.code, problem.detail.clone()),
        (None, None) => TransportError::Unreachable { why: error.to_string() },
    }
}
