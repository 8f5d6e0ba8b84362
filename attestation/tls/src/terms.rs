use holobiont_identity::{Digest, UniqueId};

/// What one side demands that the other attests to: which organism, at which epoch of it, and
/// which surface's pins.
///
/// Both sides hold their own copy and only compare: a quote is bound to the terms of the side that
/// makes or judges it, never to what the peer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Content hash of the organism that the connection serves.
    pub organism: Digest,
    /// The organism's epoch: it moves with every change of its roster.
    pub epoch: u64,
    /// The surface whose pins the attesting side must meet.
    pub surface: UniqueId,
    /// `SurfacePins::policy_hash` of those pins.
    pub policy: Digest,
}

/// The first item in which two terms differ. A later one means nearer terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    Organism,
    Epoch,
    Surface,
    Policy,
}

impl Terms {
    pub(crate) fn difference(&self, other: &Self) -> Option<Difference> {
        [
            (self.organism != other.organism, Difference::Organism),
            (self.epoch != other.epoch, Difference::Epoch),
            (self.surface != other.surface, Difference::Surface),
            (self.policy != other.policy, Difference::Policy),
        ]
        .into_iter()
        .find_map(|(differs, difference)| differs.then_some(difference))
    }
}

impl Difference {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Organism => "organism-mismatch",
            Self::Epoch => "epoch-mismatch",
            Self::Surface => "surface-mismatch",
            Self::Policy => "policy-mismatch",
        }
    }

    pub(crate) fn text(self, offered: &Terms, demanded: &Terms) -> String {
        match self {
            Self::Organism => format!(
                "you demand organism {}, this node serves {}: compare both organism.toml",
                demanded.organism, offered.organism
            ),
            Self::Epoch => format!(
                "you are at epoch {}, this node at {}: the one behind must catch up first",
                demanded.epoch, offered.epoch
            ),
            Self::Surface => format!(
                "you demand surface {}, this node attests for {}",
                demanded.surface, offered.surface
            ),
            Self::Policy => format!(
                "you demand policy {}, this node has {}: compare the surface's pins in both organism.toml",
                demanded.policy, offered.policy
            ),
        }
    }
}
