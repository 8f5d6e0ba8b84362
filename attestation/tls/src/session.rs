use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::exchange::{Refusal, Request};
use crate::{Appraiser, Prover, Terms};

/// The most terms that one session offers.
pub const MAX_OFFERS: usize = 64;

/// One side's own view of a connection: who it is, what it demands, what it is ready to attest to.
///
/// The members of a committee demand and offer the same terms; a producer and a reader of its
/// surface each offer what the other demands. The terms hold for the life of the connection, also
/// when it attests again: after an epoch has moved, connect anew.
#[derive(Clone)]
pub struct Session {
    /// This node's id.
    pub node: [u8; 32],
    /// Node ids that may be at the other end; `None` for any that attests (the caller then decides
    /// by [`Peer::node`](crate::Peer)).
    pub expected: Option<BTreeSet<[u8; 32]>>,
    /// What the peer must attest to.
    pub demands: Terms,
    /// What this node attests to when asked, at most [`MAX_OFFERS`]. Everything else is refused.
    pub offers: Vec<Terms>,
    /// Makes this node's evidence.
    pub prover: Arc<dyn Prover>,
    /// Judges the peer's evidence.
    pub appraiser: Arc<dyn Appraiser>,
}

impl Session {
    /// The offered terms that a request demands, or why there are none.
    pub(crate) fn admit(&self, request: &Request) -> Result<Terms, Refusal> {
        if request.node == self.node {
            return Err(Refusal::new("own-node-id", "this node has the id that you claim"));
        }
        if self.expected.as_ref().is_some_and(|expected| !expected.contains(&request.node)) {
            return Err(Refusal::new(
                "node-not-expected",
                "this node expects another node id here",
            ));
        }
        let demanded = &request.terms;
        let mut nearest = None;
        for offered in self.offers.iter().take(MAX_OFFERS) {
            let Some(difference) = offered.difference(demanded) else { return Ok(*offered) };
            if nearest.is_none_or(|(so_far, _)| difference > so_far) {
                nearest = Some((difference, offered));
            }
        }
        Err(match nearest {
            Some((it, offered)) => Refusal::new(it.code(), &it.text(offered, demanded)),
            None => Refusal::new("nothing-offered", "this node attests to nothing here"),
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("demands", &self.demands)
            .field("offers", &self.offers)
            .finish_non_exhaustive()
    }
}
