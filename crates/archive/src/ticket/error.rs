use holobiont_identity::UniqueId;

use crate::limits::{MAX_TICKET_BYTES, MAX_TICKET_VALIDITY_S};

/// Why a ticket is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// None was shown.
    #[error("no ticket was shown: ask the member's operator for one, and send it as a bearer")]
    Missing,
    /// It is longer than any ticket.
    #[error("the ticket is longer than {MAX_TICKET_BYTES} bytes: it is none")]
    TooLong,
    /// It is not a compact JWT, or a claim is not what it should be.
    #[error("the ticket cannot be read, its {part} is malformed: ask its issuer for another")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// It is signed with an algorithm that proves nothing here.
    #[error(
        "the ticket's algorithm is `{got}`, only EdDSA and ES256 are taken, and as its issuer's key is"
    )]
    Algorithm {
        /// What it names.
        got: String,
    },
    /// Its scope and the claims with it do not go together.
    #[error(
        "the ticket's scope is neither `read` with member and surface nor `enrol` with organism"
    )]
    Scope,
    /// Its validity is empty or too long.
    #[error(
        "the ticket is valid from {not_before_s} to {expires_s}: that is to be more than nothing \
         and at most {MAX_TICKET_VALIDITY_S} s"
    )]
    Validity {
        /// From when, in seconds since 1970.
        not_before_s: u64,
        /// To when, in seconds since 1970.
        expires_s: u64,
    },
    /// An issuer's key is not written as one.
    #[error(
        "`{got}` is no issuer: write ed25519: and 64 hex digits, or es256: and the 130 of an \
         uncompressed point"
    )]
    BadIssuer {
        /// The start of it.
        got: String,
    },
    /// Its issuer is none of those whose tickets are good here.
    #[error("the ticket's issuer is not listed for this: compare organism.toml, ticket_issuers")]
    UnknownIssuer,
    /// Its signature is not its issuer's.
    #[error("the ticket's signature is not its issuer's: it was changed, or forged")]
    BadSignature,
    /// It is for something else.
    #[error("the ticket's scope is `{got}`, which is for something else")]
    WrongScope {
        /// Its scope.
        got: &'static str,
    },
    /// It was made out to another node.
    #[error("the ticket was made out to node {got}, not to {expected}")]
    WrongSubject {
        /// The node that it names.
        got: UniqueId,
        /// The node that showed it.
        expected: UniqueId,
    },
    /// It is for another member's surface.
    #[error("the ticket is for member {got}, not for {expected}")]
    WrongMember {
        /// The member that it names.
        got: UniqueId,
        /// The member asked.
        expected: UniqueId,
    },
    /// It is for another surface.
    #[error("the ticket is for surface {got}, not for {expected}")]
    WrongSurface {
        /// The surface that it names.
        got: UniqueId,
        /// The surface asked for.
        expected: UniqueId,
    },
    /// It is for another organism.
    #[error("the enrolment is for organism {got}, not for {expected}")]
    WrongOrganism {
        /// The organism that it names.
        got: UniqueId,
        /// The organism asked.
        expected: UniqueId,
    },
    /// It is not valid yet.
    #[error("the ticket is good from {from_s}, it is {now_s}: compare the clocks, or wait")]
    NotYet {
        /// Its first second, since 1970.
        from_s: u64,
        /// The clock, in seconds since 1970.
        now_s: u64,
    },
    /// It is no longer valid.
    #[error("the ticket expired at {expired_s}, it is {now_s}: have it renewed by its issuer")]
    Expired {
        /// When, in seconds since 1970.
        expired_s: u64,
        /// The clock, in seconds since 1970.
        now_s: u64,
    },
    /// A key for issuing is none.
    #[error("this is no key to issue tickets with: give 32 bytes of Ed25519, or PKCS#8 of P-256")]
    Key,
}

impl TicketError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "ticket-missing",
            Self::TooLong | Self::Malformed { .. } | Self::Scope | Self::Validity { .. } => {
                "ticket-malformed"
            }
            Self::Algorithm { .. } => "ticket-algorithm",
            Self::BadIssuer { .. } | Self::UnknownIssuer => "ticket-issuer",
            Self::BadSignature => "ticket-signature",
            Self::WrongScope { .. } => "ticket-scope",
            Self::WrongSubject { .. } => "ticket-subject",
            Self::WrongMember { .. } => "ticket-member",
            Self::WrongSurface { .. } => "ticket-surface",
            Self::WrongOrganism { .. } => "ticket-organism",
            Self::NotYet { .. } => "ticket-not-yet",
            Self::Expired { .. } => "ticket-expired",
            Self::Key => "ticket-key",
        }
    }
}
