use std::sync::Arc;

use super::SurfaceWriter;
use crate::cursor::Cursor;
use crate::format::Start;
use crate::record::as_u64;
use crate::segment::{Segment, View};
use crate::walk::PreviousClock;
use crate::{SurfaceError, files};

/// What retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    /// How many segments it dropped.
    pub dropped_segments: u64,
    /// The first record kept.
    pub earliest: u64,
}

impl SurfaceWriter {
    /// Drops the sealed segments that lie wholly below `seq` and at or below the durable mark,
    /// oldest first.
    ///
    /// # Errors
    ///
    /// [`SurfaceError::Damage`] where the last segment to drop cannot be read, which changes
    /// nothing; [`SurfaceError::Io`], which poisons the writer; [`SurfaceError::Poisoned`].
    pub fn retain_from(&mut self, seq: u64) -> Result<Retained, SurfaceError> {
        self.check_usable()?;
        let retained = self.retain_unguarded(seq);
        self.poison_on_io(retained)
    }

    fn retain_unguarded(&mut self, seq: u64) -> Result<Retained, SurfaceError> {
        let durable = self.mark.map_or(0, |mark| mark.seq.saturating_add(1));
        let keep_from = seq.min(durable);
        let count = self.sealed.partition_point(|segment| segment.end_seq() <= keep_from);
        if let Some(last) = count.checked_sub(1).and_then(|number| self.sealed.get(number)) {
            let (first_seq, previous_clock) = (last.end_seq(), self.last_clock(last)?);
            let chain_before = last.chain_after().unwrap_or(last.chain_before);
            let start = Start { first_seq, chain_before, previous_clock };
            // First, so that segments missing in front are retention's and nobody else's.
            files::replace(&self.dir.join(files::START), &start.encode())?;
            self.start = start;
            for segment in self.sealed.drain(..count) {
                files::remove_if_there(&segment.info.file.with_extension(files::SEAL))?;
                files::remove(&segment.info.file)?;
            }
            files::sync_dir(&self.dir)?;
        }
        Ok(Retained { dropped_segments: as_u64(count), earliest: self.earliest() })
    }

    /// Clock event of a sealed segment's last record, and whether that closed it.
    fn last_clock(&self, segment: &Arc<Segment>) -> Result<PreviousClock, SurfaceError> {
        let view = View {
            dir: self.dir.clone(),
            genesis: self.genesis.clone(),
            start: Start {
                first_seq: segment.info.first_seq,
                chain_before: segment.chain_before,
                previous_clock: None,
            },
            mark: None,
            next_seq: segment.end_seq(),
            segments: vec![Arc::clone(segment)],
            torn: None,
        };
        let cursor = Cursor::new(Arc::new(view), segment.end_seq())?;
        Ok(cursor.walk().previous())
    }
}
