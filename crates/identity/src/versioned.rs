//! One version byte, then `postcard`: how commands, commits and snapshots are written.
//!
//! A value has one encoding. `postcard` alone would take trailing bytes and padded numbers; what is
//! hashed and signed as bytes must not have a second form, so [`decode`] refuses it.
//!
//! ```
//! use holobiont_identity::versioned::{Refusal, decode, encode};
//!
//! let bytes = encode(1, &(7_u64, "seven"));
//! assert_eq!(decode::<(u64, String)>(1, &bytes), Ok((7, "seven".to_owned())));
//! assert_eq!(decode::<(u64, String)>(2, &bytes), Err(Refusal::UnknownVersion(1)));
//! assert_eq!(decode::<u64>(1, &[1, 0x87, 0x00]), Err(Refusal::Malformed));
//! ```

use serde::{Deserialize, Serialize};

use crate::encode::to_bytes;

/// Why bytes are not what they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The first byte names a version that the reader does not know.
    UnknownVersion(u8),
    /// They are no encoding of the value wanted, or not the one that it has.
    Malformed,
}

/// The one encoding of plain data.
pub fn encode<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    let mut out = vec![version];
    out.extend(to_bytes(value));
    out
}

/// Reads what [`encode`] wrote.
///
/// # Errors
///
/// [`Refusal`] for another version, and for bytes that `encode` would not have written.
pub fn decode<T: Serialize + for<'de> Deserialize<'de>>(
    version: u8,
    bytes: &[u8],
) -> Result<T, Refusal> {
    let (found, body) = bytes.split_first().ok_or(Refusal::Malformed)?;
    if *found != version {
        return Err(Refusal::UnknownVersion(*found));
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) if encode(version, &value) == bytes => Ok(value),
        _ => Err(Refusal::Malformed),
    }
}
