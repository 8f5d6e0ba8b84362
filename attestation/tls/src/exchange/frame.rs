use holobiont_attestation::MAX_EVIDENCE_BYTES;
use holobiont_identity::framing::FramingError;

use super::{Refusal, Request};

/// The version byte of requests, accepts and refusals; evidence has its own.
pub const EXCHANGE_VERSION: u8 = 1;
/// Length of a frame's header.
pub const HEADER_BYTES: usize = 5;
/// The most application bytes in one frame: one TLS record.
pub const MAX_DATA_BYTES: usize = 16 * 1024 - HEADER_BYTES;
/// The longest body of a request.
pub const MAX_REQUEST_BYTES: usize = 1024;
/// The longest body of a refusal.
pub const MAX_REFUSAL_BYTES: usize = 1024;

/// Bytes that are no frame of this protocol. The peer is at fault: the connection ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The kind byte means nothing.
    #[error(
        "the peer sent a frame of kind {kind}, which this version does not have: update the older side"
    )]
    UnknownKind {
        /// The byte.
        kind: u8,
    },
    /// The header announces more than a frame of its kind may hold, or nothing where it must.
    #[error("the peer announces a {kind} frame of {got} bytes, 1 to {limit} are allowed")]
    Length {
        /// The frame's kind.
        kind: FrameKind,
        /// The announced length.
        got: u32,
        /// The most that is allowed.
        limit: usize,
    },
    /// The body has a version that this side does not know.
    #[error(
        "the peer's {kind} frame has version {got}, this side knows {EXCHANGE_VERSION}: update the older side"
    )]
    Version {
        /// The frame's kind.
        kind: FrameKind,
        /// The version byte.
        got: u8,
    },
    /// The body is cut short, goes on past its end, or has a length out of bounds.
    #[error("the peer's {kind} frame cannot be read: {source}")]
    Body {
        /// The frame's kind.
        kind: FrameKind,
        /// What is wrong.
        source: FramingError,
    },
    /// A refusal's code is not kebab-case, or its text not the plain text that a sender makes.
    #[error("the peer's refusal has a code or text that no sender makes")]
    RefusalText,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameKind {
    /// The application's bytes.
    Data,
    /// "Attest to me, under these terms."
    Request,
    /// Evidence.
    Answer,
    /// "Your evidence is good."
    Accept,
    /// "It ends here, and this is why."
    Refuse,
}

impl FrameKind {
    const ALL: [Self; 5] = [Self::Data, Self::Request, Self::Answer, Self::Accept, Self::Refuse];

    const fn byte(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Request => 1,
            Self::Answer => 2,
            Self::Accept => 3,
            Self::Refuse => 4,
        }
    }

    const fn limit(self) -> usize {
        match self {
            Self::Data => MAX_DATA_BYTES,
            Self::Request => MAX_REQUEST_BYTES,
            Self::Answer => MAX_EVIDENCE_BYTES,
            Self::Accept => 1,
            Self::Refuse => MAX_REFUSAL_BYTES,
        }
    }
}

impl std::fmt::Display for FrameKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Accept => "accept",
            Self::Refuse => "refuse",
        })
    }
}

/// The five bytes before a body, checked against the limit of their kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What follows.
    pub kind: FrameKind,
    /// Length of the body in bytes, within the kind's limit.
    pub size_bytes: usize,
}

impl FrameHeader {
    /// Reads a header before any of the body is there, so that nothing too long is ever awaited.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::UnknownKind`], [`ExchangeError::Length`].
    pub fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, ExchangeError> {
        let [byte, length @ ..] = bytes;
        let kind = FrameKind::ALL
            .into_iter()
            .find(|kind| kind.byte() == byte)
            .ok_or(ExchangeError::UnknownKind { kind: byte })?;
        let (got, limit) = (u32::from_le_bytes(length), kind.limit());
        match usize::try_from(got) {
            Ok(size_bytes) if (1..=limit).contains(&size_bytes) => Ok(Self { kind, size_bytes }),
            _ => Err(ExchangeError::Length { kind, got, limit }),
        }
    }
}

/// One frame.
///
/// ```
/// use holobiont_attestation_tls::exchange::Frame;
///
/// let bytes = Frame::Data(b"hello").encode();
/// assert_eq!(Frame::decode(&bytes), Ok(Some((Frame::Data(b"hello"), bytes.len()))));
/// assert_eq!(Frame::decode(&bytes[..7]), Ok(None));
/// assert!(Frame::decode(&[0, 0xff, 0xff, 0xff, 0xff]).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// The application's bytes.
    Data(&'a [u8]),
    /// What the sender demands of the other side.
    Request(Request),
    /// Encoded evidence, not yet decoded.
    Answer(&'a [u8]),
    /// The other side has passed.
    Accept,
    /// The other side has not passed, or has broken the protocol.
    Refuse(Refusal),
}

impl<'a> Frame<'a> {
    /// The frame's kind.
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::Data(_) => FrameKind::Data,
            Self::Request(_) => FrameKind::Request,
            Self::Answer(_) => FrameKind::Answer,
            Self::Accept => FrameKind::Accept,
            Self::Refuse(_) => FrameKind::Refuse,
        }
    }

    /// Header and body, at the end of `out`. The caller keeps data and evidence within their
    /// limits; what is longer is refused by every reader.
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        let own;
        let body = match self {
            Self::Data(bytes) | Self::Answer(bytes) => *bytes,
            Self::Accept => &[EXCHANGE_VERSION],
            Self::Request(request) => {
                own = request.encode();
                &own
            }
            Self::Refuse(refusal) => {
                own = refusal.encode();
                &own
            }
        };
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        out.reserve(body.len().saturating_add(HEADER_BYTES));
        out.push(self.kind().byte());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(body);
    }

    /// Header and body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// Reads the frame that these bytes begin with, and says how many bytes it took; `None` where
    /// more are needed.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`], as soon as the bytes that are there decide it.
    pub fn decode(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, ExchangeError> {
        let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let header = FrameHeader::decode(*header)?;
        let Some((body, _)) = rest.split_at_checked(header.size_bytes) else { return Ok(None) };
        let frame = Self::decode_body(header.kind, body)?;
        Ok(Some((frame, header.size_bytes.saturating_add(HEADER_BYTES))))
    }

    fn decode_body(kind: FrameKind, body: &'a [u8]) -> Result<Self, ExchangeError> {
        Ok(match kind {
            FrameKind::Data => Self::Data(body),
            FrameKind::Answer => Self::Answer(body),
            FrameKind::Request => Self::Request(Request::decode(body)?),
            FrameKind::Refuse => Self::Refuse(Refusal::decode(body)?),
            FrameKind::Accept => match body {
                [EXCHANGE_VERSION] => Self::Accept,
                _ => {
                    let got = body.first().copied().unwrap_or_default();
                    return Err(ExchangeError::Version { kind, got });
                }
            },
        })
    }
}
