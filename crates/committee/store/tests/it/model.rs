//! What a node was told, in plain maps, and a node on a disk that is told the same.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use holobiont_committee_store::{
    Leader, LogOptions, LogRecovery, NodeSnapshot, SignedJournal, SimulatedDisk, SnapshotFiles,
    StoreError, Term,
};
use holobiont_identity::Digest;
use openraft::storage::RaftLogStorage;
use openraft::{LogId, RaftLogReader, Vote};

use crate::common::{LogEntry, Numbers, Store, all, append, entry, log_id, open, vote};

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Append(Vec<LogEntry>),
    /// Cuts off all from this index on.
    Truncate(u64),
    Purge(LogId<Term>),
    Vote(Vote<Leader>),
    Committed(LogId<Term>),
    Snapshot(NodeSnapshot),
    Sign(u64, Digest),
    PruneSigned(u64),
    Close,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) entries: BTreeMap<u64, LogEntry>,
    pub(crate) purged: Option<LogId<Term>>,
    pub(crate) vote: Option<Vote<Leader>>,
    pub(crate) committed: Option<LogId<Term>>,
    /// What of it must be known after a crash.
    pub(crate) sure_committed: Option<LogId<Term>>,
    pub(crate) snapshot: Option<NodeSnapshot>,
    pub(crate) signed: BTreeMap<u64, Digest>,
}

impl Model {
    pub(crate) fn last(&self) -> Option<LogId<Term>> {
        self.entries.last_key_value().map_or(self.purged, |(_, entry)| Some(entry.log_id))
    }

    pub(crate) fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.index() + 1)
    }

    fn term(&self) -> u64 {
        self.last().map_or(1, |last| **last.committed_leader_id())
    }

    pub(crate) fn apply(&mut self, op: &Op) {
        match op {
            Op::Append(entries) => {
                self.entries.extend(entries.iter().map(|it| (it.log_id.index(), it.clone())));
            }
            Op::Truncate(next) => drop(self.entries.split_off(next)),
            Op::Purge(to) => {
                self.entries = self.entries.split_off(&(to.index() + 1));
                self.purged = Some(*to);
                self.committed = self.committed.max(Some(*to));
                self.sure_committed = self.sure_committed.max(Some(*to));
            }
            Op::Vote(vote) => self.vote = Some(*vote),
            Op::Committed(to) => self.committed = self.committed.max(Some(*to)),
            Op::Snapshot(snapshot) => self.snapshot = Some(snapshot.clone()),
            Op::Sign(cut, statement) => drop(self.signed.insert(*cut, *statement)),
            Op::PruneSigned(before) => self.signed = self.signed.split_off(before),
            Op::Close => self.sure_committed = self.committed,
        }
    }

    /// Something that an engine could do now.
    pub(crate) fn choose(&self, numbers: &mut Numbers) -> Op {
        let (next, term) = (self.next(), self.term());
        let committed = self.committed.map_or(0, |it| it.index() + 1);
        match numbers.below(100) {
            0..52 => {
                let term = term + u64::from(numbers.below(6) == 0);
                let count = numbers.below(6) + 1;
                Op::Append((next..next + count).map(|index| entry(term, index)).collect())
            }
            52..62 if committed < next => Op::Truncate(committed + numbers.below(next - committed)),
            62..68 if self.committed.is_some() => Op::Purge(self.chosen(numbers)),
            // A snapshot from a peer that is far ahead.
            68..70 => Op::Purge(log_id(term, next + numbers.below(9))),
            70..78 => {
                let term = self.vote.map_or(0, |vote| vote.leader_id.term);
                Op::Vote(vote(term + 1 + numbers.below(3), numbers.below(3)))
            }
            78..86 if committed < next && !self.entries.is_empty() => {
                let index = committed + numbers.below(next - committed);
                Op::Committed(
                    self.entries.get(&index).map_or(log_id(term, next - 1), |it| it.log_id),
                )
            }
            86..90 => Op::Snapshot(NodeSnapshot {
                last_log: (term, self.snapshot.as_ref().map_or(0, |it| it.last_log.1) + 7),
                membership: vec![1; 40],
                machine: vec![u8::try_from(numbers.below(256)).unwrap(); 1500],
                replay: vec![3; 700],
                certificate: Vec::new(),
            }),
            90..96 => {
                let cut = self.signed.last_key_value().map_or(0, |(cut, _)| cut + 1);
                Op::Sign(cut, Digest::of(numbers.below(1 << 40).to_le_bytes()))
            }
            96 => Op::PruneSigned(self.signed.last_key_value().map_or(0, |(cut, _)| *cut)),
            97 => Op::Close,
            _ => Op::Append(vec![entry(term, next)]),
        }
    }

    fn chosen(&self, numbers: &mut Numbers) -> LogId<Term> {
        let committed = self.committed.unwrap();
        let mut some = self.entries.values().take_while(|it| it.log_id <= committed);
        let skip = numbers.below(5);
        some.nth(usize::try_from(skip).unwrap()).map_or(committed, |it| it.log_id)
    }

    pub(crate) fn script(seed: u64, length: usize) -> Vec<Op> {
        Self::default().script_on(seed, length)
    }

    pub(crate) fn script_on(&self, seed: u64, length: usize) -> Vec<Op> {
        let (mut model, mut numbers) = (self.clone(), Numbers(seed));
        let choose = |_| {
            let op = model.choose(&mut numbers);
            model.apply(&op);
            op
        };
        (0..length).map(choose).collect()
    }
}

pub(crate) struct Node {
    pub(crate) store: Store<SimulatedDisk>,
    pub(crate) recovery: LogRecovery,
    snapshots: SnapshotFiles<SimulatedDisk>,
    journal: SignedJournal<SimulatedDisk>,
}

impl Node {
    pub(crate) fn open(disk: &SimulatedDisk, options: LogOptions) -> Result<Self, StoreError> {
        let (store, recovery) = open(disk, options)?;
        let snapshots = SnapshotFiles::open(Arc::new(disk.clone()))?;
        let journal = SignedJournal::open(Arc::new(disk.clone()))?;
        Ok(Self { store, recovery, snapshots, journal })
    }

    pub(crate) async fn run(&mut self, op: &Op) -> Result<(), Box<dyn Error>> {
        match op.clone() {
            Op::Append(entries) => append(&mut self.store, entries).await?,
            Op::Truncate(next) => {
                let last = next.checked_sub(1).and_then(|last| self.store.log_id(last));
                self.store.truncate_after(last).await?;
            }
            Op::Purge(to) => self.store.purge(to).await?,
            Op::Vote(vote) => self.store.save_vote(&vote).await?,
            Op::Committed(to) => self.store.save_committed(Some(to)).await?,
            Op::Snapshot(snapshot) => self.snapshots.save(&snapshot)?,
            Op::Sign(cut, statement) => self.journal.record(cut, &statement)?,
            Op::PruneSigned(before) => self.journal.prune(before)?,
            Op::Close => self.store.close()?,
        }
        Ok(())
    }

    /// Holds what was found after a crash to what was acknowledged before it, and to what was being
    /// done. Gives what was found.
    pub(crate) async fn check(&mut self, sure: &Model, in_flight: Option<&Op>) -> Model {
        let mut after = sure.clone();
        in_flight.into_iter().for_each(|op| after.apply(op));

        let state = self.store.get_log_state().await.unwrap();
        let purged = state.last_purged_log_id;
        assert!(purged == sure.purged || purged == after.purged, "{purged:?}");
        let ends = match purged == sure.purged {
            true if matches!(in_flight, Some(Op::Purge(_))) => sure.next()..=sure.next(),
            true => sure.next().min(after.next())..=sure.next().max(after.next()),
            false => after.next()..=after.next(),
        };
        let next = state.last_log_id.map_or(0, |last| last.index() + 1);
        assert!(ends.contains(&next), "the log ends before {next}, not {ends:?}");

        let mut told = sure.entries.clone();
        told.extend(after.entries.clone());
        let first = purged.map_or(0, |purged| purged.index() + 1);
        told = told.split_off(&first);
        drop(told.split_off(&next));
        let found = all(&mut self.store).await.unwrap();
        assert_eq!(found, told.values().cloned().collect::<Vec<_>>());
        for entry in &found {
            assert_eq!(self.store.log_id(entry.log_id.index()), Some(entry.log_id));
        }

        let vote = self.store.read_vote().await.unwrap();
        assert!(vote == sure.vote || vote == after.vote, "{vote:?}");
        let committed = self.store.read_committed().await.unwrap();
        assert!(committed <= state.last_log_id && committed <= after.committed, "{committed:?}");
        let sure_committed = match in_flight {
            Some(Op::Purge(_)) if purged == sure.purged => sure.sure_committed,
            _ => sure.sure_committed.max(purged),
        };
        assert!(committed >= sure_committed, "{committed:?} {sure_committed:?}");

        let snapshot = self.snapshots.newest().unwrap();
        assert!(snapshot == sure.snapshot || snapshot == after.snapshot);
        let mut signed = BTreeMap::new();
        for (cut, statement) in sure.signed.iter().chain(&after.signed) {
            let found = self.journal.statement(*cut);
            let may_miss = sure.signed.get(cut) != after.signed.get(cut);
            assert!(found == Some(*statement) || (found.is_none() && may_miss));
            signed.extend(found.map(|found| (*cut, found)));
        }
        let sure_committed = committed;
        Model { entries: told, purged, vote, committed, sure_committed, snapshot, signed }
    }
}
