use holobiont_identity::Digest;

use super::envelope;
use crate::walk::PreviousClock;
use crate::{Damage, Genesis};

const MAGIC: &[u8; 4] = b"HBST";
const VERSION: u32 = 1;

/// Where this copy of a surface begins: what retention dropped, or a snapshot stood for, ends here.
///
/// Format: `"HBST"`, `u32` version, `u64` first seq, chain value before it (32), optional clock
/// before it (`u64`, then 0 or 1: whether it was closed), blake3 of all that.
///
/// ```
/// use holobiont_identity::Digest;
/// use holobiont_surface::format::Start;
///
/// let start = Start { first_seq: 256, chain_before: Digest::of("c"), previous_clock: Some((7, true)) };
/// assert_eq!(Start::decode(&start.encode())?, start);
/// # Ok::<(), holobiont_surface::Damage>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The first record kept; it starts a segment.
    pub first_seq: u64,
    /// The chain value before it.
    pub chain_before: Digest,
    /// Clock event of the record before it, and whether that closed it.
    pub previous_clock: PreviousClock,
}

impl Start {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = envelope::begin(MAGIC, VERSION);
        framed.u64(self.first_seq).fixed(self.chain_before);
        framed.option(self.previous_clock.is_some());
        if let Some((clock, closed)) = self.previous_clock {
            framed.u64(clock).option(closed);
        }
        envelope::end(framed)
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    ///
    /// [`Damage`]: nothing but what [`encode`](Self::encode) gives is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = envelope::body(bytes, MAGIC, VERSION)?;
        let start = Self {
            first_seq: reader.u64()?,
            chain_before: Digest::from_bytes(reader.fixed()?),
            previous_clock: match reader.option()? {
                true => Some((reader.u64()?, reader.option()?)),
                false => None,
            },
        };
        reader.finish()?;
        Ok(start)
    }

    /// Nothing can lie before the first record of a surface, and its chain starts from the genesis.
    pub(crate) fn check(&self, genesis: &Genesis) -> Result<(), Damage> {
        if self.first_seq > 0 {
            return Ok(());
        }
        match (self.chain_before == genesis.chain_start(), self.previous_clock) {
            (false, _) => Err(Damage::ChainBroken),
            (_, Some(_)) => Err(Damage::Contradiction("clock before the first record")),
            _ => Ok(()),
        }
    }
}
