use holobiont_surface::NewRecord;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Sizes, Workload};

const START_MS: u64 = 1_767_225_600_000;
const KIND: u16 = 1;

/// Shortest length of the first class of [`Sizes::Zipf`], in bytes.
const CLASS_BYTES: u32 = 16;
/// How many of 1,024 lengths are of each class.
const CLASSES_MASK: u32 = 1023;
const CLASSES: [u32; 10] = [408, 247, 149, 90, 54, 33, 20, 12, 7, 4];

/// The records of a [`Workload`], each borrowed until the next.
#[derive(Debug, Clone)]
pub struct Records {
    random: ChaCha8Rng,
    sizes: Sizes,
    left: u64,
    clock: u64,
    last_clock: u64,
    payload: Vec<u8>,
}

impl Records {
    pub(super) fn new(workload: &Workload) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(workload.seed);
        random.set_stream(u64::from(workload.member));
        Self {
            random,
            sizes: workload.sizes,
            left: workload.records,
            clock: 1,
            last_clock: match workload.sizes {
                Sizes::Fixed(_) => workload.records,
                Sizes::Zipf => workload.records.saturating_mul(2),
            },
            payload: Vec::new(),
        }
    }

    /// The clock of the next record; none at the end.
    #[must_use]
    pub fn next_clock(&self) -> Option<u64> {
        match self.left {
            0 => None,
            1 => Some(self.last_clock),
            _ => Some(self.clock),
        }
    }

    /// The next record; none at the end.
    #[expect(clippy::should_implement_trait, reason = "it lends, which an iterator cannot")]
    pub fn next(&mut self) -> Option<NewRecord<'_>> {
        let clock = self.next_clock()?;
        self.left = self.left.saturating_sub(1);
        let (step, length) = match self.sizes {
            Sizes::Fixed(length) => (1, length),
            Sizes::Zipf => (ragged(self.random.next_u64()), zipf(self.random.next_u64())),
        };
        self.payload.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        self.random.fill_bytes(&mut self.payload);
        self.clock = clock.saturating_add(step);
        Some(NewRecord {
            clock,
            closes_clock: self.next_clock() != Some(clock),
            time_ms: START_MS.saturating_add(clock),
            kind: KIND,
            payload: &self.payload,
        })
    }
}

fn ragged(bits: u64) -> u64 {
    match bits & 3 {
        0 => 0,
        1 | 2 => 1,
        _ => 2,
    }
}

fn zipf(bits: u64) -> u32 {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = bits.to_le_bytes();
    let (low, high) = (u32::from_le_bytes([b0, b1, b2, b3]), u32::from_le_bytes([b4, b5, b6, b7]));
    // All of 1,024 that the classes share out, and every class's length, are powers of two.
    let mut at = low & CLASSES_MASK;
    let mut least = CLASS_BYTES;
    for share in CLASSES {
        if at < share {
            break;
        }
        at = at.saturating_sub(share);
        least = least.saturating_mul(2);
    }
    least.saturating_add(high & least.saturating_sub(1))
}
