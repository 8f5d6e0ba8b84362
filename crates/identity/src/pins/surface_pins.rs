use serde::Serialize;

use super::{Pin, TcbRules};
use crate::Digest;
use crate::encode::to_bytes;
use crate::framing::Framed;

/// The most pins of a surface.
pub const MAX_PINS: usize = 64;

/// The reserved name under which the committee's own nodes are pinned.
pub const COMMITTEE_SURFACE: &str = "committee";

/// One `[[surface]]` of `organism.toml`: who may produce for a member's surface, or be a node.
///
/// A quote is accepted where it matches any one of the sets, wholly.
///
/// ```
/// # use holobiont_identity::Organism;
/// let organism = Organism::parse(include_str!("../../tests/vectors/pinned.toml"))?;
/// let pins = organism.pins("committee").expect("the nodes are pinned");
/// let mut other = pins.clone();
/// other.sets[0].xfam[0] ^= 0x20;
/// assert_ne!(other.policy_hash(), pins.policy_hash());
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SurfacePins {
    /// A member's `name`, or [`COMMITTEE_SURFACE`].
    pub surface: String,
    /// Which states of a platform are accepted.
    pub tcb: TcbRules,
    /// On how many different machines those admitted must run, at least. *Limits*: at least 1.
    pub min_distinct_platforms: Option<u16>,
    /// The sets, in the order of the file. *Limits*: 1 to [`MAX_PINS`], labels unique.
    pub sets: Vec<Pin>,
}

impl SurfacePins {
    /// What peers name the rules by: `blake3("holobiont-pins|" ‖ 0x01 ‖ framed canonical encoding)`.
    /// It is part of what a quote binds, so that both ends know that they judge by the same rules.
    pub fn policy_hash(&self) -> Digest {
        let mut framed = Framed::new();
        framed.fixed(b"holobiont-pins|").u8(1).blob(to_bytes(self));
        framed.digest()
    }
}
