use super::{BodyKind, QuoteError, QuoteVersion};
use crate::reader::Reader;

const TDX: u32 = 0x81;
const ECDSA_P256: u16 = 2;
/// 939a7233-f79c-4ca9-940a-0db3957f0607.
const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

/// The first 48 bytes of a quote; what has only one allowed value is checked and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: QuoteVersion,
    pub(super) qe_svn: u16,
    pub(super) pce_svn: u16,
    pub(super) user_data: [u8; 20],
}

impl Header {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, QuoteError> {
        let version = match reader.u16("version")? {
            4 => QuoteVersion::V4,
            5 => QuoteVersion::V5,
            got => return Err(QuoteError::Version { got }),
        };
        let key_kind = reader.u16("attestation key type")?;
        let tee_type = reader.u32("TEE type")?;
        if tee_type != TDX {
            return Err(QuoteError::NotTdx { got: tee_type });
        }
        if key_kind != ECDSA_P256 {
            return Err(QuoteError::AttestationKeyKind { got: key_kind });
        }
        let (qe_svn, pce_svn) = (reader.u16("QE SVN")?, reader.u16("PCE SVN")?);
        let vendor = reader.fixed("QE vendor id")?;
        if vendor != INTEL {
            return Err(QuoteError::Vendor { got: vendor });
        }
        Ok(Self { version, qe_svn, pce_svn, user_data: reader.fixed("user data")? })
    }

    /// Reads the descriptor that a v5 body has in front; a v4 body is always TDX 1.0's.
    pub(super) fn body_kind(&self, reader: &mut Reader<'_>) -> Result<BodyKind, QuoteError> {
        if self.version == QuoteVersion::V4 {
            return Ok(BodyKind::Td10);
        }
        let kind = match reader.u16("body type")? {
            2 => BodyKind::Td10,
            3 => BodyKind::Td15,
            4 => BodyKind::Td15Extended,
            got => return Err(QuoteError::BodyKind { got }),
        };
        match (reader.u32("body size")?, kind.size_bytes()) {
            (got, expected) if got != expected => Err(QuoteError::BodySize { got, expected }),
            _ => Ok(kind),
        }
    }
}
