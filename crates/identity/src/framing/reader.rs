/// Framed bytes that cannot be read.
///
/// The sender of the bytes is at fault, or whatever stored them: nothing of them may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The bytes end inside an item.
    #[error("framed bytes end at {at}, {wanted} more were announced: the sender cut them short")]
    Truncated {
        /// Offset of the item, in bytes.
        at: usize,
        /// Length of the item, in bytes.
        wanted: usize,
    },
    /// A length or count is above what the reader allows.
    #[error("framed bytes announce {got} at {at}, at most {limit} is allowed: refuse the sender")]
    TooLong {
        /// Offset of the length or count, in bytes.
        at: usize,
        /// The length or count that was announced.
        got: u32,
        /// The most that is allowed.
        limit: u32,
    },
    /// The byte of an optional or a flag is neither 0 nor 1.
    #[error("framed bytes have {got} at {at}, where only 0 or 1 may be: refuse the sender")]
    NotAFlag {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        got: u8,
    },
    /// Bytes are left over after the last item.
    #[error("framed bytes go on for {left} after their end at {at}: refuse the sender")]
    Trailing {
        /// Offset of the first byte left over.
        at: usize,
        /// How many bytes are left over.
        left: usize,
    },
}

/// Reads framed bytes in the order they were written; each length is checked before use.
///
/// ```
/// use holobiont_identity::framing::FramedReader;
///
/// let mut reader = FramedReader::new(&[200, 0, 0, 0, 1]);
/// assert!(reader.blob(64).is_err());
/// ```
#[derive(Debug, Clone)]
pub struct FramedReader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> FramedReader<'a> {
    /// A reader at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// One byte.
    ///
    /// # Errors
    ///
    /// [`FramingError::Truncated`].
    pub fn u8(&mut self) -> Result<u8, FramingError> {
        self.fixed().map(|[byte]| byte)
    }

    /// Four bytes, little endian.
    ///
    /// # Errors
    ///
    /// [`FramingError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, FramingError> {
        self.fixed().map(u32::from_le_bytes)
    }

    /// Eight bytes, little endian.
    ///
    /// # Errors
    ///
    /// [`FramingError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, FramingError> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// Bytes whose length the format fixes.
    ///
    /// # Errors
    ///
    /// [`FramingError::Truncated`].
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], FramingError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else {
            return Err(self.truncated(N));
        };
        self.advance(rest, N);
        Ok(*bytes)
    }

    /// A string or blob of at most `limit` bytes, borrowed.
    ///
    /// # Errors
    ///
    /// [`FramingError::TooLong`] above `limit`, [`FramingError::Truncated`].
    pub fn blob(&mut self, limit: u32) -> Result<&'a [u8], FramingError> {
        let length = self.count(limit)?;
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = self.rest.split_at_checked(wanted) else {
            return Err(self.truncated(wanted));
        };
        self.advance(rest, wanted);
        Ok(bytes)
    }

    /// The count that opens a list of at most `limit` items. Nothing says that the items are
    /// there: allocate as they are read.
    ///
    /// # Errors
    ///
    /// [`FramingError::TooLong`] above `limit`, [`FramingError::Truncated`].
    pub fn count(&mut self, limit: u32) -> Result<u32, FramingError> {
        let at = self.at;
        // u32::MAX is what a writer puts for a length that does not fit.
        let limit = limit.min(u32::MAX.saturating_sub(1));
        match self.u32()? {
            got if got > limit => Err(FramingError::TooLong { at, got, limit }),
            got => Ok(got),
        }
    }

    /// The byte that opens an optional, or a flag: whether its value follows.
    ///
    /// # Errors
    ///
    /// [`FramingError::NotAFlag`] for any byte but 0 and 1, [`FramingError::Truncated`].
    pub fn option(&mut self) -> Result<bool, FramingError> {
        let at = self.at;
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            got => Err(FramingError::NotAFlag { at, got }),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`FramingError::Trailing`] where bytes are left.
    pub fn finish(self) -> Result<(), FramingError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(FramingError::Trailing { at: self.at, left }),
        }
    }

    fn advance(&mut self, rest: &'a [u8], by: usize) {
        self.rest = rest;
        self.at = self.at.saturating_add(by);
    }

    const fn truncated(&self, wanted: usize) -> FramingError {
        FramingError::Truncated { at: self.at, wanted }
    }
}
