use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Admission;
use crate::channel::Wakers;

/// Who is at the other end of an attested connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its node id, which its quote binds.
    pub node: [u8; 32],
    /// The key it used in TLS, SubjectPublicKeyInfo in DER, which its quote binds.
    pub key: Vec<u8>,
    /// The newest verdict on it.
    pub admission: Admission,
    /// How many mutual attestations this connection has been through.
    pub rounds: u64,
}

/// A view of a connection's attestation that outlives a split of its stream.
#[derive(Debug, Clone)]
pub struct Standing(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) wakers: Arc<Wakers>,
    pub(crate) wanted: AtomicBool,
    pub(crate) peer: Mutex<Arc<Peer>>,
}

impl Standing {
    /// The peer, by its newest attestation. Says nothing of whether the connection still lives.
    pub fn peer(&self) -> Arc<Peer> {
        Arc::clone(&self.0.peer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn take_wanted(&self) -> bool {
        self.0.wanted.swap(false, Ordering::AcqRel)
    }

    /// Attests anew, both ways, as soon as the connection is next read or written; one that is
    /// under way is enough. What happens in it shows in [`peer`](Self::peer), or as an error of the
    /// stream.
    pub fn reattest(&self) {
        self.0.wanted.store(true, Ordering::Release);
        self.0.wakers.wake_both();
    }
}
