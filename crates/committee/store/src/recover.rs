use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use openraft::Vote;

use crate::disk::TEMPORARY;
use crate::figures::Counters;
use crate::format::{Mark, decode_vote, encode_vote};
use crate::index::{Index, Segment};
use crate::options::MAX_TORN_FILES;
use crate::scan::{Before, Scan};
use crate::writer::{MARK, SEGMENT, VOTE, Writer, segment_name};
use crate::{Defect, Disk, Leader, LogOptions, LogRecovery, StoreError, TornTail};

/// The most bytes that a `vote` or `mark` file can have.
const MAX_SMALL_FILE_BYTES: u64 = 4096;
const INDEX_DIGITS: usize = 20;
const TORN: &str = ".torn";

/// A log as a crash, or a clean end, has left it.
pub(crate) struct Recovered<D> {
    pub(crate) index: Index,
    pub(crate) writer: Writer<D>,
    pub(crate) recovery: LogRecovery,
}

/// Reads a log's files, and puts right what an interrupted step left. Everything that was ever
/// acknowledged is there, or this is an error.
pub(crate) fn recover<D: Disk>(
    disk: &Arc<D>,
    options: LogOptions,
) -> Result<Recovered<D>, StoreError> {
    // What is seen need not be on disk yet, after the process alone has died; and nothing that
    // builds on it may be there before.
    disk.sync_dir().map_err(StoreError::io(".", "syncing"))?;
    let mut found = Found::read(disk.as_ref())?;
    let removed = found.remove_remains(disk.as_ref())?;

    let Found { mark, vote, segments, names } = found;
    let Live { mut segments, terms, committed, torn } =
        Live::read(disk.as_ref(), &mark, &segments)?;
    let newest = segments.back().map(|newest| newest.name.clone());
    // One without entries is made again when there are some, wherever they start then.
    let empty = segments.pop_back_if(|newest| newest.places.is_empty());
    let mut index = Index::of(segments, terms, mark.purged, vote);
    check_mark(&mark, &index)?;
    let known = committed.checked_sub(1).and_then(|known| index.position(known));
    index.committed = mark.committed.max(mark.purged).max(known);

    let mut recovery = LogRecovery { removed, ..LogRecovery::default() };
    (recovery.entries, recovery.size_bytes) = (index.entries(), index.size_bytes());
    if let Some(newest) = newest {
        let cut = torn.map(|(offset, why)| cut_off(disk.as_ref(), &names, &newest, offset, why));
        recovery.torn = cut.transpose()?;
        disk.sync(&newest).map_err(StoreError::io(&newest, "syncing"))?;
    }
    let mut writer = Writer {
        disk: Arc::clone(disk),
        counters: Arc::new(Counters::default()),
        segment_bytes: options.segment_bytes.min(crate::MAX_SEGMENT_BYTES),
        mark,
        open: index.segments.back().map(Segment::at_end),
    };
    // A segment may have been made that the mark had no time to name.
    let Mark { first_segment, last_segment, .. } = Writer::<D>::mark_of(&index);
    writer.save_mark(Mark { first_segment, last_segment, ..mark })?;
    if let Some(empty) = empty {
        writer.purge(&[empty])?;
    }
    Ok(Recovered { index, writer, recovery })
}

/// What a directory has of a log.
struct Found {
    mark: Mark,
    vote: Option<Vote<Leader>>,
    /// The segments' names, by first index.
    segments: BTreeMap<u64, String>,
    names: Vec<String>,
}

impl Found {
    fn read<D: Disk>(disk: &D) -> Result<Self, StoreError> {
        let names = disk.list().map_err(StoreError::io(".", "listing"))?;
        let numbered = names.iter().filter_map(|name| Some((first_of(name)?, name.clone())));
        let segments: BTreeMap<_, _> = numbered.collect();

        let read = |name: &str| {
            let bytes = disk.read_all(name, MAX_SMALL_FILE_BYTES);
            bytes.map_err(StoreError::io(name, "reading"))
        };
        let missing = |name: &str| StoreError::damage(name, 0, Defect::Missing);
        let (vote, mark) = (read(VOTE)?, read(MARK)?);
        // The vote is created first, the mark second, then segments.
        let vote = match vote {
            Some(bytes) => decode_vote(&bytes).map_err(|what| StoreError::damage(VOTE, 0, what))?,
            None if mark.is_none() && segments.is_empty() => {
                let created = disk.replace(VOTE, &encode_vote(None));
                created.map_err(StoreError::io(VOTE, "creating"))?;
                None
            }
            None => return Err(missing(VOTE)),
        };
        let mark = match mark {
            Some(bytes) => {
                Mark::decode(&bytes).map_err(|what| StoreError::damage(MARK, 0, what))?
            }
            None if vote.is_none() && segments.is_empty() => {
                let mark = Mark::default();
                disk.replace(MARK, &mark.encode()).map_err(StoreError::io(MARK, "creating"))?;
                mark
            }
            None => return Err(missing(MARK)),
        };
        Ok(Self { mark, vote, segments, names })
    }

    /// Removes half-written files, and segments that a purge had no time to remove.
    fn remove_remains<D: Disk>(&mut self, disk: &D) -> Result<Vec<String>, StoreError> {
        let purged = self.mark.purged.map_or(0, |purged| purged.index.saturating_add(1));
        let live = self.segments.split_off(&self.mark.first_segment.unwrap_or(purged));
        let is_half = |name: &&String| {
            let whole = name.strip_suffix(TEMPORARY);
            whole.is_some_and(|it| {
                [VOTE, MARK].contains(&it) || it.ends_with(TORN) || first_of(it).is_some()
            })
        };
        let half = self.names.iter().filter(is_half).cloned();
        let removed: Vec<_> =
            half.chain(std::mem::take(&mut self.segments).into_values()).collect();
        self.segments = live;
        for name in &removed {
            disk.remove(name).map_err(StoreError::io(name, "removing"))?;
        }
        if !removed.is_empty() {
            disk.sync_dir().map_err(StoreError::io(".", "syncing"))?;
        }
        Ok(removed)
    }
}

/// The first index in a segment's name.
fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT)?;
    let is_number = digits.len() == INDEX_DIGITS && digits.bytes().all(|it| it.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// The segments of the log, read from end to end.
#[derive(Default)]
struct Live {
    segments: VecDeque<Segment>,
    terms: BTreeMap<u64, u64>,
    /// Entries before this index were known to be committed, as the records have it.
    committed: u64,
    /// Where the torn tail begins, and what is wrong there.
    torn: Option<(u64, Defect)>,
}

impl Live {
    fn read<D: Disk>(
        disk: &D,
        mark: &Mark,
        names: &BTreeMap<u64, String>,
    ) -> Result<Self, StoreError> {
        for first in [mark.first_segment, mark.last_segment].into_iter().flatten() {
            if !names.contains_key(&first) {
                return Err(StoreError::damage(&segment_name(first), 0, Defect::Missing));
            }
        }
        let mut live = Self::default();
        let mut before = Before::Unknown { purged: mark.purged };
        let newest = names.last_key_value().map(|(first, _)| *first);
        for (first, name) in names {
            let scan = Scan::read(disk, name, *first, &before)?;
            if let Some((offset, what)) = scan.stop {
                let acknowledged = mark.synced.is_some_and(|it| it.index >= scan.segment.end());
                if newest != Some(*first) || acknowledged || scan.is_acknowledged {
                    return Err(StoreError::damage(name, offset, what));
                }
                live.torn = Some((offset, what));
            }
            live.terms.extend(scan.terms);
            live.committed = live.committed.max(scan.committed);
            let (next, crc) = (scan.segment.end(), scan.segment.crc_after());
            before = Before::Known { last: scan.last, next, crc };
            live.segments.push_back(scan.segment);
        }
        Ok(live)
    }
}

/// What the mark names must be there, and be what it was.
fn check_mark(mark: &Mark, index: &Index) -> Result<(), StoreError> {
    let file = index.segments.back().map_or(MARK, |last| last.name.as_str());
    let end = index.segments.back().map_or(0, |last| last.size_bytes);
    for known in [mark.synced, mark.committed, mark.purged].into_iter().flatten() {
        if known.index >= index.next {
            let what = Defect::EndsBefore { acknowledged: known.index };
            return Err(StoreError::damage(file, end, what));
        }
        if index.written_position(known.index).is_some_and(|it| it != known) {
            let what = Defect::Value("an entry that it names has another term in the log");
            return Err(StoreError::damage(MARK, 0, what));
        }
    }
    Ok(())
}

/// Puts the torn tail of a segment aside and cuts it off.
fn cut_off<D: Disk>(
    disk: &D,
    names: &[String],
    file: &str,
    offset: u64,
    why: Defect,
) -> Result<TornTail, StoreError> {
    let size_bytes = disk.size_bytes(file).map_err(StoreError::io(file, "reading"))?;
    let size_bytes = size_bytes.saturating_sub(offset);
    let mut tail = vec![0; usize::try_from(size_bytes).unwrap_or(usize::MAX)];
    disk.read_at(file, offset, &mut tail).map_err(StoreError::io(file, "reading"))?;

    let kept = names.iter().filter(|name| name.ends_with(TORN)).count();
    let stem = file.strip_suffix(SEGMENT).unwrap_or(file);
    let mut free = (0_u64..).map(|number| format!("{stem}-{offset}-{number}{TORN}"));
    let kept_as = free.find(|name| !names.contains(name)).filter(|_| kept < MAX_TORN_FILES);
    if let Some(name) = &kept_as {
        disk.replace(name, &tail).map_err(StoreError::io(name, "keeping"))?;
    }
    disk.set_size(file, offset).map_err(StoreError::io(file, "cutting"))?;
    Ok(TornTail { file: file.to_owned(), offset, size_bytes, why, kept_as })
}
