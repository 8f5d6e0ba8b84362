use std::net::SocketAddr;

use crate::PeerInfo;

/// Hears of peers: for metrics, and for whoever must know that a peer's boot key was verified.
///
/// Calls come from the task of a connection; they must not block. What is refused is also logged.
pub trait Observer: Send + Sync {
    /// Attested TLS has just verified this peer, whichever side dialled.
    fn attested(&self, peer: &PeerInfo) {
        let _ = peer;
    }

    /// A connection from or to `address` ended before both sides had attested. `code` is a stable
    /// word of few values.
    fn refused(&self, address: SocketAddr, code: &str) {
        let _ = (address, code);
    }

    /// An attested peer asked for what it may not have. `code` is that of the problem.
    fn denied(&self, peer: &PeerInfo, code: &str) {
        let _ = (peer, code);
    }

    /// The connection of an attested peer has ended.
    fn ended(&self, peer: &PeerInfo) {
        let _ = peer;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}
