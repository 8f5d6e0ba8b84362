use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use holobiont_identity::UniqueId;
use holobiont_policy::OfferedHead;
use holobiont_surface::{Genesis, RECORD_HEADER_BYTES, Surface, SurfaceWriter, WriterOptions};
use serde::{Deserialize, Serialize};

use super::{CUT_RECORDS, MAX_WINDOW_BYTES, Set, cuts};
use crate::layout::as_u64;
use crate::ours::seal_key;
use crate::{BenchError, Sum, Workload};

/// Writes the members' surfaces and the log of cuts over them.
pub(super) fn make(set: &Set, workloads: &[Workload]) -> Result<(), BenchError> {
    let members = u64::try_from(workloads.len()).unwrap_or(u64::MAX);
    let cut_clocks = CUT_RECORDS.checked_div(members).unwrap_or(1).max(1);
    let mut offers: Vec<Vec<OfferedHead>> = Vec::new();
    for (member, workload) in set.organism.members.iter().zip(workloads) {
        let dir = set.surfaces.join(&member.name);
        let heads = write(&dir, member.surface_id(), workload, cut_clocks)?;
        for (cut, head) in heads {
            if offers.len() <= cut {
                offers.resize_with(cut.saturating_add(1), Vec::new);
            }
            if let Some(offer) = offers.get_mut(cut) {
                offer.push(head);
            }
        }
    }
    // One member is scanned by its seals too.
    if let [dir] = set.dirs().as_slice() {
        Surface::open(dir)?.seal(&seal_key())?;
    }
    cuts::write(&set.cuts, &set.organism, offers)
}

/// Writes one member's surface; its heads at the last records of every `cut_clocks` clock events,
/// with the number of that stretch.
pub(crate) fn write(
    dir: &Path,
    surface_id: UniqueId,
    workload: &Workload,
    cut_clocks: u64,
) -> Result<Vec<(usize, OfferedHead)>, BenchError> {
    let genesis = Genesis { max_window_bytes: MAX_WINDOW_BYTES, ..Genesis::new(surface_id) };
    let mut writer = SurfaceWriter::create(dir, genesis, WriterOptions::default())?;
    let cut_of = |clock: u64| clock.checked_div(cut_clocks).unwrap_or(0);
    let mut heads = Vec::new();
    let (mut previous, mut advance) = (0_u64, 0_u64);
    let mut records = workload.records();
    while let Some(record) = records.next() {
        let clock = record.clock;
        writer.append(record)?;
        advance = advance.max(clock.saturating_sub(previous));
        previous = clock;
        let cut = cut_of(clock);
        if records.next_clock().is_some_and(|next| cut_of(next) == cut) {
            continue;
        }
        if let Some(head) = writer.head() {
            let (member, seq, closed) = (workload.member, head.seq, Some(clock));
            let head = OfferedHead { member, seq, head: head.hash, closed, advance };
            heads.push((usize::try_from(cut).unwrap_or(usize::MAX), head));
        }
        advance = 0;
    }
    writer.sync()?;
    writer.seal()?;
    Ok(heads)
}

/// What a reader of a set must arrive at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// Over the records, in the order in which they are handed out.
    pub(crate) sum: Sum,
    /// Their size as stored, headers and padding included, in bytes.
    pub(crate) stored_bytes: u64,
}

impl Expected {
    /// Of a merge of these members: by (clock, member, sequence number), computed without any of
    /// what is measured.
    pub(crate) fn of(workloads: &[Workload]) -> Self {
        let mut sources: Vec<_> =
            workloads.iter().map(|it| (it.member, 0_u64, it.records())).collect();
        let mut expected = Self { sum: Sum::default(), stored_bytes: 0 };
        let mut queue: BinaryHeap<_> = sources
            .iter()
            .zip(0_usize..)
            .filter_map(|((.., records), place)| Some(Reverse((records.next_clock()?, place))))
            .collect();
        while let Some(Reverse((_, place))) = queue.pop() {
            let Some((member, seq, records)) = sources.get_mut(place) else { continue };
            if let Some(record) = records.next() {
                expected.sum.push_of(*member, *seq, record.clock, record.payload);
                let stored = stored_bytes(record.payload.len());
                expected.stored_bytes = expected.stored_bytes.saturating_add(stored);
            }
            *seq = seq.saturating_add(1);
            queue.extend(records.next_clock().map(|clock| Reverse((clock, place))));
        }
        expected
    }
}

/// Size of a record with such a payload: header, payload, padding.
pub(super) fn stored_bytes(payload: usize) -> u64 {
    as_u64(payload.next_multiple_of(8).saturating_add(RECORD_HEADER_BYTES))
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use crate::{Sizes, Workload};

    #[test]
    fn one_member_is_merged_as_it_is() {
        let of = |member| Workload { seed: 3, member, records: 500, sizes: Sizes::Zipf };
        assert_eq!(Expected::of(&[of(0)]).sum, of(0).sum());
        let merged = Expected::of(&[of(0), of(1)]);
        assert_eq!(merged.sum.records, 1_000);
        assert_ne!(merged.sum, Expected::of(&[of(1), of(0)]).sum);
    }
}
