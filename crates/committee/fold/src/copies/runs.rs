use std::collections::VecDeque;

use holobiont_replay::{Advance, ClockRun};
use holobiont_surface::RecordHeader;

/// The most runs that are kept of a member; older ones are read again when they are asked for. A run
/// is as a rule a window, so these are millions of records, in 3 MiB.
pub const MAX_RUNS: usize = 1 << 16;

/// How a copy's clock went, run by run: what the largest step of a long way is found from without
/// reading it again.
#[derive(Debug)]
pub(super) struct Runs {
    /// Which follow each other without a gap, up to `next_seq`.
    runs: VecDeque<(u64, ClockRun)>,
    next_seq: u64,
}

impl Runs {
    /// None yet, of a copy whose next record this is.
    pub(super) const fn new(next_seq: u64) -> Self {
        Self { runs: VecDeque::new(), next_seq }
    }

    /// The first record that it knows of.
    pub(super) fn start(&self) -> u64 {
        self.runs.front().map_or(self.next_seq, |(first_seq, _)| *first_seq)
    }

    /// Takes the next record, which begins a run or goes on with the last one.
    pub(super) fn push(&mut self, advance: &Advance, header: &RecordHeader, begins: bool) {
        match self.runs.back_mut().filter(|_| !begins) {
            Some((_, run)) => advance.extend_run(run, header),
            None => self.runs.push_back((header.seq, advance.begin_run(header))),
        }
        self.next_seq = header.seq.saturating_add(1);
        if self.runs.len() > MAX_RUNS {
            self.runs.pop_front();
        }
    }

    /// Puts older ones before it, which end where it starts; false where that would be too many.
    pub(super) fn put_before(&mut self, older: Self) -> bool {
        let fits = older.next_seq == self.start()
            && older.runs.len().saturating_add(self.runs.len()) <= MAX_RUNS;
        if fits {
            for run in older.runs.into_iter().rev() {
                self.runs.push_front(run);
            }
        }
        fits
    }

    /// The run that has a record: its first record, the one after its last, and itself.
    pub(super) fn having(&self, seq: u64) -> Option<(u64, u64, &ClockRun)> {
        let after = self.runs.partition_point(|(first_seq, _)| *first_seq <= seq);
        let (first_seq, run) = self.runs.get(after.checked_sub(1)?)?;
        let end_seq = self.runs.get(after).map_or(self.next_seq, |(next, _)| *next);
        (seq < end_seq).then_some((*first_seq, end_seq, run))
    }
}

#[cfg(test)]
mod tests {
    use holobiont_identity::Organism;

    use super::*;

    fn advance() -> Advance {
        let organism = Organism::parse(
            "version = 1\nname = \"test\"\nprogram = { name = \"cross-feed\", version = 1 }\n\
             policy = { max_advance = 10 }\n\
             member = [{ name = \"a\", stable_id = \"a\", surface = \"s\" }]\n",
        );
        let organism = organism.unwrap();
        Advance::new(&organism, &organism.members[0])
    }

    fn header(seq: u64) -> RecordHeader {
        RecordHeader { payload_length: 0, crc: 0, seq, clock: seq * 2, time_ms: 0, kind: 1 }
    }

    #[test]
    fn the_oldest_runs_go_and_those_read_again_are_put_before() {
        let (advance, count) = (advance(), u64::try_from(MAX_RUNS).unwrap() + 10);
        let mut runs = Runs::new(0);
        for seq in 0..count * 2 {
            runs.push(&advance, &header(seq), seq % 2 == 0);
            assert!(runs.runs.len() <= MAX_RUNS);
        }
        assert_eq!(runs.start(), 20);
        assert!(runs.having(19).is_none() && runs.having(count * 2).is_none());
        let found = |runs: &Runs, seq| runs.having(seq).map(|(from, to, _)| (from, to));
        assert_eq!((found(&runs, 20), found(&runs, 25)), (Some((20, 22)), Some((24, 26))));

        // There is no room for them, and none that do not end where it starts are taken.
        let older = |from: u64, to: u64| {
            let mut older = Runs::new(from);
            (from..to).for_each(|seq| older.push(&advance, &header(seq), seq % 2 == 0));
            older
        };
        assert!(!runs.put_before(older(10, 20)));
        let mut few = older(30, 40);
        assert!(!few.put_before(older(10, 28)));
        assert!(few.put_before(older(11, 30)));
        assert_eq!(
            (few.start(), found(&few, 11), found(&few, 12)),
            (11, Some((11, 12)), Some((12, 14)))
        );
    }
}
