use holobiont_identity::versioned::{self, Refusal};
use holobiont_identity::{Digest, OrderAction, UniqueId};
use serde::{Deserialize, Serialize};

use crate::PolicyError;

/// Largest encoded command, in bytes.
pub const MAX_COMMAND_BYTES: usize = 256 * 1024;
/// Most heads in one offer, and opinions in one vote.
pub const MAX_HEADS: usize = 1024;
/// Latest time that a node may report, in ms since 1970: what a record's 48 bits can hold.
pub const MAX_TIME_MS: u64 = (1 << 48) - 1;

const VERSION: u8 = 1;

/// One entry of the committee's log. Members and nodes are named by their place in the organism's
/// config and in the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The organism's tick count moves by one.
    Tick,
    /// A node holds members' surfaces up to these heads.
    Offer(Offer),
    /// A node's opinion on an offer.
    Vote(Vote),
    /// The operators' will.
    Order(Order),
}

/// "I hold and have synced this."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The offering node's place in the roster.
    pub node: u16,
    /// At most one head a member.
    pub heads: Vec<OfferedHead>,
}

/// A member's surface up to and with one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedHead {
    /// The member's place in the config.
    pub member: u16,
    /// The record's sequence number.
    pub seq: u64,
    /// The surface's head at that record.
    pub head: Digest,
    /// The member's own closed clock at that record; none when clock 0 is still open.
    pub closed: Option<u64>,
    /// The largest step of its clock since the frontier, in the organism's clock: from each record
    /// to the next, and to the first of them from the frontier's closed clock; where there is none
    /// from the clock before the member's `start`, else from that before the organism's first
    /// `start`, else from clock 0.
    pub advance: u64,
}

/// Names an offer by its place in the log and its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRef {
    /// Log index of the offer.
    pub index: u64,
    /// [`Command::hash`] of the offer.
    pub hash: Digest,
}

/// A node's opinion on the heads of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The voter's place in the roster.
    pub node: u16,
    /// The offer.
    pub offer: OfferRef,
    /// For each member it can say something about. Not holding a record *yet* is no opinion.
    pub opinions: Vec<(u16, Opinion)>,
    /// The voter's clock, ms since 1970: reports, and orders' expiry, read what the roster makes of
    /// it. No threshold does.
    pub time_ms: u64,
}

/// What a node's own verified copy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opinion {
    /// It agrees in member, sequence number, head, closed clock and advance.
    Have,
    /// It has another head at that sequence number.
    Mismatch {
        /// The voter's own head.
        head: Digest,
    },
    /// It cannot be had.
    Unavailable(Unavailable),
}

/// Why a node cannot get a member's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unavailable {
    /// The records after the frontier are no longer retained.
    Gap {
        /// First sequence number that is left.
        earliest: u64,
    },
    /// No valid ticket.
    Ticket,
    /// The producer's verdict is a refusal.
    Attestation,
    /// The source does not answer.
    Source,
}

/// Signed by the operators (the signatures are checked where the log is replicated).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The stable id of the organism it is for.
    pub organism: UniqueId,
    /// Orders of an organism are numbered from 1; one that is not above the last is ignored.
    pub sequence: u64,
    /// Organism time after which it is void, ms since 1970.
    pub expires_ms: Option<u64>,
    /// What to do.
    pub action: OrderAction,
}

impl Command {
    /// The command as it is stored and hashed: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        versioned::encode(VERSION, self)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for a size over [`MAX_COMMAND_BYTES`], an unknown version, bytes that are not
    /// the one encoding of a command, and more than [`MAX_HEADS`] heads or opinions.
    pub fn decode(bytes: &[u8]) -> Result<Self, PolicyError> {
        let command: Self = decode("command", VERSION, MAX_COMMAND_BYTES, bytes)?;
        match command.is_bounded() {
            true => Ok(command),
            false => Err(PolicyError::Malformed { what: "command" }),
        }
    }

    /// Whether it has at most [`MAX_HEADS`] heads or opinions, as whatever reads a command demands.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let items = match self {
            Self::Offer(offer) => offer.heads.len(),
            Self::Vote(vote) => vote.opinions.len(),
            Self::Tick | Self::Order(_) => 0,
        };
        items <= MAX_HEADS
    }

    /// `blake3` of the encoding.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::from_bytes(*blake3::hash(&self.encode()).as_bytes())
    }
}

/// Reads a versioned value of at most `limit_bytes`, whatever it is.
pub(crate) fn decode<T: Serialize + for<'de> Deserialize<'de>>(
    what: &'static str,
    version: u8,
    limit_bytes: usize,
    bytes: &[u8],
) -> Result<T, PolicyError> {
    if bytes.len() > limit_bytes {
        return Err(PolicyError::TooLarge { what, size_bytes: bytes.len(), limit_bytes });
    }
    versioned::decode(version, bytes).map_err(|refusal| match refusal {
        Refusal::UnknownVersion(version) => PolicyError::UnknownVersion { what, version },
        Refusal::Malformed => PolicyError::Malformed { what },
    })
}
