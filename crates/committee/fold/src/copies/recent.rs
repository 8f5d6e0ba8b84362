use std::collections::VecDeque;

use holobiont_identity::Digest;
use holobiont_surface::{Head, RECORD_HEADER_BYTES, RecordHeader};

/// The last windows of a copy, in memory: so that heads in them are told without a look at the disk.
#[derive(Debug)]
pub(super) struct Recent {
    budget_bytes: usize,
    held_bytes: usize,
    /// Never empty.
    windows: VecDeque<Window>,
}

#[derive(Debug)]
struct Window {
    first_seq: u64,
    chain_before: Digest,
    bytes: Vec<u8>,
}

impl Recent {
    /// The window that is open.
    pub(super) fn new(
        budget_bytes: usize,
        first_seq: u64,
        chain_before: Digest,
        bytes: &[u8],
    ) -> Self {
        let window = Window { first_seq, chain_before, bytes: bytes.to_vec() };
        Self { budget_bytes, held_bytes: bytes.len(), windows: VecDeque::from([window]) }
    }

    /// Begins the next window.
    pub(super) fn begin(&mut self, first_seq: u64, chain_before: Digest) {
        let mut memory = None;
        while self.held_bytes > self.budget_bytes && self.windows.len() > 1 {
            let Some(oldest) = self.windows.pop_front() else { break };
            self.held_bytes = self.held_bytes.saturating_sub(oldest.bytes.len());
            memory = Some(oldest.bytes);
        }
        let mut bytes = memory.unwrap_or_default();
        bytes.clear();
        self.windows.push_back(Window { first_seq, chain_before, bytes });
    }

    /// Takes stored records of the window begun last.
    pub(super) fn push(&mut self, stored: &[u8]) {
        if let Some(window) = self.windows.back_mut() {
            window.bytes.extend_from_slice(stored);
            self.held_bytes = self.held_bytes.saturating_add(stored.len());
        }
    }

    /// Whether it has the records from this one on.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        self.windows.front().is_some_and(|oldest| oldest.first_seq <= seq)
    }

    /// Shows the headers of records `from_seq` to `to_seq`, which it [`reaches`](Self::reaches).
    pub(super) fn show(&self, from_seq: u64, to_seq: u64, mut see: impl FnMut(&RecordHeader)) {
        let number = self.windows.partition_point(|window| window.first_seq <= from_seq);
        for window in self.windows.iter().skip(number.saturating_sub(1)) {
            if window.first_seq > to_seq {
                return;
            }
            for (header, _) in headers(&window.bytes) {
                if header.seq > to_seq {
                    return;
                }
                if header.seq >= from_seq {
                    see(&header);
                }
            }
        }
    }

    /// The head at a record, and the record's header; none where it does not reach there.
    pub(super) fn head_at(&self, seq: u64) -> Option<(Head, RecordHeader)> {
        let number = self.windows.partition_point(|window| window.first_seq <= seq);
        let window = self.windows.get(number.checked_sub(1)?)?;
        let (header, end) = headers(&window.bytes).find(|(header, _)| header.seq == seq)?;
        let bytes = window.bytes.get(..end)?;
        Some((Head::of_window(seq, window.chain_before, bytes), header))
    }
}

/// The headers of stored records, each with where its record ends.
pub(super) fn headers(stored: &[u8]) -> impl Iterator<Item = (RecordHeader, usize)> + '_ {
    let mut at = 0_usize;
    std::iter::from_fn(move || {
        let fixed = stored.get(at..)?.first_chunk::<RECORD_HEADER_BYTES>()?;
        let header = RecordHeader::decode(fixed);
        at = at.saturating_add(usize::try_from(header.stored_size_bytes()).ok()?);
        (at <= stored.len()).then_some((header, at))
    })
}
