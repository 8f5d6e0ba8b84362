use holobiont_identity::framing::{Framed, FramedReader, FramingError};
use holobiont_identity::{Digest, UniqueId};
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;
const CHAIN_DOMAIN: &[u8] = b"holobiont-surface|";

/// The most records that a genesis may put in a window.
pub const MAX_WINDOW_RECORDS_LIMIT: u32 = 65_536;
/// The most bytes that a genesis may allow a window: 64 MiB.
pub const MAX_WINDOW_BYTES_LIMIT: u32 = 64 << 20;
/// The fewest bytes that a genesis may allow a window: one record with eight bytes of payload.
const MIN_WINDOW_BYTES: u32 = 40;

/// What is fixed about a surface from its first record on. The chain of heads starts from it.
///
/// ```
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::Genesis;
///
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// assert_eq!(Genesis::decode(&genesis.encode())?, genesis);
/// # Ok::<(), holobiont_surface::GenesisError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The surface's id.
    pub surface_id: UniqueId,
    /// How many records a window has, 1 to [`MAX_WINDOW_RECORDS_LIMIT`].
    pub window_records: u32,
    /// The most bytes that a window has, 40 to [`MAX_WINDOW_BYTES_LIMIT`]. Also the most that a
    /// record may take, header and padding included.
    pub max_window_bytes: u32,
    /// Whether every record closes its clock event.
    pub every_record_closes: bool,
    /// The key that signs heads which leave the producer, where there is one.
    pub signing_key: Option<[u8; 32]>,
}

/// A genesis that cannot be used. Whoever wrote it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// The bytes are not framed as a genesis.
    #[error("the genesis cannot be read: {0}; get it again from the surface's producer")]
    Framing(#[from] FramingError),
    /// A version that this build does not know.
    #[error("the genesis has version {0}, which this build does not know: use a newer one")]
    UnknownVersion(u8),
    /// A number that is out of range.
    #[error("the genesis has {field} = {got}, which must be {least} to {most}: correct it")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        got: u32,
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
}

impl Genesis {
    /// A genesis with the defaults: 256 records or 1 MiB a window, clocks closed one by one,
    /// unsigned.
    pub const fn new(surface_id: UniqueId) -> Self {
        Self {
            surface_id,
            window_records: 256,
            max_window_bytes: 1 << 20,
            every_record_closes: false,
            signing_key: None,
        }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut framed = Framed::new();
        framed.u8(VERSION).fixed(self.surface_id).u32(self.window_records);
        framed.u32(self.max_window_bytes).option(self.every_record_closes);
        framed.option(self.signing_key.is_some());
        if let Some(key) = &self.signing_key {
            framed.fixed(key);
        }
        framed.into_bytes()
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    ///
    /// Each [`GenesisError`]: nothing but what [`encode`](Self::encode) gives is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, GenesisError> {
        let mut reader = FramedReader::new(bytes);
        match reader.u8()? {
            VERSION => {}
            other => return Err(GenesisError::UnknownVersion(other)),
        }
        let genesis = Self {
            surface_id: UniqueId::from_bytes(reader.fixed()?),
            window_records: reader.u32()?,
            max_window_bytes: reader.u32()?,
            every_record_closes: reader.option()?,
            signing_key: if reader.option()? { Some(reader.fixed()?) } else { None },
        };
        reader.finish()?;
        genesis.check()?;
        Ok(genesis)
    }

    /// The blake3 of the canonical bytes, which every segment names.
    pub fn digest(&self) -> Digest {
        Digest::of(self.encode())
    }

    /// The chain value before the first window.
    pub fn chain_start(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(CHAIN_DOMAIN).update(&self.encode());
        hasher.finalize().into()
    }

    /// Holds the numbers against their limits.
    ///
    /// # Errors
    ///
    /// [`GenesisError::OutOfRange`].
    pub const fn check(&self) -> Result<(), GenesisError> {
        let (field, got, least, most) = if self.window_records == 0
            || self.window_records > MAX_WINDOW_RECORDS_LIMIT
        {
            ("window_records", self.window_records, 1, MAX_WINDOW_RECORDS_LIMIT)
        } else if self.max_window_bytes < MIN_WINDOW_BYTES
            || self.max_window_bytes > MAX_WINDOW_BYTES_LIMIT
        {
            ("max_window_bytes", self.max_window_bytes, MIN_WINDOW_BYTES, MAX_WINDOW_BYTES_LIMIT)
        } else {
            return Ok(());
        };
        Err(GenesisError::OutOfRange { field, got, least, most })
    }
}
