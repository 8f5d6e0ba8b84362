use holobiont_identity::Digest;
use serde::{Deserialize, Serialize};

use crate::PolicyError;

/// Largest encoded command, in bytes.
pub const MAX_COMMAND_BYTES: usize = 256 * 1024;
/// Most heads in one offer, and opinions in one vote.
pub const MAX_HEADS: usize = 1024;

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
    /// The voter's clock, ms since 1970; only reports read it.
    pub time_ms: u64,
}

/// What a node's own verified copy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opinion {
    /// It agrees in member, sequence number, head and closed clock.
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
    /// Orders of an organism are numbered from 1; one that is not above the last is ignored.
    pub sequence: u64,
    /// Organism time after which it is void, ms since 1970.
    pub expires_ms: Option<u64>,
    /// What to do.
    pub action: Action,
}

/// What an order does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Lets a quarantined member, or one held at a gap, come back.
    Release {
        /// The member's place.
        member: u16,
    },
    /// Ends a member after a clock event, inclusive.
    Retire {
        /// The member's place.
        member: u16,
        /// Its last clock event, in the organism's clock.
        last_clock: u64,
    },
    /// Stops ticks and cuts.
    Pause,
    /// Undoes a pause.
    Resume,
}

impl Command {
    /// The command as it is stored and hashed: one version byte, then `postcard`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(VERSION, self)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for a size over [`MAX_COMMAND_BYTES`], an unknown version, bytes that are no
    /// encoding or have a tail, and more than [`MAX_HEADS`] heads or opinions.
    pub fn decode(bytes: &[u8]) -> Result<Self, PolicyError> {
        let command: Self = decode("command", VERSION, MAX_COMMAND_BYTES, bytes)?;
        let items = match &command {
            Self::Offer(offer) => offer.heads.len(),
            Self::Vote(vote) => vote.opinions.len(),
            Self::Tick | Self::Order(_) => 0,
        };
        if items > MAX_HEADS {
            return Err(PolicyError::Malformed { what: "command" });
        }
        Ok(command)
    }

    /// `blake3` of the encoding.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::from_bytes(*blake3::hash(&self.encode()).as_bytes())
    }
}

/// One version byte, then `postcard`.
pub(crate) fn encode<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    let mut out = vec![version];
    #[expect(
        clippy::expect_used,
        reason = "these types hold nothing that postcard refuses"
    )]
    out.extend(postcard::to_stdvec(value).expect("plain data always encodes"));
    out
}

pub(crate) fn decode<T: for<'de> Deserialize<'de>>(
    what: &'static str,
    version: u8,
    limit_bytes: usize,
    bytes: &[u8],
) -> Result<T, PolicyError> {
    if bytes.len() > limit_bytes {
        return Err(PolicyError::TooLarge {
            what,
            size_bytes: bytes.len(),
            limit_bytes,
        });
    }
    let (found, body) = bytes.split_first().ok_or(PolicyError::Malformed { what })?;
    if *found != version {
        return Err(PolicyError::UnknownVersion {
            what,
            version: *found,
        });
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(PolicyError::Malformed { what }),
    }
}
