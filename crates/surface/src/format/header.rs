use holobiont_identity::framing::{Framed, FramedReader};
use holobiont_identity::{Digest, UniqueId};

use super::envelope::check_version;
use crate::{Damage, Genesis};

const MAGIC: &[u8; 4] = b"HBSG";
const VERSION: u32 = 1;
const HASHED_BYTES: usize = 112;
const HASH_BYTES: usize = 16;

/// Size of a segment's header, in bytes; its records start there.
pub const SEGMENT_HEADER_BYTES: usize = 128;

/// The head of a segment file.
///
/// Format: `"HBSG"`, `u32` version, surface id (32), genesis digest (32), `u64` first seq, chain
/// value before it (32), and the first 16 bytes of the blake3 of those 112 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The surface.
    pub surface_id: UniqueId,
    /// blake3 of its genesis.
    pub genesis_digest: Digest,
    /// Sequence number of the segment's first record.
    pub first_seq: u64,
    /// The chain value before that record's window.
    pub chain_before: Digest,
}

impl SegmentHeader {
    /// The header of a segment of this surface.
    pub fn new(genesis: &Genesis, first_seq: u64, chain_before: Digest) -> Self {
        let (surface_id, genesis_digest) = (genesis.surface_id, genesis.digest());
        Self { surface_id, genesis_digest, first_seq, chain_before }
    }

    /// The [`SEGMENT_HEADER_BYTES`] that a segment starts with.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = Framed::new();
        framed.fixed(MAGIC).u32(VERSION).fixed(self.surface_id).fixed(self.genesis_digest);
        framed.u64(self.first_seq).fixed(self.chain_before);
        framed.fixed(short_hash(framed.as_bytes()));
        framed.into_bytes()
    }

    /// Reads the header that `bytes` start with.
    ///
    /// # Errors
    ///
    /// [`Damage::BadMagic`], [`Damage::UnknownVersion`], [`Damage::Truncated`],
    /// [`Damage::HeaderHash`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        check_version(bytes, MAGIC, VERSION)?;
        let Some(fixed) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else {
            return Err(Damage::Truncated { needed_bytes: 128 });
        };
        let (content, hash) = fixed.split_at_checked(HASHED_BYTES).unwrap_or_default();
        if short_hash(content) != hash {
            return Err(Damage::HeaderHash);
        }
        let mut reader = FramedReader::new(content);
        reader.fixed::<8>()?;
        Ok(Self {
            surface_id: UniqueId::from_bytes(reader.fixed()?),
            genesis_digest: Digest::from_bytes(reader.fixed()?),
            first_seq: reader.u64()?,
            chain_before: Digest::from_bytes(reader.fixed()?),
        })
    }

    /// Holds the header against the surface and the place where the segment must be.
    pub(crate) fn check(
        &self,
        genesis: &Genesis,
        first_seq: u64,
        chain_before: Digest,
    ) -> Result<(), Damage> {
        if (self.surface_id, self.genesis_digest) != (genesis.surface_id, genesis.digest()) {
            return Err(Damage::ForeignSegment);
        }
        if self.first_seq != first_seq {
            return Err(Damage::SequenceBroken { expected: first_seq, got: self.first_seq });
        }
        match self.chain_before == chain_before {
            true => Ok(()),
            false => Err(Damage::ChainBroken),
        }
    }
}

fn short_hash(content: &[u8]) -> [u8; HASH_BYTES] {
    let hash = *blake3::hash(content).as_bytes();
    hash.first_chunk().copied().unwrap_or_default()
}
