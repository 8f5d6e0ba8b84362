use holobiont_identity::Digest;

use super::envelope;
use crate::{Damage, Head};

const MAGIC: &[u8; 4] = b"HBMK";
const VERSION: u32 = 1;

/// The durable mark: everything up to this head is on disk.
///
/// ```
/// use holobiont_surface::format::Mark;
///
/// assert_eq!(Mark::decode(&Mark(None).encode())?, Mark(None));
/// # Ok::<(), holobiont_surface::Damage>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub Option<Head>);

impl Mark {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = envelope::begin(MAGIC, VERSION);
        let (seq, hash) = self.0.map_or((0, [0; 32]), |head| (head.seq, *head.hash.as_bytes()));
        framed.option(self.0.is_some()).u64(seq).fixed(hash);
        envelope::end(framed)
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    ///
    /// [`Damage`]: nothing but what [`encode`](Self::encode) gives is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = envelope::body(bytes, MAGIC, VERSION)?;
        let some = reader.option()?;
        let head = Head { seq: reader.u64()?, hash: Digest::from_bytes(reader.fixed()?) };
        reader.finish()?;
        let mark = Self(some.then_some(head));
        match some || (head.seq == 0 && *head.hash.as_bytes() == [0; 32]) {
            true => Ok(mark),
            false => Err(Damage::Contradiction("absent mark")),
        }
    }
}
