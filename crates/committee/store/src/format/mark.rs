use serde::{Deserialize, Serialize};

use super::{Envelope, Position};
use crate::Defect;

const ENVELOPE: Envelope = Envelope { magic: *b"HBLM", version: 1 };

/// What is known of the log without reading it: what is below was acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The last entry that is behind a snapshot and was dropped.
    pub(crate) purged: Option<Position>,
    /// The last entry that was known to be committed. Records may know of a later one.
    pub(crate) committed: Option<Position>,
    /// The last entry that was known to be on disk. Records may know of a later one.
    pub(crate) synced: Option<Position>,
    /// First index of the oldest segment of the log. Older ones are remains of a purge.
    pub(crate) first_segment: Option<u64>,
    /// First index of the newest segment then.
    pub(crate) last_segment: Option<u64>,
}

impl Mark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        ENVELOPE.close(&postcard::to_stdvec(self).unwrap_or_default())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Defect> {
        let mark: Self = whole(ENVELOPE.open(bytes)?)?;
        let is_sound = mark.first_segment <= mark.last_segment
            && mark.first_segment.is_some() == mark.last_segment.is_some();
        is_sound.then_some(mark).ok_or(Defect::Value("the segments named contradict each other"))
    }
}

/// A value that is all of these bytes.
pub(super) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Defect> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(Defect::LeftOver),
        Err(_) => Err(Defect::Value("its fields cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::{SegmentHeader, decode_vote, encode_vote};

    proptest! {
        #[test]
        fn small_files_are_read_as_they_were_written_and_changed_ones_refused(
            positions in any::<[Option<(u64, u64)>; 3]>(),
            segments in proptest::option::of(any::<(u64, u64)>()),
            vote in proptest::option::of(any::<(u64, u64, bool)>()),
            (first, crc_before) in (1_u64.., any::<u32>()),
            (at, change) in (any::<prop::sample::Index>(), 1_u8..),
        ) {
            let [purged, committed, synced] =
                positions.map(|it| it.map(|(term, index)| Position { term, index }));
            let (first_segment, last_segment) =
                segments.map(|(a, b)| (a.min(b), a.max(b))).unzip();
            let mark = Mark { purged, committed, synced, first_segment, last_segment };
            let vote = vote.map(|(term, node, committed)| openraft::Vote {
                committed,
                ..openraft::Vote::new(term, node)
            });
            let previous = purged.map(|it| Position { index: first - 1, ..it });
            let header = SegmentHeader { first, previous, crc_before };

            prop_assert_eq!(Mark::decode(&mark.encode()), Ok(mark));
            prop_assert_eq!(decode_vote(&encode_vote(vote.as_ref())), Ok(vote));
            let read = SegmentHeader::decode(&header.encode());
            prop_assert_eq!(read, Ok((header, header.salt())));

            type Refuses = fn(&[u8]) -> bool;
            let files: [(Vec<u8>, Refuses); 3] = [
                (mark.encode(), |bytes| Mark::decode(bytes).is_err()),
                (encode_vote(vote.as_ref()), |bytes| decode_vote(bytes).is_err()),
                (header.encode(), |bytes| SegmentHeader::decode(bytes).is_err()),
            ];
            for (mut bytes, is_refused) in files {
                for length in 0..bytes.len() {
                    prop_assert!(is_refused(&bytes[..length]));
                }
                let at = at.index(bytes.len());
                bytes[at] ^= change;
                prop_assert!(is_refused(&bytes));
            }
        }

        #[test]
        fn any_bytes_in_a_right_envelope_are_refused_or_sound(
            body in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            if let Ok(mark) = Mark::decode(&ENVELOPE.close(&body)) {
                prop_assert_eq!(Mark::decode(&mark.encode()), Ok(mark));
            }
        }
    }
}
