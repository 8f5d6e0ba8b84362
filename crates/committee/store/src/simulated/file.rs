use std::collections::BTreeMap;
use std::io;

use super::Random;

const SECTOR_BYTES: usize = 512;

/// The most that a simulated file can hold, in bytes.
const MAX_FILE_BYTES: usize = 1 << 30;

/// A file's content, and what of it is not on disk yet.
#[derive(Debug, Default)]
pub(super) struct File {
    /// As a reader sees it.
    pub(super) bytes: Vec<u8>,
    durable_length: usize,
    /// What the disk has of the sectors that changed since the last sync.
    before: BTreeMap<usize, Vec<u8>>,
}

impl File {
    pub(super) const fn durable(bytes: Vec<u8>) -> Self {
        Self { durable_length: bytes.len(), bytes, before: BTreeMap::new() }
    }

    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.bytes.get(offset..).unwrap_or_default();
        let length = there.len().min(buffer.len());
        buffer.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        length
    }

    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = offset.saturating_add(bytes.len());
        if end > MAX_FILE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let from = offset.min(self.bytes.len());
        self.keep(from, end);
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        if let Some(there) = self.bytes.get_mut(offset..end) {
            there.copy_from_slice(bytes);
        }
        Ok(())
    }

    pub(super) fn set_size(&mut self, size_bytes: u64) -> io::Result<()> {
        let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
        if size > MAX_FILE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.keep(size.min(self.bytes.len()), size.max(self.bytes.len()));
        self.bytes.resize(size, 0);
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        self.durable_length = self.bytes.len();
        self.before.clear();
    }

    /// Remembers the sectors in this range as the disk has them.
    fn keep(&mut self, from: usize, end: usize) {
        let sectors = from / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
        for sector in sectors {
            let start = sector.saturating_mul(SECTOR_BYTES);
            let there = self.bytes.get(start..).unwrap_or_default();
            let there = there.get(..SECTOR_BYTES).unwrap_or(there);
            self.before.entry(sector).or_insert_with(|| there.to_vec());
        }
    }

    /// What the disk has once the power is gone: of each changed sector the old bytes, the new ones,
    /// or some of both, and of what the file grew by all or a part.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let (old, new) = (self.durable_length, self.bytes.len());
        let length = match random.below(3) {
            0 => old,
            1 => new,
            // A file that grows may stop anywhere; one that is cut is cut in one step.
            _ => old.saturating_add(random.below_length(new.saturating_sub(old))),
        };
        self.bytes.resize(length.max(new), 0);
        for (sector, before) in std::mem::take(&mut self.before) {
            let start = sector.saturating_mul(SECTOR_BYTES);
            let from = match random.below(8) {
                0..=2 => SECTOR_BYTES,
                3..=6 => 0,
                _ => random.below_length(SECTOR_BYTES),
            };
            let sector = self.bytes.iter_mut().enumerate().skip(start).take(SECTOR_BYTES);
            for (place, (at, byte)) in sector.enumerate() {
                // What was cut off is there as it was, if the cut is lost.
                if place >= from || at >= new {
                    *byte = before.get(place).copied().unwrap_or(0);
                }
            }
        }
        self.bytes.truncate(length);
        self.sync();
    }
}
