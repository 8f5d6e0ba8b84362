//! Takes numbers and pieces off the front of a fuzzer's input. One that has ended gives zeros.

#![allow(dead_code, reason = "each body uses a part of it")]

/// What is left of the input.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// As many bytes as there are, at most `length`.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> [u8; N] {
        let mut fixed = [0; N];
        let taken = self.take(N);
        fixed[..taken.len()].copy_from_slice(taken);
        fixed
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.fixed())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.fixed())
    }

    /// Bytes behind a `u16` length.
    pub(crate) fn blob(&mut self) -> &'a [u8] {
        let length = usize::from(self.u16());
        self.take(length)
    }

    /// A number that is mostly small: one byte, the highest of which stand for what overflows.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            250 => u64::from(u32::MAX),
            251 => u64::MAX / 2,
            252 => u64::MAX - 1,
            253 => u64::MAX,
            254 => u64::from(self.u16()),
            255 => u64::from_le_bytes(self.fixed()),
            small => u64::from(small),
        }
    }

    /// Changes sound bytes in up to seven places: bytes flipped, put in, or all that follows cut.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.byte() % 8 {
            let how = self.byte();
            let at = usize::from(self.u16()) % (bytes.len() + 1);
            let change = self.take(usize::from(how / 4 % 8));
            match how % 4 {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, change.iter().copied())),
                _ => {
                    let edited = bytes.iter_mut().skip(at).zip(change);
                    edited.for_each(|(byte, change)| *byte ^= change);
                }
            }
        }
    }
}
