use crate::progress::Progress;
use crate::record::as_u64;
use crate::{Cursor, Record, SurfaceError};

/// The rest of a cursor's window, gone through once: what a merge of many surfaces compares by, side
/// by side in memory, and where the records are.
///
/// A record found here has been checked, so that handing it out needs no more checks. The memory is
/// used again from window to window.
///
/// ```no_run
/// # use holobiont_surface::{Ahead, Cursor, SurfaceError};
/// # fn read(mut cursor: Cursor) -> Result<u64, SurfaceError> {
/// let (mut ahead, mut bytes) = (Ahead::default(), 0);
/// while cursor.look_ahead(&mut ahead)? {
///     let found = cursor.found(&ahead);
///     for number in 0..found.clocks().len() {
///         let record = found.record(number);
///         bytes += record.map_or(0, |record| u64::from(record.header().payload_length));
///     }
///     cursor.pass(&ahead, ahead.clocks().len());
/// }
/// # Ok(bytes)
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Ahead {
    first_seq: u64,
    clocks: Vec<u64>,
    /// Where in the block's memory each record starts, and where the last one ends.
    starts: Vec<usize>,
    next_clock: u64,
}

impl Ahead {
    /// The sequence number of the first record.
    pub const fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// The records' clock events, in order.
    pub fn clocks(&self) -> &[u64] {
        &self.clocks
    }

    /// The same, to be brought to another clock.
    pub fn clocks_mut(&mut self) -> &mut [u64] {
        &mut self.clocks
    }

    /// The least clock event that the record after them can have.
    pub const fn next_clock(&self) -> u64 {
        self.next_clock
    }

    pub(crate) fn fill(&mut self, mut progress: Progress, memory: &[u8], records: usize) {
        self.first_seq = progress.next_seq();
        self.clocks.resize(records, 0);
        self.starts.resize(records.saturating_add(1), 0);
        let mut found = 0_usize;
        for (clock, start) in self.clocks.iter_mut().zip(&mut self.starts) {
            let Some(record) = progress.next_of(memory) else { break };
            (*clock, *start) = (record.clock(), progress.at());
            progress.pass(record.header());
            found = found.saturating_add(1);
        }
        self.clocks.truncate(found);
        self.starts.truncate(found.saturating_add(1));
        if let Some(end) = self.starts.last_mut() {
            *end = progress.at();
        }
        let (last, closes) = progress.passed_clock().unwrap_or_default();
        self.next_clock = last.saturating_add(u64::from(closes));
    }

    /// Where the bytes of one are.
    #[inline]
    fn bytes_of<'a>(&self, memory: &'a [u8], number: usize) -> Option<&'a [u8]> {
        let ends = self.starts.get(number..)?;
        memory.get(*ends.first()?..*ends.get(1)?)
    }
}

/// Records found ahead, borrowed from the memory that they were verified in.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    first_seq: u64,
    clocks: &'a [u64],
    starts: &'a [usize],
    memory: &'a [u8],
}

impl<'a> Found<'a> {
    /// Their clock events, in order.
    #[inline]
    pub const fn clocks(&self) -> &'a [u64] {
        self.clocks
    }

    /// Sequence number of one of them, from 0.
    pub fn seq_of(&self, number: usize) -> u64 {
        self.first_seq.saturating_add(as_u64(number))
    }

    /// One of them, from 0.
    #[inline]
    pub fn record(&self, number: usize) -> Option<Record<'a>> {
        let ends = self.starts.get(number..)?.first_chunk::<2>()?;
        Record::of_stored(self.memory.get(ends[0]..ends[1])?)
    }
}

impl Cursor {
    /// Goes through the window in hand from the record not passed yet on, or through the next window
    /// where all of it has been passed. It passes none of them. False at the end of the surface.
    ///
    /// Where one is no record that may follow, what is found ends before it, and
    /// [`peek`](Self::peek) says why once those are passed.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn look_ahead(&mut self, ahead: &mut Ahead) -> Result<bool, SurfaceError> {
        if self.peek()?.is_none() {
            return Ok(false);
        }
        self.fill_ahead(ahead);
        Ok(true)
    }

    /// The records that were found ahead and not passed.
    #[inline]
    pub fn found<'a>(&'a self, ahead: &'a Ahead) -> Found<'a> {
        Found {
            first_seq: ahead.first_seq,
            clocks: &ahead.clocks,
            starts: &ahead.starts,
            memory: self.memory(),
        }
    }

    /// Passes this many of the records that were found ahead; what was found is used up then.
    pub fn pass(&mut self, ahead: &Ahead, count: usize) {
        if let Some(last) = count.checked_sub(1)
            && ahead.first_seq() == self.next_seq()
            && ahead.bytes_of(self.memory(), last).is_some()
        {
            self.pass_to(ahead.starts.get(last).copied().unwrap_or_default(), last);
        }
    }
}
