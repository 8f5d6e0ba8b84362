use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::TEMPORARY;
use crate::format::{Envelope, Fields};
use crate::{Defect, Disk, StoreError};

/// The most bytes that a snapshot's file can have.
pub const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// So many bytes are written and read at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Snapshots that are kept.
const KEPT: usize = 2;

const ENVELOPE: Envelope = Envelope { magic: *b"HBNS", version: 1 };
/// Magic, version, term, index and the lengths of the four parts.
const HEADER_BYTES: usize = 56;
const HASH_BYTES: usize = 32;
const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".hbns";

/// A node's state at a cut, and where its log goes on.
///
/// ```
/// use holobiont_committee_store::NodeSnapshot;
///
/// let snapshot = NodeSnapshot {
///     last_log: (3, 700),
///     membership: vec![1],
///     machine: vec![2; 9],
///     replay: Vec::new(),
///     certificate: vec![4],
/// };
/// assert_eq!(NodeSnapshot::decode(&snapshot.encode()), Ok(snapshot));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSnapshot {
    /// Term and index of the last entry that is in it.
    pub last_log: (u64, u64),
    /// The engine's membership at that entry, in postcard.
    pub membership: Vec<u8>,
    /// The replicated machine's state.
    pub machine: Vec<u8>,
    /// The fold's state.
    pub replay: Vec<u8>,
    /// The certificate over the cut; empty where there is none yet.
    pub certificate: Vec<u8>,
}

impl NodeSnapshot {
    /// How many bytes its file has.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let parts = self.parts().into_iter().map(|part| part.len() as u64);
        parts.fold((HEADER_BYTES + HASH_BYTES) as u64, u64::saturating_add)
    }

    /// The bytes of its file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.header();
        self.parts().into_iter().for_each(|part| bytes.extend_from_slice(part));
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes; a wrong hash before anything that it covers but the version.
    pub fn decode(bytes: &[u8]) -> Result<Self, Defect> {
        let mut rest = ENVELOPE.open(bytes)?;
        let mut fields = Fields(rest.split_off(..HEADER_BYTES - 8).ok_or(Defect::Short)?);
        let last_log = (fields.u64(), fields.u64());
        let mut part = || {
            let length = usize::try_from(fields.u64()).unwrap_or(usize::MAX);
            rest.split_off(..length).map(<[u8]>::to_vec).ok_or(Defect::Short)
        };
        let (membership, machine) = (part()?, part()?);
        let snapshot =
            Self { last_log, membership, machine, replay: part()?, certificate: part()? };
        rest.is_empty().then_some(snapshot).ok_or(Defect::LeftOver)
    }

    const fn parts(&self) -> [&[u8]; 4] {
        let Self { membership, machine, replay, certificate, .. } = self;
        [membership.as_slice(), machine.as_slice(), replay.as_slice(), certificate.as_slice()]
    }

    fn header(&self) -> Vec<u8> {
        let lengths = self.parts().map(|part| part.len() as u64);
        let numbers = [self.last_log.0, self.last_log.1].into_iter().chain(lengths);
        let mut header = ENVELOPE.prefix().to_vec();
        numbers.for_each(|number| header.extend_from_slice(&number.to_le_bytes()));
        header
    }
}

/// A node's snapshots: the newest two, each in a file of its own.
#[derive(Debug)]
pub struct SnapshotFiles<D> {
    disk: Arc<D>,
    /// One save at a time.
    saving: Mutex<()>,
}

impl<D: Disk> SnapshotFiles<D> {
    /// Removes what an interrupted save left behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn open(disk: Arc<D>) -> Result<Self, StoreError> {
        let names = disk.list().map_err(StoreError::io(".", "listing"))?;
        let half =
            |name: &&String| name.strip_suffix(TEMPORARY).is_some_and(|it| index_of(it).is_some());
        for name in names.iter().filter(half) {
            disk.remove(name).map_err(StoreError::io(name, "removing"))?;
        }
        disk.sync_dir().map_err(StoreError::io(".", "syncing"))?;
        Ok(Self { disk, saving: Mutex::new(()) })
    }

    /// The newest snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damage`]: another snapshot is not taken in its place, since the log may be
    /// pruned behind this one; [`StoreError::UnknownVersion`], [`StoreError::Io`].
    pub fn newest(&self) -> Result<Option<NodeSnapshot>, StoreError> {
        let Some((index, name)) = self.names()?.pop() else {
            return Ok(None);
        };
        let bytes = self.disk.read_all(&name, MAX_SNAPSHOT_BYTES);
        let bytes = bytes.map_err(StoreError::io(&name, "reading"))?.unwrap_or_default();
        let damaged = |what| StoreError::damage(&name, 0, what);
        let snapshot = NodeSnapshot::decode(&bytes).map_err(damaged)?;
        if snapshot.last_log.1 != index {
            return Err(damaged(Defect::Sequence { wanted: index, got: snapshot.last_log.1 }));
        }
        Ok(Some(snapshot))
    }

    /// Writes a snapshot in one durable step, and removes all but the newest two.
    ///
    /// # Errors
    ///
    /// [`StoreError::SnapshotTooLarge`], [`StoreError::Io`]; what was there is still there then.
    pub fn save(&self, snapshot: &NodeSnapshot) -> Result<(), StoreError> {
        let size_bytes = snapshot.size_bytes();
        if size_bytes > MAX_SNAPSHOT_BYTES {
            let limit_bytes = MAX_SNAPSHOT_BYTES;
            return Err(StoreError::SnapshotTooLarge { size_bytes, limit_bytes });
        }
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{PREFIX}{:020}{SUFFIX}", snapshot.last_log.1);
        let temporary = format!("{name}{TEMPORARY}");
        self.write(&temporary, snapshot).map_err(StoreError::io(&temporary, "writing"))?;
        self.disk.rename(&temporary, &name).map_err(StoreError::io(&temporary, "renaming"))?;
        self.disk.sync_dir().map_err(StoreError::io(".", "syncing"))?;

        let mut names = self.names()?;
        names.truncate(names.len().saturating_sub(KEPT));
        for (_, name) in names {
            self.disk.remove(&name).map_err(StoreError::io(&name, "removing"))?;
        }
        Ok(())
    }

    /// In pieces, so that a large one needs no second copy in memory.
    fn write(&self, name: &str, snapshot: &NodeSnapshot) -> std::io::Result<()> {
        self.disk.remove(name)?;
        let header = snapshot.header();
        let (mut hasher, mut offset) = (blake3::Hasher::new(), 0_u64);
        let parts = [header.as_slice()].into_iter().chain(snapshot.parts());
        for piece in parts.flat_map(|part| part.chunks(PIECE_BYTES)) {
            self.disk.write_at(name, offset, piece)?;
            hasher.update(piece);
            offset = offset.saturating_add(piece.len() as u64);
        }
        self.disk.write_at(name, offset, hasher.finalize().as_bytes())?;
        self.disk.sync(name)
    }

    /// All snapshots, the newest last.
    fn names(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let names = self.disk.list().map_err(StoreError::io(".", "listing"))?;
        let mut found: Vec<_> =
            names.into_iter().filter_map(|name| Some((index_of(&name)?, name))).collect();
        found.sort();
        Ok(found)
    }
}

fn index_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == 20 && digits.bytes().all(|it| it.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}
