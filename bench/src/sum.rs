use serde::{Deserialize, Serialize};

/// Odd, with bits set all over: the 64-bit golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// What every reader of the same records must arrive at: how many, how large, and in which order.
///
/// Cheap on purpose (a nanosecond or two a record): it shows that a reader has touched every
/// record, in order, at both ends of its payload. It is no hash against an adversary.
///
/// ```
/// use holobiont_bench::Sum;
///
/// let (mut one, mut other) = (Sum::default(), Sum::default());
/// one.push(0, 7, b"1.07");
/// other.push(0, 7, b"1.08");
/// assert_ne!(one, other);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many records.
    pub records: u64,
    /// Bytes of their payloads together.
    pub payload_bytes: u64,
    /// Sequence number, clock, length, first and last eight payload bytes of each, in order.
    pub mix: u64,
}

impl Sum {
    /// Adds the next record.
    #[inline]
    pub fn push(&mut self, seq: u64, clock: u64, payload: &[u8]) {
        let (first, last) = ends(payload);
        let length = payload.len() as u64;
        // Independent of what came before, so that only the last line is a chain from record to
        // record.
        let record = seq.wrapping_mul(MULTIPLIER)
            ^ clock.rotate_left(32)
            ^ length.rotate_left(48)
            ^ first.wrapping_mul(MULTIPLIER).rotate_left(17)
            ^ last.rotate_left(7);
        self.records = self.records.wrapping_add(1);
        self.payload_bytes = self.payload_bytes.wrapping_add(length);
        self.mix = (self.mix.rotate_left(5) ^ record).wrapping_mul(MULTIPLIER);
    }

    /// Adds the next record of a merge of several members.
    #[inline]
    pub fn push_of(&mut self, member: u16, seq: u64, clock: u64, payload: &[u8]) {
        self.push(seq ^ u64::from(member).rotate_right(16), clock, payload);
    }
}

/// The first and last eight bytes, zeros where there are fewer.
#[inline]
fn ends(payload: &[u8]) -> (u64, u64) {
    match (payload.first_chunk(), payload.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => {
            let mut few = [0; 8];
            few.iter_mut().zip(payload).for_each(|(to, byte)| *to = *byte);
            (u64::from_le_bytes(few), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    fn of(records: &[(u64, u64, &[u8])]) -> Sum {
        let mut sum = Sum::default();
        records.iter().for_each(|(seq, clock, payload)| sum.push(*seq, *clock, payload));
        sum
    }

    #[test]
    fn order_and_every_field_count() {
        let one: (u64, u64, &[u8]) = (0, 5, b"0123456789abcdef-tail of it");
        let two: (u64, u64, &[u8]) = (1, 5, b"short");
        let both = of(&[one, two]);
        assert_eq!((both.records, both.payload_bytes), (2, 32));
        assert_ne!(both, of(&[two, one]));
        assert_ne!(both, of(&[one]));
        assert_ne!(both, of(&[one, (2, 5, b"short")]));
        assert_ne!(both, of(&[one, (1, 6, b"short")]));
        assert_ne!(both, of(&[one, (1, 5, b"short\0")]));
        assert_ne!(both, of(&[(0, 5, b"0123456789abcdef-tail of jt"), two]));
        let mut merged = Sum::default();
        merged.push_of(1, 0, 5, b"short");
        assert_ne!(merged, of(&[(0, 5, b"short")]));
    }
}
