use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use holobiont_attestation_tls::Clock;
use holobiont_identity::UniqueId;

use crate::ticket::{Expect, Issuer, Ticket, TicketError};
use crate::{PeerInfo, Problem};

/// Decides which peer may read which surface. Asked for every request, and by long answers again
/// and again.
pub trait Gate: Send + Sync {
    /// Whether this peer may read this surface, with the ticket that it showed.
    ///
    /// # Errors
    ///
    /// The [`Problem`] that it is told.
    fn admit(
        &self,
        peer: &PeerInfo,
        surface: &UniqueId,
        bearer: Option<&str>,
    ) -> Result<(), Problem>;
}

/// Lets every attested peer read everything that is on the shelf.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn admit(&self, _: &PeerInfo, _: &UniqueId, _: Option<&str>) -> Result<(), Problem> {
        Ok(())
    }
}

/// Lets the nodes of a roster read everything that is on the shelf: the committee among itself.
pub struct RosterGate<F>(F);

impl<F: Fn(&UniqueId) -> bool + Send + Sync> RosterGate<F> {
    /// A gate that asks whether a node is of the roster now.
    pub const fn new(is_of_roster: F) -> Self {
        Self(is_of_roster)
    }
}

impl<F: Fn(&UniqueId) -> bool + Send + Sync> Gate for RosterGate<F> {
    fn admit(&self, peer: &PeerInfo, _: &UniqueId, _: Option<&str>) -> Result<(), Problem> {
        if (self.0)(&peer.node) {
            return Ok(());
        }
        let detail = format!("node {} is not of this committee's roster", peer.node);
        Err(Problem::new(403, "not-in-roster", detail))
    }
}

impl<F> fmt::Debug for RosterGate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RosterGate(..)")
    }
}

/// Who issues tickets for one surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRule {
    /// Stable id of the member that publishes it.
    pub member: UniqueId,
    /// The keys whose tickets are good.
    pub issuers: Vec<Issuer>,
}

/// Lets a peer read a surface for which it shows a ticket: for that surface, and made out to it.
#[derive(Clone)]
pub struct TicketGate {
    rules: BTreeMap<UniqueId, TicketRule>,
    clock: Arc<dyn Clock>,
}

impl TicketGate {
    /// A gate with these rules, by surface id. A surface without one is nobody's to read.
    pub fn new(rules: BTreeMap<UniqueId, TicketRule>, clock: Arc<dyn Clock>) -> Self {
        Self { rules, clock }
    }

    fn check(
        &self,
        peer: &PeerInfo,
        surface: &UniqueId,
        bearer: Option<&str>,
    ) -> Result<(), TicketError> {
        let rule = self.rules.get(surface).ok_or(TicketError::UnknownIssuer)?;
        let ticket = Ticket::parse(bearer.ok_or(TicketError::Missing)?)?;
        ticket.check(
            &Expect::Read {
                issuers: &rule.issuers,
                subject: peer.node,
                member: rule.member,
                surface: *surface,
            },
            self.clock.now_s(),
        )
    }
}

impl Gate for TicketGate {
    fn admit(
        &self,
        peer: &PeerInfo,
        surface: &UniqueId,
        bearer: Option<&str>,
    ) -> Result<(), Problem> {
        self.check(peer, surface, bearer).map_err(|error| {
            let status = if matches!(error, TicketError::Missing) { 401 } else { 403 };
            Problem::new(status, error.code(), error.to_string())
        })
    }
}

impl fmt::Debug for TicketGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketGate").field("rules", &self.rules).finish_non_exhaustive()
    }
}
