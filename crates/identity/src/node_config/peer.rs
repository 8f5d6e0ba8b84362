use std::collections::BTreeMap;

use super::address::HostPort;
use crate::UniqueId;
use crate::config::{Context, StableId, Table};

/// The most addresses of other nodes.
pub const MAX_PEERS: usize = 64;

/// Where another node of the committee is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// The node.
    pub node: UniqueId,
    /// `host:port` of its committee listener.
    pub address: String,
}

/// Every `[[peer]]`; this node itself may be listed, so that all nodes can share one list.
pub(super) fn read(
    root: &mut Table<'_>,
    own: Option<&UniqueId>,
    cx: &mut Context<'_>,
) -> Vec<PeerAddress> {
    let listed: Vec<Table<'_>> = root.optional("peer", cx).unwrap_or_default();
    if listed.len() > MAX_PEERS {
        let message = format!("{} peers are above {MAX_PEERS}", listed.len());
        cx.report(Some(root.span()), message);
        return Vec::new();
    }
    let mut lines = BTreeMap::new();
    let mut peers = Vec::new();
    for mut entry in listed {
        let node = entry.required::<StableId>("node", cx);
        let address = entry.required::<HostPort>("address", cx);
        let span = entry.span();
        let line = cx.line(&span);
        entry.finish(cx);
        let (Some(StableId(node)), Some(HostPort(address))) = (node, address) else { continue };
        if let Some(first) = lines.insert(node, line) {
            let message = format!("one node is listed twice, on lines {first} and {line}");
            cx.report(Some(span), message);
        } else if Some(&node) != own {
            peers.push(PeerAddress { node, address });
        }
    }
    peers
}
