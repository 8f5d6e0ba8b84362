use std::net::SocketAddr;
use std::sync::Arc;

use holobiont_attestation_tls::{Admission, Attested, Standing, Terms, ed25519_of};
use holobiont_identity::UniqueId;

/// Who is at the other end of a connection: what a handler decides by.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// Its node id, which its quote binds.
    pub node: UniqueId,
    /// Its boot key; none where the key is not Ed25519, which no committee takes.
    pub boot_key: Option<[u8; 32]>,
    /// What this side demanded of it, and it attested to.
    pub terms: Terms,
    /// Its address.
    pub address: SocketAddr,
    standing: Standing,
}

impl PeerInfo {
    pub(crate) fn of<S>(attested: &Attested<S>, terms: Terms, address: SocketAddr) -> Self {
        let peer = attested.peer();
        Self {
            node: UniqueId::from_bytes(peer.node),
            boot_key: ed25519_of(&peer.key),
            terms,
            address,
            standing: attested.standing(),
        }
    }

    /// The newest verdict on it: pin, platform, expiry.
    pub fn admission(&self) -> Admission {
        self.standing.peer().admission.clone()
    }

    /// How many mutual attestations the connection has been through.
    pub fn rounds(&self) -> u64 {
        self.standing.peer().rounds
    }

    /// Has both sides attest anew, soon.
    pub fn reattest(&self) {
        self.standing.reattest();
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}
