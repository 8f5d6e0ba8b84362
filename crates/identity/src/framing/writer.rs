use crate::Digest;

/// Builds framed bytes, one item after the other.
///
/// *Limits*: a blob or list of `u32::MAX` or more is written with that length, which no
/// [`FramedReader`](super::FramedReader) accepts; callers bound what they frame far below it.
///
/// ```
/// let mut framed = holobiont_identity::framing::Framed::new();
/// framed.blob("ab").option(false);
/// assert_eq!(framed.as_bytes(), [2, 0, 0, 0, b'a', b'b', 0]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framed(Vec<u8>);

impl Framed {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Four bytes, little endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.fixed(value.to_le_bytes())
    }

    /// Eight bytes, little endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.fixed(value.to_le_bytes())
    }

    /// Bytes whose length the format fixes: written bare.
    pub fn fixed(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// A string or blob: its `u32` length, then its bytes.
    pub fn blob(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.count(bytes.len()).fixed(bytes)
    }

    /// The `u32` count that opens a list.
    pub fn count(&mut self, items: usize) -> &mut Self {
        self.u32(u32::try_from(items).unwrap_or(u32::MAX))
    }

    /// The byte that opens an optional: 1 when its value follows.
    pub fn option(&mut self, present: bool) -> &mut Self {
        self.u8(u8::from(present))
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The finished bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The blake3 digest of the bytes so far.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}
