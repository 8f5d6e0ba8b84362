use std::ops::Range;

/// Bytes that end inside a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) field: &'static str,
    pub(crate) at: usize,
    pub(crate) wanted: usize,
    pub(crate) left: usize,
}

/// Reads little-endian fields in order; offsets count from the start of the whole document, also
/// inside a [`section`](Self::section) of it.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The bytes not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Short> {
        self.fixed(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Short> {
        self.fixed(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Short> {
        self.fixed(field).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Short> {
        self.fixed(field).map(u64::from_le_bytes)
    }

    pub(crate) fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Short> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| self.short(N, field))?;
        self.advance(rest, N);
        Ok(*bytes)
    }

    pub(crate) fn slice(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], Short> {
        let (bytes, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| self.short(length, field))?;
        self.advance(rest, length);
        Ok(bytes)
    }

    /// Steps over `length` bytes and says where they are.
    pub(crate) fn range(
        &mut self,
        length: usize,
        field: &'static str,
    ) -> Result<Range<usize>, Short> {
        let from = self.at;
        self.slice(length, field)?;
        Ok(from..self.at)
    }

    /// Steps over a section, whose length its `u32` says, and gives a reader of it.
    pub(crate) fn section(&mut self, field: &'static str) -> Result<Self, Short> {
        let length = usize::try_from(self.u32(field)?).unwrap_or(usize::MAX);
        let at = self.at;
        Ok(Self { rest: self.slice(length, field)?, at })
    }

    fn advance(&mut self, rest: &'a [u8], by: usize) {
        self.rest = rest;
        self.at = self.at.saturating_add(by);
    }

    const fn short(&self, wanted: usize, field: &'static str) -> Short {
        Short { field, at: self.at, wanted, left: self.rest.len() }
    }
}
