use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::HexError;
use crate::bytes::decode_hex;

/// One TDX measurement register or identifier: 48 bytes, a SHA-384.
///
/// In text formats it is its hex, in binary ones the bare bytes.
///
/// ```
/// use holobiont_identity::pins::Measurement;
///
/// let measurement = Measurement([7; 48]);
/// assert_eq!(Measurement::from_hex(&measurement.to_string()), Ok(measurement));
/// assert!(Measurement::ZERO.is_zero());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measurement(pub [u8; 48]);

impl Measurement {
    /// What a register holds that nothing was measured into; `"zero"` in TOML.
    pub const ZERO: Self = Self([0; 48]);

    /// Whether nothing was measured.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Reads the 96 hex digits, in either case.
    ///
    /// # Errors
    ///
    /// [`HexError`] where the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, HexError> {
        decode_hex(text).map(Self)
    }
}

impl std::fmt::Display for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Measurement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = hex::encode(self.0);
        write!(f, "Measurement({}…)", digits.get(..8).unwrap_or_default())
    }
}

impl Serialize for Measurement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&hex::encode(self.0));
        }
        // serde knows arrays up to 32 items: three of 16 are the same bytes.
        let [first, second, third] = thirds(&self.0);
        (first, second, third).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Measurement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return Self::from_hex(&text).map_err(serde::de::Error::custom);
        }
        let thirds = <[[u8; 16]; 3]>::deserialize(deserializer)?;
        let mut bytes = [0; 48];
        for (to, from) in bytes.iter_mut().zip(thirds.iter().flatten()) {
            *to = *from;
        }
        Ok(Self(bytes))
    }
}

fn thirds(bytes: &[u8; 48]) -> [[u8; 16]; 3] {
    let mut thirds = [[0; 16]; 3];
    for (to, from) in thirds.iter_mut().flatten().zip(bytes) {
        *to = *from;
    }
    thirds
}
