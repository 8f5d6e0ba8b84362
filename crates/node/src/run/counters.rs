use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use holobiont_archive::{Observer, PeerInfo};
use holobiont_identity::UniqueId;

/// The most codes that are told apart; further ones are counted together.
const MAX_CODES: usize = 64;
/// What further codes are called.
const OTHER: &str = "other";

/// What happened since the start, for metrics; and who is connected.
#[derive(Default)]
pub(crate) struct Counters(Mutex<Counted>);

/// The figures at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    pub(crate) verdicts: BTreeMap<String, u64>,
    pub(crate) denied: BTreeMap<String, u64>,
    /// By direction and outcome.
    pub(crate) rpcs: BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) certificates: u64,
    /// Attested connections, by node.
    pub(crate) peers: BTreeMap<UniqueId, u64>,
}

impl Counters {
    pub(crate) fn now(&self) -> Counted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn rpc(&self, direction: &'static str, outcome: &'static str) {
        self.with(|counted| up(counted.rpcs.entry((direction, outcome)).or_default()));
    }

    pub(crate) fn certificate(&self) {
        self.with(|counted| up(&mut counted.certificates));
    }

    fn with(&self, change: impl FnOnce(&mut Counted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What is told of each peer whose boot key was verified.
pub(crate) type Verified = Box<dyn Fn(UniqueId, [u8; 32]) + Send + Sync>;

/// Hears of peers: counts them, and tells the node which boot keys of its committee were verified.
pub(crate) struct Watcher {
    pub(crate) counters: Arc<Counters>,
    /// None for connections to others than the committee's nodes.
    pub(crate) verified: Option<Verified>,
}

impl Observer for Watcher {
    fn attested(&self, peer: &PeerInfo) {
        self.counters.with(|counted| {
            count(&mut counted.verdicts, "admitted");
            if self.verified.is_some() {
                up(counted.peers.entry(peer.node).or_default());
            }
        });
        if let (Some(verified), Some(key)) = (&self.verified, peer.boot_key) {
            verified(peer.node, key);
        }
    }

    fn refused(&self, _: SocketAddr, code: &str) {
        self.counters.with(|counted| count(&mut counted.verdicts, code));
    }

    fn denied(&self, _: &PeerInfo, code: &str) {
        self.counters.with(|counted| count(&mut counted.denied, code));
    }

    fn ended(&self, peer: &PeerInfo) {
        if self.verified.is_none() {
            return;
        }
        self.counters.with(|counted| {
            if let Some(connections) = counted.peers.get_mut(&peer.node) {
                *connections = connections.saturating_sub(1);
                if *connections == 0 {
                    counted.peers.remove(&peer.node);
                }
            }
        });
    }
}

fn count(of: &mut BTreeMap<String, u64>, code: &str) {
    // A code may be a peer's own word.
    let is_known = of.contains_key(code) || (of.len() < MAX_CODES && is_word(code));
    up(of.entry(if is_known { code } else { OTHER }.to_owned()).or_default());
}

fn is_word(code: &str) -> bool {
    (1..=40).contains(&code.len())
        && code.bytes().all(|it| it == b'-' || it.is_ascii_alphanumeric())
}

fn up(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_own_words_cannot_make_the_page_grow() {
        let mut counts = BTreeMap::new();
        for it in 0..1_000 {
            count(&mut counts, &format!("code-{it}"));
        }
        count(&mut counts, "\"} 1\nforged 1");
        assert_eq!(counts.len(), MAX_CODES + 1);
        assert_eq!(counts[OTHER], 1_001 - MAX_CODES as u64);
    }
}
