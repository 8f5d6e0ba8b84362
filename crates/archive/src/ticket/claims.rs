use holobiont_identity::UniqueId;
use serde::{Deserialize, Serialize};

use super::{Issuer, TicketError, check_validity};
use crate::limits::MAX_TICKET_ID_BYTES;

/// What a ticket says, but for its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The node that it was made out to.
    pub subject: UniqueId,
    /// What for.
    pub scope: Scope,
    /// Its first second, since 1970.
    pub not_before_s: u64,
    /// The second at which it is no longer good, since 1970.
    pub expires_s: u64,
    /// Its own id, 1 to [`MAX_TICKET_ID_BYTES`] of printable ASCII.
    pub id: String,
}

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading one surface of one member.
    Read {
        /// The member's stable id.
        member: UniqueId,
        /// The surface's id.
        surface: UniqueId,
    },
    /// Joining one organism's committee.
    Enrol {
        /// The organism's stable id.
        organism: UniqueId,
    },
}

impl Scope {
    /// Its name in the ticket.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Enrol { .. } => "enrol",
        }
    }
}

/// The claims as JSON. What else a ticket may say is not read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    iss: String,
    sub: UniqueId,
    scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<UniqueId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    surface: Option<UniqueId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organism: Option<UniqueId>,
    nbf: u64,
    exp: u64,
    jti: String,
}

impl Written {
    pub(super) fn of(claims: &Claims, issuer: &Issuer) -> Result<Self, TicketError> {
        check_id(&claims.id)?;
        check_validity(claims.not_before_s, claims.expires_s)?;
        let (member, surface, organism) = match claims.scope {
            Scope::Read { member, surface } => (Some(member), Some(surface), None),
            Scope::Enrol { organism } => (None, None, Some(organism)),
        };
        Ok(Self {
            iss: issuer.to_string(),
            sub: claims.subject,
            scope: claims.scope.name().to_owned(),
            member,
            surface,
            organism,
            nbf: claims.not_before_s,
            exp: claims.expires_s,
            jti: claims.id.clone(),
        })
    }

    pub(super) fn read(self) -> Result<(Claims, Issuer), TicketError> {
        check_id(&self.jti)?;
        check_validity(self.nbf, self.exp)?;
        let scope = match (self.scope.as_str(), self.member, self.surface, self.organism) {
            ("read", Some(member), Some(surface), None) => Scope::Read { member, surface },
            ("enrol", None, None, Some(organism)) => Scope::Enrol { organism },
            _ => return Err(TicketError::Scope),
        };
        let issuer = self.iss.parse()?;
        let claims = Claims {
            subject: self.sub,
            scope,
            not_before_s: self.nbf,
            expires_s: self.exp,
            id: self.jti,
        };
        Ok((claims, issuer))
    }
}

fn check_id(id: &str) -> Result<(), TicketError> {
    let is_id = (1..=MAX_TICKET_ID_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then_some(()).ok_or(TicketError::Malformed { part: "jti" })
}
