//! Entries, and a log driven without an engine.

use std::io;
use std::sync::Arc;

use holobiont_committee_store::{
    Disk, Flush, LogOptions, LogRecovery, LogStore, Payload, StoreError, Term,
};
use openraft::entry::{Entry, EntryPayload};
use openraft::impls::EmptyNode;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use openraft::vote::RaftLeaderIdExt;
use openraft::{LogId, Membership, RaftLogReader, Vote};

use holobiont_committee_store::{Leader, Live};

pub(crate) type LogEntry = Entry<Term, EntryPayload<Payload, u64, EmptyNode>>;
pub(crate) type Store<D> = LogStore<Live, D>;

/// Files so small that a few entries fill one, and hardly anything in memory.
pub(crate) const SMALL: LogOptions =
    LogOptions { flush: Flush::Inline, segment_bytes: 900, cache_bytes: 300 };

pub(crate) fn log_id(term: u64, index: u64) -> LogId<Term> {
    LogId::new(Leader::new_committed(term, 0), index)
}

/// An entry whose content follows from its place: a blank, a membership or a command.
pub(crate) fn entry(term: u64, index: u64) -> LogEntry {
    let mixed = (index ^ (term << 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let payload = match mixed % 11 {
        0 => EntryPayload::Blank,
        1 => {
            let voters = vec![(mixed % 5..mixed % 5 + 3).collect()];
            EntryPayload::Membership(Membership::new_with_defaults(voters, []))
        }
        _ => {
            let length = usize::try_from(mixed >> 56).unwrap();
            let bytes = mixed.to_le_bytes().into_iter().cycle().take(length);
            EntryPayload::Normal(Payload(bytes.collect()))
        }
    };
    LogEntry { log_id: log_id(term, index), payload }
}

pub(crate) fn open<D: Disk + Clone>(
    disk: &D,
    options: LogOptions,
) -> Result<(Store<D>, LogRecovery), StoreError> {
    Store::open_with(Arc::new(disk.clone()), options)
}

/// Appends and waits until it is on disk.
pub(crate) async fn append<D: Disk>(
    store: &mut Store<D>,
    entries: impl IntoIterator<Item = LogEntry>,
) -> io::Result<()> {
    let entries: Vec<_> = entries.into_iter().collect();
    let (sender, receiver) = Live::oneshot();
    store.append(entries, IOFlushed::signal(sender)).await?;
    receiver.await.map_err(io::Error::other)?
}

pub(crate) async fn all<D: Disk>(store: &mut Store<D>) -> io::Result<Vec<LogEntry>> {
    store.try_get_log_entries(..).await
}

pub(crate) fn vote(term: u64, node: u64) -> Vote<Leader> {
    Vote::new(term, node)
}

/// SplitMix64.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
