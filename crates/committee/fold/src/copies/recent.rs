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

#[cfg(test)]
mod tests {
    use holobiont_surface::NewRecord;

    use super::*;

    fn stored(seq: u64) -> Vec<u8> {
        let payload = vec![7; usize::try_from(seq % 90).unwrap()];
        let mut stored = Vec::new();
        NewRecord { clock: seq, closes_clock: true, time_ms: 0, kind: 1, payload: &payload }
            .encode_into(seq, &mut stored)
            .unwrap();
        stored
    }

    /// It never holds more than its budget and two windows, and what it holds it knows.
    #[test]
    fn memory_is_bounded_and_the_newest_are_there() {
        let (budget_bytes, window_bytes) = (1000, 4 * 128);
        let mut recent = Recent::new(budget_bytes, 0, Digest::of("start"), &[]);
        for seq in 0..500_u64 {
            if seq > 0 && seq % 4 == 0 {
                recent.begin(seq, Digest::of(seq.to_le_bytes()));
            }
            recent.push(&stored(seq));
            let held: usize = recent.windows.iter().map(|window| window.bytes.len()).sum();
            assert_eq!(held, recent.held_bytes);
            assert!(held <= budget_bytes + 2 * window_bytes, "{held}");
            let windows = recent.windows.len();
            assert!(windows <= 50);
            assert_eq!(recent.head_at(seq).map(|(_, header)| header.seq), Some(seq));
            assert!(recent.head_at(seq + 1).is_none());
            let oldest = recent.windows[0].first_seq;
            assert!(recent.reaches(oldest) && (oldest == 0 || !recent.reaches(oldest - 1)));
            let mut shown = Vec::new();
            recent.show(oldest + 1, seq, |header| shown.push(header.seq));
            assert_eq!(shown, (oldest + 1..=seq).collect::<Vec<_>>());
        }
    }
}
