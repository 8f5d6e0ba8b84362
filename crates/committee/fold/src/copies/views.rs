use holobiont_surface::Surface;

use super::having;

/// A copy as it can be read: durable records only.
#[derive(Debug, Clone)]
pub struct Views {
    /// Another number means another history, or other files: older views must not be read any more.
    pub generation: u64,
    /// Oldest records first. As a rule one; more where the copy was started anew behind a gap.
    pub views: Vec<Surface>,
    /// The sequence number after the last durable record; what they have from there on is not shown.
    pub end_seq: u64,
}

impl Views {
    /// The first of these records that they do not have durably.
    #[must_use]
    pub fn first_missing(&self, from_seq: u64, to_seq: u64) -> Option<u64> {
        let mut next_seq = from_seq;
        while next_seq <= to_seq {
            match having(&self.views, next_seq) {
                Some(view) => next_seq = view.next_seq().min(self.end_seq).max(next_seq),
                None => return Some(next_seq),
            }
            if next_seq >= self.end_seq {
                break;
            }
        }
        (next_seq <= to_seq).then_some(next_seq)
    }

    /// About how many bytes the records from this one on take: of a segment in which it is, its share.
    #[must_use]
    pub fn bytes_from(&self, from_seq: u64) -> u64 {
        let segments = self.views.iter().flat_map(Surface::segments);
        let bytes = segments.map(|segment| {
            let last_seq = segment.last_seq.filter(|last_seq| *last_seq >= from_seq)?;
            let records = last_seq.saturating_sub(segment.first_seq).saturating_add(1);
            let ahead = last_seq.saturating_sub(from_seq.max(segment.first_seq)).saturating_add(1);
            let share = u128::from(segment.size_bytes).checked_mul(ahead.into())?;
            u64::try_from(share.checked_div(records.into())?).ok()
        });
        bytes.flatten().fold(0, u64::saturating_add)
    }
}
