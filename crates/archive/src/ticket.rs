//! Tickets and enrolments: what lets one node read one surface, or join one committee.
//!
//! A ticket is a compact JWT (RFC 7519), signed with EdDSA over Ed25519 or with ES256, and nothing
//! else: `none` and the HMAC algorithms are refused by name. It says who issued it (`iss`, the
//! issuer's key as `organism.toml` lists it), to whom (`sub`, the node id in hex), what for
//! (`scope`), from when to when (`nbf`, `exp`, seconds since 1970), and its own id (`jti`).
//!
//! | scope | further claims | who issues it |
//! | --- | --- | --- |
//! | `read` | `member` (stable id in hex), `surface` (surface id in hex) | the member's operator |
//! | `enrol` | `organism` (stable id in hex) | the organism's operators |
//!
//! An issuer is written `ed25519:<64 hex digits>` or `es256:<130 hex digits>`, the uncompressed
//! point of P-256. Pure functions of bytes and the time that is given. The code is our own, over
//! `serde_json`, `base64` and `ring`, since what is wanted of JWT is this little, and every further
//! feature of a general library is one that must be shown to be off.

mod claims;
mod error;
mod issuer;
mod jwt;

pub use claims::{Claims, Scope};
pub use error::TicketError;
pub use issuer::{Issuer, IssuerKey};

use holobiont_identity::UniqueId;

use crate::limits::{MAX_TICKET_VALIDITY_S, TICKET_LEEWAY_S};

/// A ticket or an enrolment whose form is right; whose word it is, [`check`](Self::check) says.
///
/// ```
/// use holobiont_archive::ticket::{Claims, Expect, IssuerKey, Scope, Ticket};
/// use holobiont_identity::UniqueId;
///
/// let operator = IssuerKey::ed25519(&[7; 32])?;
/// let (node, member) = (UniqueId::from_name("node"), UniqueId::from_name("acme.prices"));
/// let surface = member.surface("rates");
/// let scope = Scope::Read { member, surface };
/// let claims = Claims { subject: node, scope, not_before_s: 100, expires_s: 200, id: "1".into() };
/// let text = operator.issue(&claims)?;
///
/// let ticket = Ticket::parse(&text)?;
/// let issuers = [operator.issuer()];
/// let expect = Expect::Read { issuers: &issuers, subject: node, member, surface };
/// assert!(ticket.check(&expect, 150).is_ok());
/// assert!(ticket.check(&expect, 200).is_err());
/// # Ok::<(), holobiont_archive::ticket::TicketError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    claims: Claims,
    issuer: Issuer,
    /// Header and claims as they were signed.
    signed: String,
    signature: Vec<u8>,
}

/// What a ticket must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect<'a> {
    /// Reading a surface.
    Read {
        /// The keys whose tickets are good.
        issuers: &'a [Issuer],
        /// The node that shows it.
        subject: UniqueId,
        /// Stable id of the member that publishes the surface.
        member: UniqueId,
        /// The surface's id.
        surface: UniqueId,
    },
    /// Joining a committee.
    Enrol {
        /// The operators' keys.
        issuers: &'a [Issuer],
        /// The node that shows it.
        subject: UniqueId,
        /// The organism's stable id.
        organism: UniqueId,
    },
}

impl Ticket {
    /// Reads the compact form; its signature is not looked at.
    ///
    /// # Errors
    ///
    /// [`TicketError::TooLong`], [`TicketError::Malformed`], [`TicketError::Algorithm`],
    /// [`TicketError::Scope`], [`TicketError::Validity`], [`TicketError::BadIssuer`].
    pub fn parse(text: &str) -> Result<Self, TicketError> {
        jwt::parse(text)
    }

    /// Whether it is good for this, now.
    ///
    /// # Errors
    ///
    /// [`TicketError::UnknownIssuer`], [`TicketError::BadSignature`], then
    /// [`TicketError::WrongScope`], [`TicketError::WrongSubject`], [`TicketError::WrongMember`],
    /// [`TicketError::WrongSurface`], [`TicketError::WrongOrganism`], [`TicketError::NotYet`],
    /// [`TicketError::Expired`]: the first that applies.
    pub fn check(&self, expect: &Expect<'_>, now_s: u64) -> Result<(), TicketError> {
        let (Expect::Read { issuers, subject, .. } | Expect::Enrol { issuers, subject, .. }) =
            *expect;
        if !issuers.contains(&self.issuer) {
            return Err(TicketError::UnknownIssuer);
        }
        self.issuer.verify(self.signed.as_bytes(), &self.signature)?;
        let claims = &self.claims;
        match (*expect, claims.scope) {
            (Expect::Read { member, surface, .. }, Scope::Read { member: m, surface: s }) => {
                self.is_for(subject)?;
                if m != member {
                    return Err(TicketError::WrongMember { got: m, expected: member });
                }
                if s != surface {
                    return Err(TicketError::WrongSurface { got: s, expected: surface });
                }
            }
            (Expect::Enrol { organism, .. }, Scope::Enrol { organism: o }) => {
                self.is_for(subject)?;
                if o != organism {
                    return Err(TicketError::WrongOrganism { got: o, expected: organism });
                }
            }
            (_, scope) => return Err(TicketError::WrongScope { got: scope.name() }),
        }
        let from_s = claims.not_before_s;
        if now_s.saturating_add(TICKET_LEEWAY_S) < from_s {
            return Err(TicketError::NotYet { from_s, now_s });
        }
        if now_s >= claims.expires_s {
            return Err(TicketError::Expired { expired_s: claims.expires_s, now_s });
        }
        Ok(())
    }

    /// What it claims. Nobody's word before [`check`](Self::check).
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Who it says has issued it.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    fn is_for(&self, expected: UniqueId) -> Result<(), TicketError> {
        match self.claims.subject {
            got if got == expected => Ok(()),
            got => Err(TicketError::WrongSubject { got, expected }),
        }
    }
}

/// Whether a validity is one that this build takes.
fn check_validity(not_before_s: u64, expires_s: u64) -> Result<(), TicketError> {
    match expires_s.checked_sub(not_before_s) {
        Some(1..=MAX_TICKET_VALIDITY_S) => Ok(()),
        _ => Err(TicketError::Validity { not_before_s, expires_s }),
    }
}
