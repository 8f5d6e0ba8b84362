use crate::UniqueId;
use crate::bytes::fixed_bytes;

/// The short name of a member, as commits and tickets carry it: the first 20 bytes of its stable
/// id.
///
/// ```
/// use holobiont_identity::{MemberId, UniqueId};
///
/// let stable_id = UniqueId::from_name("ecb.euro-fx.USD");
/// let member = MemberId::of(&stable_id);
/// assert!(stable_id.to_string().starts_with(&member.to_string()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId([u8; 20]);

fixed_bytes!(MemberId, 20);

impl MemberId {
    /// The short name of the member with this stable id.
    pub fn of(stable_id: &UniqueId) -> Self {
        let mut short = [0; 20];
        for (to, from) in short.iter_mut().zip(stable_id.as_bytes()) {
            *to = *from;
        }
        Self(short)
    }
}

impl From<UniqueId> for MemberId {
    fn from(stable_id: UniqueId) -> Self {
        Self::of(&stable_id)
    }
}
