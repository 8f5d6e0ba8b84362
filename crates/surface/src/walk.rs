use crate::{Damage, Genesis, RecordHeader};

/// Clock event of a record and whether it closes it; none before the first record.
pub(crate) type PreviousClock = Option<(u64, bool)>;

/// The rules between consecutive records: sequence, clock order, closing, where windows end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    window_records: u32,
    max_window_bytes: u64,
    every_record_closes: bool,
    next_seq: u64,
    previous: PreviousClock,
    records: u32,
    bytes: u64,
}

impl Walk {
    /// A walk that starts with the first record of a window.
    pub(crate) const fn new(genesis: &Genesis, next_seq: u64, previous: PreviousClock) -> Self {
        Self {
            window_records: genesis.window_records,
            max_window_bytes: genesis.max_window_bytes as u64,
            every_record_closes: genesis.every_record_closes,
            next_seq,
            previous,
            records: 0,
            bytes: 0,
        }
    }

    /// A walk that goes on after this many records and bytes of a window.
    pub(crate) const fn resumed(self, records: u32, bytes: u64) -> Self {
        Self { records, bytes, ..self }
    }

    pub(crate) const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(crate) const fn previous(&self) -> PreviousClock {
        self.previous
    }

    /// Whether the window in hand has all the records it can have. One that ends for its bytes is
    /// known to end only when the next record comes.
    pub(crate) const fn window_is_full(&self) -> bool {
        self.records == self.window_records
    }

    /// Whether only the next record can tell if the window in hand has ended.
    pub(crate) const fn window_is_undecided(&self) -> bool {
        self.records > 0 && !self.window_is_full()
    }

    /// Takes the next record; true where it starts a window. Unchanged on error.
    pub(crate) fn admit(&mut self, header: &RecordHeader) -> Result<bool, Damage> {
        let size_bytes = header.stored_size_bytes();
        if size_bytes > self.max_window_bytes {
            let limit_bytes = self.max_window_bytes;
            return Err(Damage::PayloadTooLong { size_bytes, limit_bytes });
        }
        if header.seq != self.next_seq {
            return Err(Damage::SequenceBroken { expected: self.next_seq, got: header.seq });
        }
        let next_seq = self.next_seq.checked_add(1).ok_or(Damage::SequenceEnd)?;
        self.check_clock(header)?;

        let together = self.bytes.saturating_add(size_bytes);
        let starts = self.records == 0 || self.window_is_full() || together > self.max_window_bytes;
        (self.records, self.bytes) = match starts {
            true => (1, size_bytes),
            false => (self.records.saturating_add(1), together),
        };
        self.next_seq = next_seq;
        self.previous = Some((header.clock, header.closes_clock()));
        Ok(starts)
    }

    fn check_clock(&self, header: &RecordHeader) -> Result<(), Damage> {
        let clock = header.clock;
        match self.previous {
            Some((previous, _)) if clock < previous => {
                return Err(Damage::ClockWentBack { previous, got: clock });
            }
            Some((previous, true)) if clock == previous => {
                return Err(Damage::ClockReopened { clock });
            }
            _ => {}
        }
        if self.every_record_closes && !header.closes_clock() {
            return Err(Damage::ClockNotClosed { clock });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use holobiont_identity::UniqueId;

    use super::*;
    use crate::CLOSES_CLOCK_BIT;

    fn genesis() -> Genesis {
        let mut genesis = Genesis::new(UniqueId::from_name("walk"));
        (genesis.window_records, genesis.max_window_bytes) = (3, 100);
        genesis
    }

    fn header(seq: u64, clock: u64, closes: bool, payload_length: u32) -> RecordHeader {
        let kind = if closes { CLOSES_CLOCK_BIT } else { 0 };
        RecordHeader { payload_length, crc: 0, seq, clock, time_ms: 0, kind }
    }

    #[test]
    fn windows_end_for_their_count_or_before_too_many_bytes() {
        let mut walk = Walk::new(&genesis(), 0, None);
        // Stored sizes 32, 32, 32 | 40, 40 | 96 | 32, 32
        let lengths = [0, 0, 0, 1, 8, 64, 0, 0];
        let starts = [true, false, false, true, false, true, true, false];
        let full = [false, false, true, false, false, false, false, false];
        for (seq, length) in (0..).zip(lengths) {
            let number = usize::try_from(seq).unwrap();
            assert_eq!(walk.admit(&header(seq, 1, false, length)), Ok(starts[number]), "{seq}");
            assert_eq!(walk.window_is_full(), full[number], "{seq}");
            assert_eq!(walk.window_is_undecided(), !full[number], "{seq}");
        }
    }

    #[test]
    fn what_cannot_follow_is_named_and_changes_nothing() {
        let mut genesis = genesis();
        genesis.every_record_closes = true;
        let mut walk = Walk::new(&genesis, 7, Some((4, false)));
        let limit = Damage::PayloadTooLong { size_bytes: 104, limit_bytes: 100 };
        let refused = [
            (header(8, 5, true, 0), Damage::SequenceBroken { expected: 7, got: 8 }),
            (header(7, 3, true, 0), Damage::ClockWentBack { previous: 4, got: 3 }),
            (header(7, 4, false, 0), Damage::ClockNotClosed { clock: 4 }),
            (header(7, 5, true, 69), limit),
        ];
        for (header, what) in refused {
            assert_eq!(walk.admit(&header), Err(what));
        }
        assert_eq!(walk.admit(&header(7, 4, true, 64)), Ok(true));
        let reopened = walk.admit(&header(8, 4, true, 0));
        assert_eq!(reopened, Err(Damage::ClockReopened { clock: 4 }));
        assert_eq!((walk.next_seq(), walk.previous()), (8, Some((4, true))));
    }

    #[test]
    fn the_last_sequence_number_is_not_given_out() {
        let mut walk = Walk::new(&genesis(), u64::MAX, None);
        assert_eq!(walk.admit(&header(u64::MAX, 0, false, 0)), Err(Damage::SequenceEnd));
    }
}
