use holobiont_identity::Digest;
use serde::{Deserialize, Serialize};

/// A surface's history up to and with one record, in 40 bytes.
///
/// Two heads that are equal mean equal histories: the hash commits to every byte before it.
///
/// ```
/// use holobiont_identity::Digest;
/// use holobiont_surface::Head;
///
/// let head = Head { seq: 3, hash: Digest::of("history") };
/// assert_ne!(head, Head { seq: 3, hash: Digest::of("another") });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Sequence number of the last record that it covers.
    pub seq: u64,
    /// `blake3(chain value before the record's window ‖ blake3(the window up to the record))`.
    pub hash: Digest,
}

impl Head {
    /// The head at the last record of `window`: the stored records of a window from its first on,
    /// with the chain value before it.
    pub fn of_window(seq: u64, chain_before: Digest, window: &[u8]) -> Self {
        Self { seq, hash: chain(chain_before, Digest::of(window)) }
    }
}

/// The chain value after a window, or a head's hash where `window` ends inside one.
pub(crate) fn chain(before: Digest, window: Digest) -> Digest {
    let mut both = [0; 64];
    let (first, second) = both.split_at_mut(32);
    first.copy_from_slice(before.as_bytes());
    second.copy_from_slice(window.as_bytes());
    Digest::of(both)
}
