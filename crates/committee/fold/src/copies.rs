mod aside;
mod copy;
mod index;
mod recent;
mod runs;
mod shelf;
mod views;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use holobiont_identity::Organism;
use holobiont_policy::{Frontier, OfferedHead, Opinion};
use holobiont_replay::Advance;
use holobiont_surface::{
    CutBack, DEFAULT_SEGMENT_BYTES, Genesis, Head, NewRecord, Recovery, StartAt, Surface,
};

use crate::{FoldError, Since};
use copy::Copy;
use index::Look;
pub(crate) use index::having;

pub use aside::{Aside, aside_of_output};
pub use runs::MAX_RUNS;
pub use views::Views;

/// The default of [`CopyOptions::recent_bytes`]: 4 MiB.
pub const DEFAULT_RECENT_BYTES: usize = 4 << 20;

/// Hears that a member's copy has become durable further than before.
pub type OnSync = Box<dyn Fn(u16) + Send + Sync>;

/// How copies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// A segment is sealed at about this size, in bytes. *Default*: 64 MiB.
    pub segment_bytes: u64,
    /// How much of the newest records of each member is kept in memory to vote on, in bytes. Records
    /// further back are read from the copy. *Default*: [`DEFAULT_RECENT_BYTES`].
    pub recent_bytes: usize,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { segment_bytes: DEFAULT_SEGMENT_BYTES, recent_bytes: DEFAULT_RECENT_BYTES }
    }
}

/// What opening a copy that was interrupted found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRecovery {
    /// The member's place in the config.
    pub member: u16,
    /// Of the copy's files.
    pub recovery: Recovery,
    /// Whether a start anew behind a gap was completed.
    pub finished_restart: bool,
}

/// This node's own copies of the members' surfaces, by the members' places in the config.
///
/// Everything about a member is behind locks of that member, so that a slow disk of one stops no
/// other; and what is asked to vote or to be shown in a status waits for no write. Only what is durable
/// is offered, voted for and shown to readers.
///
/// ```
/// use std::sync::Arc;
///
/// use holobiont_committee_fold::{Copies, CopyOptions};
/// use holobiont_identity::Organism;
/// use holobiont_policy::Opinion;
/// use holobiont_surface::NewRecord;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let organism = Arc::new(Organism::parse(r#"
///     version = 1
///     name = "demo"
///     program = { name = "cross-feed", version = 1 }
///     policy = { max_advance = 10 }
///     member = [{ name = "feed", stable_id = "acme.feed", surface = "rates" }]
/// "#)?);
/// let dir = tempfile::tempdir()?;
/// let (copies, _) = Copies::open(&organism, dir.path(), CopyOptions::default())?;
/// let record = NewRecord { clock: 1, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// copies.append(0, &[record])?;
/// assert_eq!(copies.offer(0, None), None, "it is not durable yet");
/// copies.sync(0)?;
/// let head = copies.offer(0, None).ok_or("nothing to offer")?;
/// assert_eq!(copies.opinion(&head, None), Some(Opinion::Have));
/// # Ok(())
/// # }
/// ```
pub struct Copies {
    copies: Vec<Copy>,
    /// Of each the first record that the fold has not taken.
    taken_to: Vec<AtomicU64>,
    syncs: AtomicU64,
    on_sync: RwLock<Vec<Arc<OnSync>>>,
}

impl std::fmt::Debug for Copies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copies").field("copies", &self.copies).finish_non_exhaustive()
    }
}

impl Copies {
    /// Opens the copies in the folders of `dir`, which are named after the members; recovers those
    /// that were interrupted, and creates those that are missing, with the genesis that is usual
    /// ([`found`](Self::found) gives them the source's).
    ///
    /// # Errors
    ///
    /// [`FoldError::Copy`] for a damaged one, [`FoldError::OtherSurface`], [`FoldError::Io`].
    pub fn open(
        organism: &Arc<Organism>,
        dir: &Path,
        options: CopyOptions,
    ) -> Result<(Self, Vec<CopyRecovery>), FoldError> {
        let mut copies = Vec::with_capacity(organism.members.len());
        let mut recoveries = Vec::new();
        for (place, member) in (0_u16..).zip(&organism.members) {
            let advance = Advance::new(organism, member);
            let (copy, recovery) = Copy::open(place, member, advance, dir, options)?;
            copies.push(copy);
            recoveries.extend(recovery);
        }
        let taken_to = copies.iter().map(|copy| AtomicU64::new(copy.next_seq())).collect();
        let (syncs, on_sync) = (AtomicU64::new(0), RwLock::default());
        Ok((Self { copies, taken_to, syncs, on_sync }, recoveries))
    }

    /// How many copies there are: the config's members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether there are none; a parsed config always has members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// Learns the genesis of a member's surface from its source, before the first record: an empty copy
    /// takes it up.
    ///
    /// # Errors
    ///
    /// [`FoldError::OtherGenesis`] where the copy has records under another one;
    /// [`FoldError::OtherSurface`], [`FoldError::Copy`], [`FoldError::Io`], [`FoldError::NoMember`].
    pub fn found(&self, place: u16, genesis: &Genesis) -> Result<(), FoldError> {
        self.copy(place)?.found(genesis)
    }

    /// The genesis that a member's copy has now.
    ///
    /// # Errors
    ///
    /// [`FoldError::NoMember`], [`FoldError::Copy`] where it cannot be opened.
    pub fn genesis(&self, place: u16) -> Result<Genesis, FoldError> {
        self.copy(place)?.genesis()
    }

    /// Appends records that the member's source, or a peer, has given, wherever the copy ends now. For
    /// a copy that nobody else feeds or cuts back meanwhile; else [`append_at`](Self::append_at).
    ///
    /// # Errors
    ///
    /// As [`append_at`](Self::append_at).
    pub fn append(&self, place: u16, records: &[NewRecord<'_>]) -> Result<u64, FoldError> {
        self.copy(place)?.append(None, records)
    }

    /// Appends records of which the first has this sequence number. They were written, and are durable
    /// after [`sync`](Self::sync). Gives the sequence number that comes next; where a record cannot
    /// follow, those before it were appended.
    ///
    /// # Errors
    ///
    /// [`FoldError::OtherPlace`] where another record comes next: the copy was cut back, or recovered
    /// after a failed write, or fed by somebody else. [`FoldError::Copy`] for a record that cannot
    /// follow and where the system refuses, [`FoldError::NoMember`].
    pub fn append_at(
        &self,
        place: u16,
        first_seq: u64,
        records: &[NewRecord<'_>],
    ) -> Result<u64, FoldError> {
        self.copy(place)?.append(Some(first_seq), records)
    }

    /// The same of records in their stored form, one after the other as a surface has them.
    ///
    /// # Errors
    ///
    /// As [`append_at`](Self::append_at).
    pub fn append_stored(&self, place: u16, stored: &[u8]) -> Result<u64, FoldError> {
        self.copy(place)?.append_stored(stored)
    }

    /// Makes a member's copy durable, and shows it so: the durable head is returned.
    ///
    /// # Errors
    ///
    /// [`FoldError::Copy`] where the system refuses, [`FoldError::NoMember`].
    pub fn sync(&self, place: u16) -> Result<Option<Head>, FoldError> {
        let head = self.copy(place)?.sync()?;
        self.syncs.fetch_add(1, Ordering::Release);
        let hooks: Vec<_> = self.on_sync.read().unwrap_or_else(PoisonError::into_inner).clone();
        for hook in hooks {
            hook(place);
        }
        Ok(head)
    }

    /// Has this called after every [`sync`](Self::sync), in the thread that synced: it should only wake
    /// others.
    pub fn on_sync(&self, hook: OnSync) {
        self.on_sync.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(hook));
    }

    /// Another number means that some copy has been synced since.
    #[must_use]
    pub fn grown(&self) -> u64 {
        self.syncs.load(Ordering::Acquire)
    }

    /// The sequence number that a member's next record gets; 0 for a member that there is not.
    #[must_use]
    pub fn next_seq(&self, place: u16) -> u64 {
        self.copy(place).map_or(0, Copy::next_seq)
    }

    /// The durable head of a member's copy.
    #[must_use]
    pub fn durable(&self, place: u16) -> Option<Head> {
        self.copy(place).ok()?.durable()
    }

    /// The newest view of a member's copy: its durable records.
    ///
    /// # Errors
    ///
    /// [`FoldError::NoMember`].
    pub fn view(&self, place: u16) -> Result<Surface, FoldError> {
        let newest = self.views(place)?.views.pop();
        newest.ok_or(FoldError::NoMember { place })
    }

    /// All views of a member's copy.
    ///
    /// # Errors
    ///
    /// [`FoldError::NoMember`].
    pub fn views(&self, place: u16) -> Result<Views, FoldError> {
        Ok(self.copy(place)?.views())
    }

    /// What this node can offer of a member whose frontier is this: all that is durable; nothing where
    /// that is not past the frontier. `since` is the member's state, or its frontier alone where it had
    /// no gap.
    #[must_use]
    pub fn offer(&self, place: u16, since: impl Into<Since>) -> Option<OfferedHead> {
        let copy = self.copy(place).ok()?;
        copy.own(&since.into(), copy.durable()?.seq, Look::Disk)
    }

    /// What this node's own copy says of a head that was offered: whether it agrees in sequence number,
    /// head, closed clock and advance. None while it does not hold the records durably.
    #[must_use]
    pub fn opinion(&self, head: &OfferedHead, since: impl Into<Since>) -> Option<Opinion> {
        let copy = self.copy(head.member).ok()?;
        copy.durable().filter(|durable| durable.seq >= head.seq)?;
        let own = copy.own(&since.into(), head.seq, Look::Disk)?;
        Some(if own == *head { Opinion::Have } else { Opinion::Mismatch { head: own.head } })
    }

    /// What this node's own copy has at a record, where memory tells.
    pub(crate) fn remembered(&self, member: u16, since: &Since, seq: u64) -> Option<OfferedHead> {
        self.copy(member).ok()?.own(since, seq, Look::Memory)
    }

    /// Why nothing could be said of a member's copy the last time that something was asked of it; none
    /// where it could.
    #[must_use]
    pub fn failure(&self, place: u16) -> Option<String> {
        self.copy(place).ok()?.failure()
    }

    /// Gives up what a copy has after the frontier, or all of it where there is none: it has another
    /// history than a majority. Where it does not even agree at the frontier, all of it goes: of a copy
    /// that was started anew, all since then, and it is what it was before. What is given up is put
    /// aside. Gives the sequence number that comes next.
    ///
    /// # Errors
    ///
    /// [`FoldError::Copy`], [`FoldError::Io`], [`FoldError::NoMember`].
    pub fn cut_back(&self, place: u16, to: Option<Frontier>) -> Result<(u64, CutBack), FoldError> {
        self.copy(place)?.cut_back(to)
    }

    /// Starts a copy anew past its end: a majority has agreed that what lies between is gone. What it
    /// has is kept for the fold, until [`retain`](Self::retain) drops it.
    ///
    /// # Errors
    ///
    /// [`FoldError::StartsBehind`], [`FoldError::Copy`], [`FoldError::Io`], [`FoldError::NoMember`].
    pub fn restart_at(&self, place: u16, start: StartAt<'_>) -> Result<(), FoldError> {
        self.copy(place)?.restart_at(start)
    }

    /// Drops whole segments below a record of a member. The caller knows what the fold, certified
    /// snapshots and peers still need. Gives the first record kept.
    ///
    /// # Errors
    ///
    /// [`FoldError::Copy`], [`FoldError::Io`], [`FoldError::NoMember`].
    pub fn retain(&self, place: u16, before_seq: u64) -> Result<u64, FoldError> {
        self.copy(place)?.retain(before_seq)
    }

    /// The first record of a member that the fold has not taken: where the copy ended when it was opened,
    /// until the fold is.
    #[must_use]
    pub fn taken_to(&self, place: u16) -> u64 {
        self.taken_to.get(usize::from(place)).map_or(0, |it| it.load(Ordering::Relaxed))
    }

    /// About how many bytes of a member's durable records the fold has not taken yet.
    #[must_use]
    pub fn ahead_bytes(&self, place: u16) -> u64 {
        self.views(place).map_or(0, |views| views.bytes_from(self.taken_to(place)))
    }

    /// What was put aside of a member because it had another history: the oldest first.
    ///
    /// # Errors
    ///
    /// [`FoldError::Io`], [`FoldError::NoMember`].
    pub fn aside(&self, place: u16) -> Result<Vec<Aside>, FoldError> {
        self.copy(place)?.aside()
    }

    /// The fold has taken the records of a member before this one.
    pub(crate) fn taken(&self, place: u16, next_seq: u64) {
        if let Some(taken_to) = self.taken_to.get(usize::from(place)) {
            taken_to.store(next_seq, Ordering::Relaxed);
        }
    }

    fn copy(&self, place: u16) -> Result<&Copy, FoldError> {
        self.copies.get(usize::from(place)).ok_or(FoldError::NoMember { place })
    }
}
