use holobiont_surface::NewRecord;
use serde::{Deserialize, Serialize};

use crate::Sum;

mod records;

pub use records::Records;

/// One member's records, made from a seed: the same on every machine, and never all in memory.
///
/// # The algorithm
///
/// One ChaCha8 stream, seeded with `seed_from_u64(seed)`, the member's number its stream. With
/// [`Sizes::Fixed`] every record has the next clock event, as in a feed of slots or ticks: members
/// that are merged take turns. With [`Sizes::Zipf`] they come raggedly: for every record 64 bits for
/// the clock, whose lowest two say how far the next record's is (0: the same; 1, 2: one more; 3: two
/// more), and 64 bits for the length. Then the payload's bytes, which no compressor makes smaller.
/// The first clock is 1; the last record's is the number of records, or with `Zipf` twice that, which
/// no other reaches: members of one length end together. A record closes its clock event where the
/// next one has another, and the last one does. Time moves by one millisecond a clock event; the kind
/// is 1.
///
/// ```
/// use holobiont_bench::{Sizes, Sum, Workload};
///
/// let workload = Workload { seed: 1, member: 0, records: 1000, sizes: Sizes::Fixed(256) };
/// let mut sum = Sum::default();
/// workload.for_each(&mut |record| {
///     sum.push(sum.records, record.clock, record.payload);
///     Ok::<(), std::convert::Infallible>(())
/// })?;
/// assert_eq!(sum, workload.sum());
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Makes all the difference between two workloads of the same shape.
    pub seed: u64,
    /// Whose records: members of one seed are told apart by it.
    pub member: u16,
    /// How many records.
    pub records: u64,
    /// How long their payloads are.
    pub sizes: Sizes,
}

/// How long payloads are, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sizes {
    /// All the same.
    Fixed(u32),
    /// 16 bytes to 16 KiB, small ones far more often, the mean near 256: ten classes, each of
    /// lengths twice as long as the one before and some 0.6 times as frequent, lengths within a
    /// class equally so.
    Zipf,
}

impl Workload {
    /// The records, one after the other.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self)
    }

    /// Hands every record to `take`, in order; the first has sequence number 0.
    ///
    /// # Errors
    ///
    /// The first error of `take`; nothing comes after it.
    pub fn for_each<E>(
        &self,
        take: &mut dyn FnMut(NewRecord<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut records = self.records();
        while let Some(record) = records.next() {
            take(record)?;
        }
        Ok(())
    }

    /// What every reader of these records arrives at.
    #[must_use]
    pub fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        let mut records = self.records();
        while let Some(record) = records.next() {
            sum.push(sum.records, record.clock, record.payload);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::{Sizes, Workload};

    const FIXED: Workload =
        Workload { seed: 7, member: 3, records: 2_000, sizes: Sizes::Fixed(64) };

    #[test]
    fn the_same_seed_gives_the_same_records_and_another_does_not() {
        assert_eq!(FIXED.sum(), FIXED.sum());
        assert_ne!(FIXED.sum(), Workload { seed: 8, ..FIXED }.sum());
        assert_ne!(FIXED.sum(), Workload { member: 4, ..FIXED }.sum());
    }

    /// Recorded once: a generator that changes makes runs of two builds incomparable.
    #[test]
    fn the_records_are_those_of_every_other_build() {
        let sums = [FIXED.sum(), Workload { sizes: Sizes::Zipf, ..FIXED }.sum()];
        assert_eq!(
            sums.map(|sum| (sum.payload_bytes, sum.mix)),
            [(128_000, 15_526_060_058_282_691_731), (417_124, 6_127_496_969_904_351_338)]
        );
    }

    #[test]
    fn clocks_never_decrease_and_are_closed_once() {
        let mut seen = Vec::new();
        let ragged = Workload { sizes: Sizes::Zipf, ..FIXED };
        let taken = ragged.for_each(&mut |record| {
            seen.push((record.clock, record.closes_clock));
            Ok::<(), Infallible>(())
        });
        taken.unwrap();
        assert_eq!(seen.first().map(|(clock, _)| *clock), Some(1));
        for pair in seen.windows(2) {
            assert_eq!(pair[0].1, pair[0].0 < pair[1].0);
        }
        assert!(seen.last().unwrap().1);
        assert_eq!(seen.last(), Some(&(2 * ragged.records, true)));
        let mean = seen[seen.len() - 2].0 * 100 / ragged.records;
        assert!((90..=110).contains(&mean), "{mean}");
    }

    #[test]
    fn the_mix_has_its_bounds_and_its_mean() {
        let zipf = Workload { sizes: Sizes::Zipf, records: 200_000, ..FIXED };
        let (mut least, mut most) = (usize::MAX, 0);
        let taken = zipf.for_each(&mut |record| {
            least = least.min(record.payload.len());
            most = most.max(record.payload.len());
            Ok::<(), Infallible>(())
        });
        taken.unwrap();
        assert!(least == 16 && most > 12 << 10 && most < 16 << 10, "{least} {most}");
        let mean = zipf.sum().payload_bytes / zipf.records;
        assert!((240..=270).contains(&mean), "{mean}");
    }
}
