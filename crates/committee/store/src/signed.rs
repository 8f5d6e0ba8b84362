use std::collections::BTreeMap;
use std::sync::Arc;

use holobiont_identity::Digest;

use crate::disk::TEMPORARY;
use crate::format::{Envelope, Fields, decode_vote};
use crate::writer::VOTE;
use crate::{Defect, Disk, StoreError};

/// The most cuts that the journal answers for. Older ones are forgotten, and not signed again.
pub const MAX_SIGNED_CUTS: usize = 4096;

const FILE: &str = "signed";
const ENVELOPE: Envelope = Envelope { magic: *b"HBLJ", version: 1 };
/// The header and each record have that many bytes.
const SLOT_BYTES: usize = 64;
const MAX_FILE_BYTES: u64 = 1 << 24;

/// What this node has signed: one statement a cut, on disk before the signature leaves.
///
/// ```
/// use std::sync::Arc;
/// use holobiont_committee_store::{SignedJournal, SimulatedDisk, StoreError};
/// use holobiont_identity::Digest;
///
/// let mut journal = SignedJournal::open(Arc::new(SimulatedDisk::new(1)))?;
/// journal.record(7, &Digest::of("one result"))?;
/// journal.record(7, &Digest::of("one result"))?;
/// let other = journal.record(7, &Digest::of("another"));
/// assert!(matches!(other, Err(StoreError::SignedOther { cut: 7 })));
/// # Ok::<(), StoreError>(())
/// ```
#[derive(Debug)]
pub struct SignedJournal<D> {
    disk: Arc<D>,
    signed: BTreeMap<u64, Digest>,
    /// The first cut that it answers for.
    from: u64,
    /// Records in the file.
    slots: u64,
    cut_off_bytes: u64,
    failed: Option<String>,
}

impl<D: Disk> SignedJournal<D> {
    /// Reads the journal, creating it for a node that has never voted. What a crash left of a record
    /// that was never acknowledged is cut off.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damage`], also when it is missing though the node has voted;
    /// [`StoreError::UnknownVersion`], [`StoreError::Io`].
    pub fn open(disk: Arc<D>) -> Result<Self, StoreError> {
        let half = format!("{FILE}{TEMPORARY}");
        disk.remove(&half).map_err(StoreError::io(&half, "removing"))?;
        let (bytes, vote) = (read(disk.as_ref(), FILE)?, read(disk.as_ref(), VOTE)?);
        let (signed, failed) = (BTreeMap::new(), None);
        let mut journal = Self { disk, signed, from: 0, slots: 0, cut_off_bytes: 0, failed };
        if let Some(bytes) = bytes {
            journal.read(&bytes).map_err(|(at, what)| StoreError::damage(FILE, at, what))?;
            journal.cut_off(&bytes)?;
            return Ok(journal);
        }
        let vote = vote.map_or(Ok(None), |bytes| decode_vote(&bytes));
        if vote.map_err(|what| StoreError::damage(VOTE, 0, what))?.is_some() {
            return Err(StoreError::damage(FILE, 0, Defect::Missing));
        }
        journal.rewrite()?;
        Ok(journal)
    }

    /// Records durably that `statement` is signed for `cut`; the same again is nothing new.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignedOther`], [`StoreError::CutForgotten`], [`StoreError::Io`] and
    /// [`StoreError::Poisoned`] after it.
    pub fn record(&mut self, cut: u64, statement: &Digest) -> Result<(), StoreError> {
        self.record_all(&[(cut, *statement)])
    }

    /// Several at once, with one wait for the disk; none of them where one is refused.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    pub fn record_all(&mut self, statements: &[(u64, Digest)]) -> Result<(), StoreError> {
        if let Some(why) = &self.failed {
            return Err(StoreError::Poisoned { why: why.clone() });
        }
        let mut new = BTreeMap::new();
        for (cut, statement) in statements {
            if *cut < self.from {
                return Err(StoreError::CutForgotten { cut: *cut, from: self.from });
            }
            match self.signed.get(cut).or_else(|| new.get(cut)) {
                Some(signed) if signed != statement => {
                    return Err(StoreError::SignedOther { cut: *cut });
                }
                Some(_) => {}
                None => drop(new.insert(*cut, *statement)),
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let durable = self.slots;
        let slots = (durable..).zip(&new);
        let bytes: Vec<u8> = slots
            .flat_map(|(slot, (cut, statement))| encode(slot, durable, *cut, statement))
            .collect();
        let offset = durable.saturating_add(1).saturating_mul(SLOT_BYTES as u64);
        let written = self.disk.write_at(FILE, offset, &bytes).and_then(|()| self.disk.sync(FILE));
        self.or_failed(written.map_err(StoreError::io(FILE, "writing")))?;
        self.slots = durable.saturating_add(new.len() as u64);
        self.signed.extend(new);
        // Half of them at a time, so that the file is not written anew for every cut.
        match self.signed.len() > MAX_SIGNED_CUTS.saturating_mul(2) {
            true => self.forget_oldest(),
            false => Ok(()),
        }
    }

    /// Forgets all cuts before this one. Nothing is signed for them any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], [`StoreError::Poisoned`].
    pub fn prune(&mut self, before: u64) -> Result<(), StoreError> {
        if let Some(why) = &self.failed {
            return Err(StoreError::Poisoned { why: why.clone() });
        }
        if before <= self.from {
            return Ok(());
        }
        self.from = before;
        self.signed = self.signed.split_off(&before);
        let rewritten = self.rewrite();
        self.or_failed(rewritten)
    }

    /// What was signed for a cut.
    #[must_use]
    pub fn statement(&self, cut: u64) -> Option<Digest> {
        self.signed.get(&cut).copied()
    }

    /// The first cut that it answers for: those before it are not signed any more.
    #[must_use]
    pub const fn first_cut(&self) -> u64 {
        self.from
    }

    /// The last cut that was signed, and is not forgotten.
    #[must_use]
    pub fn last_cut(&self) -> Option<u64> {
        self.signed.last_key_value().map(|(cut, _)| *cut)
    }

    /// How much was cut off when it was opened, in bytes: the remains of a write that was never
    /// acknowledged.
    #[must_use]
    pub const fn cut_off_bytes(&self) -> u64 {
        self.cut_off_bytes
    }

    fn forget_oldest(&mut self) -> Result<(), StoreError> {
        let skip = self.signed.len().saturating_sub(MAX_SIGNED_CUTS);
        let from = self.signed.keys().nth(skip).copied().unwrap_or(self.from);
        self.prune(from)
    }

    fn or_failed<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|error| self.failed = Some(error.to_string()))
    }

    /// All that is remembered, as a new file in place of the old one.
    fn rewrite(&mut self) -> Result<(), StoreError> {
        let count = self.signed.len() as u64;
        let body = [self.from.to_le_bytes(), count.to_le_bytes(), [0; 8]];
        let mut bytes = ENVELOPE.close(body.as_flattened());
        for (slot, (cut, statement)) in (0..).zip(&self.signed) {
            bytes.extend_from_slice(&encode(slot, slot, *cut, statement));
        }
        self.slots = count;
        self.disk.replace(FILE, &bytes).map_err(StoreError::io(FILE, "replacing"))
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), (u64, Defect)> {
        let header = bytes.get(..SLOT_BYTES).unwrap_or(bytes);
        let mut fields = Fields(ENVELOPE.open(header).map_err(|what| (0, what))?);
        // How many records there were when the header was written: all in one durable step.
        let (from, mut durable) = (fields.u64(), fields.u64());
        self.from = from;
        let records = bytes.get(SLOT_BYTES..).unwrap_or_default().chunks(SLOT_BYTES);
        let records: Vec<_> = (0..).zip(records).map(|(slot, it)| decode(slot, it)).collect();
        durable = records.iter().flatten().fold(durable, |known, record| known.max(record.durable));
        for record in records {
            let at = self.slots.saturating_add(1).saturating_mul(SLOT_BYTES as u64);
            match record {
                Some(record) => {
                    let other = self.signed.insert(record.cut, record.statement);
                    if other.is_some() || record.cut < from {
                        return Err((
                            at,
                            Defect::Value("a cut that was signed or forgotten before"),
                        ));
                    }
                }
                None if self.slots < durable => return Err((at, Defect::Checksum)),
                None => break,
            }
            self.slots = self.slots.saturating_add(1);
        }
        match self.slots < durable {
            true => Err((bytes.len() as u64, Defect::Short)),
            false => Ok(()),
        }
    }

    fn cut_off(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let end = self.slots.saturating_add(1).saturating_mul(SLOT_BYTES as u64);
        self.cut_off_bytes = (bytes.len() as u64).saturating_sub(end);
        let cut = match self.cut_off_bytes {
            0 => Ok(()),
            _ => self.disk.set_size(FILE, end),
        };
        // What is seen need not be on disk yet, after the process alone has died.
        let synced = cut.and_then(|()| self.disk.sync(FILE)).and_then(|()| self.disk.sync_dir());
        synced.map_err(StoreError::io(FILE, "recovering"))
    }
}

fn read<D: Disk>(disk: &D, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    disk.read_all(name, MAX_FILE_BYTES).map_err(StoreError::io(name, "reading"))
}

struct Record {
    /// So many records were on disk when it was written.
    durable: u64,
    cut: u64,
    statement: Digest,
}

fn encode(slot: u64, durable: u64, cut: u64, statement: &Digest) -> Vec<u8> {
    let numbers = [slot, durable, cut].map(u64::to_le_bytes);
    let mut record = [numbers.as_flattened(), statement.as_bytes(), &[0; 4]].concat();
    let crc = crc32c::crc32c(&record);
    record.extend_from_slice(&crc.to_le_bytes());
    record
}

/// The record of a slot, if it is whole and that one's.
fn decode(slot: u64, bytes: &[u8]) -> Option<Record> {
    let bytes: &[u8; SLOT_BYTES] = bytes.try_into().ok()?;
    let mut fields = Fields(bytes);
    let (found, durable, cut) = (fields.u64(), fields.u64(), fields.u64());
    let statement = Digest::from_bytes(*fields.0.first_chunk::<32>()?);
    let is_whole = encode(slot, durable, cut, &statement) == bytes;
    (found == slot && durable <= slot && is_whole).then_some(Record { durable, cut, statement })
}
