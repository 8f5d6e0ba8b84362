//! All the network's links: between nodes, and from nodes to members.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::layout::Layout;
use super::link::{Flow, Way};
use super::proxy::Proxy;
use crate::failure::Failure;

/// A process of the network, by its place among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Node(usize),
    Member(usize),
}

/// A relay for every pair that may talk, and the two ways between them.
#[derive(Debug)]
pub(super) struct Links {
    ways: BTreeMap<(Place, Place), Arc<Way>>,
    /// Where the first dials the second.
    addresses: BTreeMap<(Place, Place), SocketAddr>,
    _relays: JoinSet<()>,
}

impl Links {
    /// Takes a port for each, and begins to relay.
    pub(super) async fn new(layout: &Layout) -> Result<Self, Failure> {
        let mut links =
            Self { ways: BTreeMap::new(), addresses: BTreeMap::new(), _relays: JoinSet::new() };
        for from in 0..layout.nodes.len() {
            for (to, node) in layout.nodes.iter().enumerate().filter(|(to, _)| *to != from) {
                links.add(Place::Node(from), Place::Node(to), node.committee).await?;
            }
            for (to, member) in layout.members.iter().enumerate() {
                links.add(Place::Node(from), Place::Member(to), member.listen).await?;
            }
        }
        Ok(links)
    }

    async fn add(&mut self, from: Place, to: Place, target: SocketAddr) -> Result<(), Failure> {
        let mut way = |pair| Arc::clone(self.ways.entry(pair).or_insert_with(|| Way::new().into()));
        let (there, back) = (way((from, to)), way((to, from)));
        let proxy = Proxy::bind(target, there, back).await.map_err(Failure::unexpected)?;
        self.addresses.insert((from, to), proxy.address());
        self._relays.spawn(proxy.run());
        Ok(())
    }

    /// Where `from` dials `to`.
    pub(super) fn address(&self, from: Place, to: Place) -> Option<SocketAddr> {
        self.addresses.get(&(from, to)).copied()
    }

    /// Every way becomes what is said of it, and the others open.
    pub(super) fn set(&self, wanted: &BTreeMap<(Place, Place), Flow>) {
        for (pair, way) in &self.ways {
            way.set(wanted.get(pair).copied().unwrap_or_default());
        }
    }
}
