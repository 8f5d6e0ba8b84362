use holobiont_identity::framing::{Framed, FramedReader, FramingError};
use holobiont_identity::{Digest, UniqueId};

use super::{EXCHANGE_VERSION, ExchangeError, FrameKind};
use crate::Terms;

/// "Attest to me": a fresh nonce, who asks, and under which terms.
///
/// The terms are compared with the receiver's own and never used in their place. The node id is a
/// claim until the sender's own quote has bound it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// 32 random bytes of the sender, used once.
    pub nonce: [u8; 32],
    /// The sender's node id.
    pub node: [u8; 32],
    /// What the sender demands that the receiver attests to.
    pub terms: Terms,
}

impl Request {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Framed::new();
        out.u8(EXCHANGE_VERSION)
            .fixed(self.nonce)
            .fixed(self.node)
            .fixed(self.terms.organism)
            .u64(self.terms.epoch)
            .fixed(self.terms.surface)
            .fixed(self.terms.policy);
        out.into_bytes()
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, ExchangeError> {
        let kind = FrameKind::Request;
        let mut reader = FramedReader::new(body);
        match reader.u8() {
            Ok(EXCHANGE_VERSION) => {}
            Ok(got) => return Err(ExchangeError::Version { kind, got }),
            Err(source) => return Err(ExchangeError::Body { kind, source }),
        }
        Self::decode_items(reader).map_err(|source| ExchangeError::Body { kind, source })
    }

    fn decode_items(mut reader: FramedReader<'_>) -> Result<Self, FramingError> {
        let request = Self {
            nonce: reader.fixed()?,
            node: reader.fixed()?,
            terms: Terms {
                organism: Digest::from_bytes(reader.fixed()?),
                epoch: reader.u64()?,
                surface: UniqueId::from_bytes(reader.fixed()?),
                policy: Digest::from_bytes(reader.fixed()?),
            },
        };
        reader.finish()?;
        Ok(request)
    }
}
