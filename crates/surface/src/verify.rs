use crate::{Cursor, Damage, Head, SealKey, Surface, SurfaceError, files};

/// What a verification has recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// How many windows they are in.
    pub windows: u64,
    /// How many bytes they take, headers and padding included.
    pub bytes: u64,
    /// The head at the last of them.
    pub head: Option<Head>,
}

impl Surface {
    /// Recomputes the chain over everything, or over the windows that cover a range of records
    /// (first and last, inclusive): hashes, order, where windows end, the head at the mark. With
    /// the threads of its pool, if it is in one.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Damage`] with file, window and offset; [`SurfaceError::Io`];
    /// [`SurfaceError::Gap`] and [`SurfaceError::NotYet`] for a range that is not here.
    pub fn verify(&self, range: Option<(u64, u64)>) -> Result<Verified, SurfaceError> {
        let (from, to) = range.unwrap_or((self.earliest(), u64::MAX));
        let next_seq = self.next_seq();
        if range.is_some() && to >= next_seq {
            return Err(SurfaceError::NotYet { wanted: to, next_seq });
        }
        let mut cursor = self.full_cursor(from)?;
        if cursor.peek()?.is_some() {
            let first_seq = cursor.window().map_or(from, |(entry, ..)| entry.first_seq);
            drop(cursor);
            cursor = self.full_cursor(first_seq)?;
        }
        let mut verified = Verified { records: 0, windows: 0, bytes: 0, head: None };
        while let Some(header) = cursor.peek()? {
            if cursor.window().is_some_and(|(.., bytes)| bytes.is_empty()) {
                if header.seq > to {
                    break;
                }
                verified.windows = verified.windows.saturating_add(1);
            }
            self.verify_records(&mut cursor, header.seq, &mut verified)?;
        }
        verified.head = cursor.head();
        Ok(verified)
    }

    /// Verifies everything, as [`verify`](Self::verify) does, and then puts this key's seal beside
    /// every sealed segment, so that a reader with [`Trust::Seal`](crate::Trust::Seal) and the same
    /// key need not hash it again. How many were sealed so.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), with nothing sealed; [`SurfaceError::Io`].
    pub fn seal(&self, key: &SealKey) -> Result<u64, SurfaceError> {
        self.verify(None)?;
        let mut sealed = 0_u64;
        for segment in &self.view().segments {
            if let Some(seal) = segment.seal(self.view(), key) {
                let path = segment.info.file.with_extension(files::SEAL);
                files::replace(&path, &seal.encode())?;
                sealed = sealed.saturating_add(1);
            }
        }
        Ok(sealed)
    }

    fn full_cursor(&self, from_seq: u64) -> Result<Cursor, SurfaceError> {
        match self.is_read_in_full() {
            true => self.cursor(from_seq),
            false => self.cursor_alone(from_seq),
        }
    }

    /// Passes the window in hand from record `seq` on, the durable mark being a stop on the way.
    fn verify_records(
        &self,
        cursor: &mut Cursor,
        seq: u64,
        verified: &mut Verified,
    ) -> Result<(), SurfaceError> {
        let mark = self.mark();
        let limit = mark.filter(|mark| mark.seq >= seq).map_or(u64::MAX, |mark| mark.seq);
        let Some(mut records) = cursor.records()? else { return Ok(()) };
        while let Some(record) = records.next_if(|header| header.seq <= limit) {
            verified.records = verified.records.saturating_add(1);
            verified.bytes = verified.bytes.saturating_add(record.header().stored_size_bytes());
        }
        drop(records);
        let at_mark = mark.filter(|mark| cursor.next_seq().checked_sub(1) == Some(mark.seq));
        match at_mark {
            Some(mark) if cursor.head() != Some(mark) => {
                Err(cursor.damage(Damage::MarkHead { seq: mark.seq }))
            }
            _ => Ok(()),
        }
    }
}
