use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use holobiont_identity::{Digest, Member, UniqueId};
use holobiont_policy::{Frontier, OfferedHead};
use holobiont_replay::Advance;
use holobiont_surface::{
    CutBack, Genesis, Head, NewRecord, StartAt, Surface, SurfaceError, SurfaceWriter, WriterOptions,
};

use super::index::{Index, Look};
use super::shelf::{Recovered, Shelf};
use super::{Aside, CopyOptions, CopyRecovery, Views};
use crate::{FoldError, Since};

/// One member's copy.
///
/// Locks are taken in this order: `keeper`, `index`, `shown`. Only `keeper` is held while something is
/// written; `index` while records that memory does not have are read; `shown` never for long.
#[derive(Debug)]
pub(super) struct Copy {
    surface_id: UniqueId,
    shelf: Shelf,
    keeper: Mutex<Keeper>,
    index: Mutex<Index>,
    shown: Mutex<Shown>,
}

/// What writes.
#[derive(Debug)]
struct Keeper {
    /// None where the last write failed: it is opened again then.
    writer: Option<SurfaceWriter>,
    older: Vec<Surface>,
    stored: Vec<u8>,
    began: Vec<(u64, Digest)>,
}

/// What others see of it.
#[derive(Debug)]
struct Shown {
    views: Views,
    durable: Option<Head>,
    next_seq: u64,
    failure: Option<String>,
}

impl Copy {
    pub(super) fn open(
        place: u16,
        member: &Member,
        advance: Advance,
        parent: &Path,
        options: CopyOptions,
    ) -> Result<(Self, Option<CopyRecovery>), FoldError> {
        std::fs::create_dir_all(parent).map_err(FoldError::io(parent, "creating"))?;
        let writing = WriterOptions { segment_bytes: options.segment_bytes };
        let shelf = Shelf::new(parent, &member.name, writing);
        let surface_id = member.surface_id();
        let Recovered { is_there, finished_restart } = shelf.recover()?;
        let (mut writer, recovery) = match is_there {
            true => {
                let (writer, recovery) = shelf.open()?;
                (writer, Some(recovery))
            }
            false => (shelf.create(Genesis::new(surface_id))?, None),
        };
        let got = writer.genesis().surface_id;
        if got != surface_id {
            let (member, dir) = (member.name.clone(), shelf.dir());
            return Err(FoldError::OtherSurface { member, dir, expected: surface_id, got });
        }
        writer.sync().map_err(shelf.failed())?;
        let older = shelf.older()?;
        let index = Index::new(place, advance, options.recent_bytes, &writer, 0);
        let shown = Shown {
            views: Views { generation: 0, views: Vec::new(), end_seq: 0 },
            durable: None,
            next_seq: writer.next_seq(),
            failure: None,
        };
        let keeper = Keeper { writer: None, older, stored: Vec::new(), began: Vec::new() };
        let copy = Self {
            surface_id,
            shelf,
            keeper: Mutex::new(keeper),
            index: Mutex::new(index),
            shown: Mutex::new(shown),
        };
        let mut keeper = copy.keeper();
        copy.show(&keeper.older, &writer);
        keeper.writer = Some(writer);
        drop(keeper);
        let recovery = recovery.filter(|recovery| {
            recovery.kept_after_mark > 0
                || recovery.torn.is_some()
                || recovery.finished_seal
                || finished_restart
        });
        let recovery =
            recovery.map(|recovery| CopyRecovery { member: place, recovery, finished_restart });
        Ok((copy, recovery))
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.shown().next_seq
    }

    pub(super) fn durable(&self) -> Option<Head> {
        self.shown().durable
    }

    pub(super) fn views(&self) -> Views {
        self.shown().views.clone()
    }

    pub(super) fn aside(&self) -> Result<Vec<Aside>, FoldError> {
        self.shelf.aside()
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.shown().failure.clone()
    }

    pub(super) fn genesis(&self) -> Result<Genesis, FoldError> {
        let mut keeper = self.keeper();
        Ok(self.writer(&mut keeper)?.genesis().clone())
    }

    pub(super) fn append(
        &self,
        first_seq: Option<u64>,
        records: &[NewRecord<'_>],
    ) -> Result<u64, FoldError> {
        let mut keeper = self.keeper();
        let mut seq = self.writer(&mut keeper)?.next_seq();
        self.check_place(first_seq.unwrap_or(seq), seq)?;
        let mut stored = std::mem::take(&mut keeper.stored);
        stored.clear();
        let mut encoded = Ok(());
        for record in records {
            let whole = stored.len();
            encoded = record.encode_into(seq, &mut stored).map(drop);
            if encoded.is_err() {
                stored.truncate(whole);
                break;
            }
            seq = seq.saturating_add(1);
        }
        let appended = self.take(&mut keeper, &stored);
        keeper.stored = stored;
        let next_seq = appended?;
        encoded.map_err(self.shelf.failed()).map(|()| next_seq)
    }

    pub(super) fn append_stored(&self, stored: &[u8]) -> Result<u64, FoldError> {
        let mut keeper = self.keeper();
        let next_seq = self.writer(&mut keeper)?.next_seq();
        let first = super::recent::headers(stored).next();
        self.check_place(first.map_or(next_seq, |(header, _)| header.seq), next_seq)?;
        self.take(&mut keeper, stored)
    }

    fn check_place(&self, first_seq: u64, next_seq: u64) -> Result<(), FoldError> {
        if first_seq == next_seq {
            return Ok(());
        }
        let member = self.shelf.name().to_owned();
        Err(FoldError::OtherPlace { member, first_seq, next_seq })
    }

    fn take(&self, keeper: &mut Keeper, stored: &[u8]) -> Result<u64, FoldError> {
        let mut began = std::mem::take(&mut keeper.began);
        began.clear();
        let writer = self.writer(keeper)?;
        let before = writer.next_seq();
        let appended = writer.append_stored(stored, |seq, chain| began.push((seq, chain)));
        let next_seq = writer.next_seq();
        if appended.as_ref().is_err_and(SurfaceError::is_io) {
            keeper.writer = None;
        } else {
            let taken = super::recent::headers(stored)
                .take_while(|(header, _)| header.seq >= before && header.seq < next_seq)
                .last()
                .map_or(0, |(_, end)| end);
            self.index().push(stored.get(..taken).unwrap_or_default(), &began);
            self.shown().next_seq = next_seq;
        }
        keeper.began = began;
        appended.map_err(self.shelf.failed())
    }

    pub(super) fn sync(&self) -> Result<Option<Head>, FoldError> {
        let mut keeper = self.keeper();
        let synced = self.writer(&mut keeper)?.sync();
        if synced.is_err() {
            keeper.writer = None;
        }
        let head = synced.map_err(self.shelf.failed())?;
        let Keeper { writer, older, .. } = &mut *keeper;
        if let Some(writer) = writer {
            self.show(older, writer);
        }
        Ok(head)
    }

    /// What the copy itself would offer at record `seq`.
    pub(super) fn own(&self, since: &Since, seq: u64, look: Look) -> Option<OfferedHead> {
        let Views { generation, views, end_seq } = self.views();
        if seq >= end_seq {
            return None;
        }
        let mut index = self.index();
        if index.generation != generation {
            return None;
        }
        let own = index.own(since, seq, &views, look);
        drop(index);
        if look == Look::Disk {
            self.shown().failure = own.as_ref().err().map(ToString::to_string);
        }
        own.ok().flatten()
    }

    pub(super) fn found(&self, genesis: &Genesis) -> Result<(), FoldError> {
        let (member, dir) = (|| self.shelf.name().to_owned(), || self.shelf.dir());
        if genesis.surface_id != self.surface_id {
            let (expected, got) = (self.surface_id, genesis.surface_id);
            return Err(FoldError::OtherSurface { member: member(), dir: dir(), expected, got });
        }
        let mut keeper = self.keeper();
        let writer = self.writer(&mut keeper)?;
        let (expected, got) = (writer.genesis().digest(), genesis.digest());
        if expected == got {
            return Ok(());
        }
        if writer.next_seq() > 0 {
            return Err(FoldError::OtherGenesis { member: member(), dir: dir(), expected, got });
        }
        // Its lock goes with it.
        keeper.writer = None;
        self.shelf.remove(&self.shelf.dir())?;
        let writer = self.shelf.create(genesis.clone())?;
        self.put(&mut keeper, writer)
    }

    pub(super) fn cut_back(&self, to: Option<Frontier>) -> Result<(u64, CutBack), FoldError> {
        let mut keeper = self.keeper();
        let writer = self.writer(&mut keeper)?;
        let (earliest, next_seq) = (writer.earliest(), writer.next_seq());
        let from_seq = to.map_or(0, |frontier| frontier.seq.saturating_add(1));
        if from_seq >= next_seq {
            return Ok((next_seq, CutBack::default()));
        }
        let agrees_at = |frontier: Frontier| -> Result<bool, SurfaceError> {
            let mut cursor = writer.view().cursor(from_seq)?;
            Ok(cursor.head().is_some_and(|head| head.hash == frontier.head))
        };
        let kept = match to.filter(|_| from_seq >= earliest) {
            Some(frontier) => agrees_at(frontier).map_err(self.shelf.failed())?,
            None => false,
        };
        let from_seq = if kept { Some(from_seq) } else { (earliest == 0).then_some(0) };
        let cut = match from_seq {
            Some(from_seq) => {
                let cut = writer.cut_back(from_seq);
                if cut.is_err() {
                    keeper.writer = None;
                }
                let cut = cut.map_err(self.shelf.failed())?;
                if let Some(writer) = keeper.writer.take() {
                    self.put(&mut keeper, writer)?;
                }
                cut
            }
            // Where it starts is wrong already: nothing of it can be kept.
            None => {
                let genesis = writer.genesis().clone();
                let records = next_seq.saturating_sub(earliest);
                keeper.writer = None;
                let kept_as = vec![self.shelf.put_aside(&self.shelf.dir())?];
                self.go_back(&mut keeper, genesis)?;
                CutBack { records, kept_as }
            }
        };
        drop(keeper);
        Ok((self.next_seq(), cut))
    }

    /// The copy is what it was before it was started anew behind a gap; an empty one, where it never
    /// was.
    fn go_back(&self, keeper: &mut Keeper, genesis: Genesis) -> Result<(), FoldError> {
        keeper.older.clear();
        let writer = match self.shelf.recover()?.is_there {
            true => self.shelf.open()?.0,
            false => self.shelf.create(genesis)?,
        };
        keeper.older = self.shelf.older()?;
        self.put(keeper, writer)
    }

    pub(super) fn restart_at(&self, start: StartAt<'_>) -> Result<(), FoldError> {
        let mut keeper = self.keeper();
        let writer = self.writer(&mut keeper)?;
        let (next_seq, first_seq) = (writer.next_seq(), start.first_seq);
        if first_seq < next_seq {
            let member = self.shelf.name().to_owned();
            return Err(FoldError::StartsBehind { member, first_seq, next_seq });
        }
        let (genesis, present) = (writer.genesis().clone(), writer.view());
        // What is kept of it must outlive the next crash.
        writer.sync().map_err(self.shelf.failed())?;
        keeper.writer = None;
        self.shelf.start_anew(genesis, start, &present)?;
        keeper.older = self.shelf.older()?;
        let (writer, _) = self.shelf.open()?;
        self.put(&mut keeper, writer)
    }

    pub(super) fn retain(&self, before_seq: u64) -> Result<u64, FoldError> {
        let mut keeper = self.keeper();
        let retained = self.writer(&mut keeper)?.retain_from(before_seq);
        if retained.as_ref().is_err_and(SurfaceError::is_io) {
            keeper.writer = None;
        }
        let mut earliest = retained.map_err(self.shelf.failed())?.earliest;
        let older = std::mem::take(&mut keeper.older).into_iter();
        let (gone, older): (Vec<_>, _) = older.partition(|view| view.next_seq() <= before_seq);
        keeper.older = older;
        for view in &gone {
            self.shelf.remove(view.dir())?;
        }
        if let Some(oldest) = keeper.older.first() {
            earliest = earliest.min(oldest.earliest());
        }
        if let Some(writer) = &keeper.writer {
            self.show(&keeper.older, writer);
        }
        Ok(earliest)
    }

    /// The writer; opened again where the last write failed.
    fn writer<'k>(&self, keeper: &'k mut Keeper) -> Result<&'k mut SurfaceWriter, FoldError> {
        if keeper.writer.is_none() {
            self.shelf.recover()?;
            let (writer, _) = self.shelf.open()?;
            keeper.older = self.shelf.older()?;
            self.put(keeper, writer)?;
        }
        // It was just put there.
        keeper.writer.as_mut().ok_or(FoldError::Poisoned)
    }

    /// Takes up a writer of another history than before, or of files that were opened again.
    fn put(&self, keeper: &mut Keeper, mut writer: SurfaceWriter) -> Result<(), FoldError> {
        writer.sync().map_err(self.shelf.failed())?;
        let mut index = self.index();
        let generation = index.generation.saturating_add(1);
        index.reset(&writer, generation);
        {
            let mut shown = self.shown();
            shown.views.generation = generation;
            shown.next_seq = writer.next_seq();
        }
        drop(index);
        self.show(&keeper.older, &writer);
        keeper.writer = Some(writer);
        Ok(())
    }

    /// Shows what is durable of it.
    fn show(&self, older: &[Surface], writer: &SurfaceWriter) {
        let views = older.iter().cloned().chain([writer.view()]).collect();
        let mut shown = self.shown();
        shown.views.views = views;
        shown.views.end_seq = writer.mark().map_or(0, |mark| mark.seq.saturating_add(1));
        shown.durable = writer.mark();
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
