use std::ops::Range;
use std::os::unix::fs::FileExt;

use holobiont_identity::Digest;

use super::SurfaceWriter;
use crate::{Record, SurfaceError};

impl SurfaceWriter {
    /// Appends records in their stored form, one after the other as the format has them, with one
    /// write for many; gives the sequence number that comes next. Whenever a window begins, `began`
    /// is told its first sequence number and the chain value before it.
    ///
    /// Where one of them cannot follow, those before it have been appended.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::BadRecord`] for bytes that are no record, or not the next one; else as
    /// [`append`](Self::append).
    pub fn append_stored(
        &mut self,
        stored: &[u8],
        mut began: impl FnMut(u64, Digest),
    ) -> Result<u64, SurfaceError> {
        self.check_usable()?;
        let mut waiting = 0..0;
        let mut appended = Ok(());
        while appended.is_ok() && waiting.end < stored.len() {
            appended = self.take_stored(stored, &mut waiting, &mut began);
        }
        // What was found right is appended, whatever follows it; a write that fails says more.
        let written = self.write_waiting(stored, &mut waiting).and(appended);
        self.poison_on_io(written)?;
        Ok(self.next_seq())
    }

    /// Takes the record after those that wait to be written, which it then waits with.
    fn take_stored(
        &mut self,
        stored: &[u8],
        waiting: &mut Range<usize>,
        began: &mut impl FnMut(u64, Digest),
    ) -> Result<(), SurfaceError> {
        let seq = self.next_seq();
        let bad = |why| SurfaceError::BadRecord { seq, why };
        let record = Record::decode(stored.get(waiting.end..).unwrap_or_default()).map_err(bad)?;
        if !record.crc_holds() {
            return Err(bad(crate::Damage::RecordCrc { seq }));
        }
        let mut walk = self.walk;
        let starts = walk.admit(record.header()).map_err(bad)?;
        if starts && !self.window.is_empty() {
            self.end_window();
            began(self.window.first_seq(), self.window.chain_before());
        }
        let end = waiting.end.saturating_add(record.stored().len());
        if starts && self.is_due() {
            self.write_waiting(stored, waiting)?;
            self.roll(Some(record.stored()))?;
            *waiting = end..end;
        } else {
            waiting.end = end;
        }
        self.take(record.header(), record.stored(), walk);
        if self.walk.window_is_full() {
            self.end_window();
            began(self.window.first_seq(), self.window.chain_before());
            if self.is_due() {
                self.write_waiting(stored, waiting)?;
                self.roll(None)?;
            }
        }
        Ok(())
    }

    /// Writes what was taken and not written yet: the last bytes of the segment.
    fn write_waiting(&self, stored: &[u8], waiting: &mut Range<usize>) -> Result<(), SurfaceError> {
        let bytes = stored.get(waiting.clone()).unwrap_or_default();
        waiting.start = waiting.end;
        let offset = self.tail.end_offset.saturating_sub(crate::record::as_u64(bytes.len()));
        let written = self.tail.file.write_all_at(bytes, offset);
        written.map_err(SurfaceError::io(&self.tail.path, "writing"))
    }
}
