use holobiont_identity::Digest;
use holobiont_policy::OfferedHead;
use holobiont_replay::Advance;
use holobiont_surface::{Head, RecordHeader, Surface, SurfaceError, SurfaceWriter};

use super::recent::{Recent, headers};
use super::runs::Runs;
use crate::Since;

/// What a copy knows of its newest records without reading them again.
#[derive(Debug)]
pub(super) struct Index {
    member: u16,
    /// Before any record: how steps of the member's clock are counted.
    advance: Advance,
    recent_bytes: usize,
    /// Of the copy as it was when its history last changed.
    pub(super) generation: u64,
    recent: Recent,
    runs: Runs,
    /// Whether the next record begins a run.
    begins: bool,
}

/// What may be done to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is read.
    Memory,
    /// What memory does not have is read.
    Disk,
}

impl Index {
    pub(super) fn new(
        member: u16,
        advance: Advance,
        recent_bytes: usize,
        writer: &SurfaceWriter,
        generation: u64,
    ) -> Self {
        let open = writer.open_window();
        let recent =
            Recent::new(recent_bytes, open.first_seq, open.chain_before, open.window_bytes);
        let mut index = Self {
            member,
            advance,
            recent_bytes,
            generation,
            recent,
            runs: Runs::new(open.first_seq),
            begins: true,
        };
        for (header, _) in headers(open.window_bytes) {
            index.runs.push(&advance, &header, index.begins);
            index.begins = false;
        }
        index
    }

    /// The same of a copy whose history has changed.
    pub(super) fn reset(&mut self, writer: &SurfaceWriter, generation: u64) {
        *self = Self::new(self.member, self.advance, self.recent_bytes, writer, generation);
    }

    /// Takes stored records, the next ones; `began` says where windows began, with the chain values
    /// before them.
    pub(super) fn push(&mut self, stored: &[u8], began: &[(u64, Digest)]) {
        let mut began = began.iter().peekable();
        let mut from = 0;
        for (header, end) in headers(stored) {
            while let Some((first_seq, chain_before)) =
                began.next_if(|(first_seq, _)| *first_seq <= header.seq)
            {
                self.recent.begin(*first_seq, *chain_before);
                self.begins = true;
            }
            self.recent.push(stored.get(from..end).unwrap_or_default());
            self.runs.push(&self.advance, &header, std::mem::take(&mut self.begins));
            from = end;
        }
        for (first_seq, chain_before) in began {
            self.recent.begin(*first_seq, *chain_before);
            self.begins = true;
        }
    }

    /// What the copy itself would offer at record `seq`; none where it does not have all records
    /// since then, or may not look at them.
    pub(super) fn own(
        &mut self,
        since: &Since,
        seq: u64,
        views: &[Surface],
        look: Look,
    ) -> Result<Option<OfferedHead>, SurfaceError> {
        if since.from_seq > seq {
            return Ok(None);
        }
        let mut advance = self.advance;
        advance.follow(since.frontier);
        if since.from_seq < self.runs.start() {
            if look == Look::Memory {
                return Ok(None);
            }
            if !self.fill(since.from_seq, views)? {
                // More than is kept: gone through once more.
                let advance = &mut advance;
                if !read(views, since.from_seq, seq, |header, _| advance.pass(header))? {
                    return Ok(None);
                }
                return self.offered(seq, advance, views, look);
            }
        }
        let mut at = since.from_seq;
        while at <= seq {
            let Some((first_seq, end_seq, run)) = self.runs.having(at) else { return Ok(None) };
            let last_seq = end_seq.saturating_sub(1).min(seq);
            if at == first_seq && end_seq <= seq.saturating_add(1) {
                advance.pass_run(run);
            } else if self.recent.reaches(at) {
                self.recent.show(at, last_seq, |header| advance.pass(header));
            } else if look == Look::Memory
                || !read(views, at, last_seq, |header, _| advance.pass(header))?
            {
                return Ok(None);
            }
            at = last_seq.saturating_add(1);
        }
        self.offered(seq, &advance, views, look)
    }

    fn offered(
        &self,
        seq: u64,
        advance: &Advance,
        views: &[Surface],
        look: Look,
    ) -> Result<Option<OfferedHead>, SurfaceError> {
        let found = match self.recent.head_at(seq) {
            Some(found) => Some(found),
            None if look == Look::Memory => None,
            None => head_at(views, seq)?,
        };
        Ok(found.map(|(head, header)| OfferedHead {
            member: self.member,
            seq,
            head: head.hash,
            closed: header.closed_clock(),
            advance: advance.largest(),
        }))
    }

    /// Reads what it does not know yet from record `from_seq` on; false where that is not here, or too
    /// much to keep.
    fn fill(&mut self, from_seq: u64, views: &[Surface]) -> Result<bool, SurfaceError> {
        let Some(last_seq) = self.runs.start().checked_sub(1) else { return Ok(false) };
        let mut older = Runs::new(from_seq);
        let advance = self.advance;
        let is_here =
            read(views, from_seq, last_seq, |header, begins| older.push(&advance, header, begins))?;
        Ok(is_here && self.runs.put_before(older))
    }
}

/// Shows the headers of these records, and whether each begins a window; false where not all of them
/// are here.
fn read(
    views: &[Surface],
    from_seq: u64,
    to_seq: u64,
    mut see: impl FnMut(&RecordHeader, bool),
) -> Result<bool, SurfaceError> {
    let mut next_seq = from_seq;
    while next_seq <= to_seq {
        let Some(view) = having(views, next_seq) else { return Ok(false) };
        let mut cursor = view.cursor(next_seq)?;
        while next_seq <= to_seq
            && let Some(mut records) = cursor.records()?
        {
            let mut begins = true;
            while let Some(record) = records.next_if(|header| header.seq <= to_seq) {
                see(record.header(), std::mem::take(&mut begins));
                next_seq = record.seq().saturating_add(1);
            }
        }
    }
    Ok(true)
}

fn head_at(views: &[Surface], seq: u64) -> Result<Option<(Head, RecordHeader)>, SurfaceError> {
    let Some(view) = having(views, seq) else { return Ok(None) };
    let mut cursor = view.cursor(seq)?;
    let header = cursor.next_record()?.map(|record| *record.header());
    Ok(cursor.head().zip(header))
}

/// The newest view that has a record.
pub(crate) fn having(views: &[Surface], seq: u64) -> Option<&Surface> {
    views.iter().rev().find(|view| view.earliest() <= seq && seq < view.next_seq())
}
