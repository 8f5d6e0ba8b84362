use crate::bytes::{decode_hex, fixed_bytes};

/// The name of a member, organism, surface or other thing on the network: 32 bytes, mosaik's
/// `UniqueId` byte for byte.
///
/// ```
/// use holobiont_identity::UniqueId;
///
/// let member = UniqueId::from_name("ecb.euro-fx.USD");
/// assert_eq!(UniqueId::from_name(&member.to_string()), member);
/// assert_eq!(member.surface("rates"), member.derive("surface").derive("rates"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId([u8; 32]);

fixed_bytes!(UniqueId, 32);

impl UniqueId {
    /// The id that a string names: its bytes themselves where it is 64 hex digits (either case),
    /// else its blake3 hash.
    pub fn from_name(name: &str) -> Self {
        Self(decode_hex(name).unwrap_or_else(|_| blake3::hash(name.as_bytes()).into()))
    }

    /// An id that belongs to this one: `blake3(id ‖ info)`.
    #[must_use]
    pub fn derive(&self, info: impl AsRef<[u8]>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(info.as_ref());
        Self(hasher.finalize().into())
    }

    /// The id of the surface of this name that the holder of this id publishes.
    #[must_use]
    pub fn surface(&self, surface_name: &str) -> Self {
        self.derive("surface").derive(surface_name)
    }
}
