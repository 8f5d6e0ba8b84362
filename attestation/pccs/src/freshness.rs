use std::fmt;

use holobiont_attestation::Collateral;

/// A set is to be replaced once this part of an artefact's own validity or less is left: for the
/// thirty days that Intel gives documents, six.
const WARN_PART: u64 = 5;
/// Certificates live for years, and are replaced with the set.
const WARN_AT_MOST_S: u64 = 14 * 24 * 3_600;

/// How long a set of collateral can still be used, by the artefact that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Usable, and no artefact is near its end.
    Fresh {
        /// The first one to end.
        artefact: &'static str,
        /// Its last second, unix.
        until_s: u64,
    },
    /// Usable, and to be replaced now: a fifth of the artefact's validity or less is left, or two
    /// weeks of a longer one.
    Warn {
        /// The first one to end.
        artefact: &'static str,
        /// Its last second, unix.
        until_s: u64,
    },
    /// Not usable any more.
    Expired {
        /// The first one that ended.
        artefact: &'static str,
        /// Its last second, unix.
        since_s: u64,
    },
    /// Not usable yet: it was issued later than now. The clock may be wrong.
    NotYetValid {
        /// The last one to begin.
        artefact: &'static str,
        /// Its first second, unix.
        from_s: u64,
    },
}

impl Freshness {
    /// Whether a verdict can stand on the set now.
    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Fresh { .. } | Self::Warn { .. })
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh { artefact, until_s } => {
                write!(formatter, "fresh until {until_s} (unix s), when its {artefact} ends")
            }
            Self::Warn { artefact, until_s } => {
                write!(
                    formatter,
                    "to be replaced before {until_s} (unix s), when its {artefact} ends"
                )
            }
            Self::Expired { artefact, since_s } => {
                write!(formatter, "its {artefact} ended at {since_s} (unix s)")
            }
            Self::NotYetValid { artefact, from_s } => {
                write!(formatter, "its {artefact} begins at {from_s} (unix s): check the clock")
            }
        }
    }
}

/// How a set stands at `now_s`, by each artefact's own validity; both ends are inclusive.
pub fn freshness(collateral: &Collateral, now_s: u64) -> Freshness {
    let artefacts = collateral.artefacts();
    let last_issued = artefacts.iter().max_by_key(|artefact| artefact.issued_s);
    let first_ends = artefacts.iter().min_by_key(|artefact| artefact.next_update_s);
    let (Some(last_issued), Some(first_ends)) = (last_issued, first_ends) else {
        return Freshness::Expired { artefact: "nothing", since_s: 0 };
    };
    let artefact = first_ends.name;
    let until_s = first_ends.next_update_s;
    if now_s > until_s {
        return Freshness::Expired { artefact, since_s: until_s };
    }
    if now_s < last_issued.issued_s {
        let artefact = last_issued.name;
        return Freshness::NotYetValid { artefact, from_s: last_issued.issued_s };
    }
    let ageing = artefacts.iter().filter(|it| {
        let validity_s = it.next_update_s.saturating_sub(it.issued_s);
        let ahead_s = (validity_s / WARN_PART).min(WARN_AT_MOST_S);
        it.next_update_s.saturating_sub(now_s) <= ahead_s
    });
    match ageing.min_by_key(|it| it.next_update_s) {
        Some(it) => Freshness::Warn { artefact: it.name, until_s: it.next_update_s },
        None => Freshness::Fresh { artefact, until_s },
    }
}
