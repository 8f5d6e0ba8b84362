//! What the three fixed-size byte types share: hex, serde, `Display` and a short `Debug`.

/// Text that is not the hex form of an id or digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hex digits, got `{got}`: copy the whole value")]
#[non_exhaustive]
pub struct HexError {
    /// How many hex digits the value has.
    pub expected: usize,
    /// The start of the text that was given.
    pub got: String,
}

/// Decodes exactly `N` bytes of hex, in either case.
pub(crate) fn decode_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| HexError {
        expected: N.saturating_mul(2),
        got: text.chars().take(80).collect(),
    })?;
    Ok(bytes)
}

/// Implements the common surface of a newtype over `[u8; $size]`.
///
/// In text formats the value is its hex string, in binary ones the bare array with no length.
macro_rules! fixed_bytes {
    ($name:ident, $size:literal) => {
        impl $name {
            /// The value with exactly these bytes.
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes of the value.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            /// Reads the hex form, in either case.
            ///
            /// # Errors
            ///
            /// [`HexError`](crate::HexError) where the text is anything but the exact number of hex
            /// digits.
            pub fn from_hex(text: &str) -> Result<Self, $crate::HexError> {
                $crate::bytes::decode_hex(text).map(Self)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let digits = hex::encode(self.0);
                write!(f, "{}({}…)", stringify!($name), digits.get(..8).unwrap_or_default())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&hex::encode(self.0))
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                    Self::from_hex(&text).map_err(serde::de::Error::custom)
                } else {
                    <[u8; $size] as serde::Deserialize>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

pub(crate) use fixed_bytes;
