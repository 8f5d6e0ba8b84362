use holobiont_identity::Digest;

use crate::format::WindowEntry;
use crate::head::{Head, chain};
use crate::record::as_u64;
use crate::walk::PreviousClock;
use crate::{RecordHeader, StartAt};

/// How many bytes are hashed at once: enough for the hash to use its widest instructions.
const HASHED_TOGETHER_BYTES: usize = 16 << 10;

/// The window that the next record may still join: its bytes, and the running hash of most of them.
#[derive(Debug, Clone)]
pub(crate) struct OpenWindow {
    first_seq: u64,
    chain_before: Digest,
    previous_clock: PreviousClock,
    bytes: Vec<u8>,
    records: u32,
    clocks: Option<(u64, u64)>,
    /// Over the first `hashed` bytes.
    hasher: blake3::Hasher,
    hashed: usize,
}

impl OpenWindow {
    pub(crate) fn new(first_seq: u64, chain_before: Digest, previous_clock: PreviousClock) -> Self {
        Self {
            first_seq,
            chain_before,
            previous_clock,
            bytes: Vec::new(),
            records: 0,
            clocks: None,
            hasher: blake3::Hasher::new(),
            hashed: 0,
        }
    }

    pub(crate) const fn first_seq(&self) -> u64 {
        self.first_seq
    }

    pub(crate) const fn chain_before(&self) -> Digest {
        self.chain_before
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn length_bytes(&self) -> u64 {
        as_u64(self.bytes.len())
    }

    /// Takes the next record, in its stored form.
    pub(crate) fn push(&mut self, header: &RecordHeader, stored: &[u8]) {
        self.bytes.extend_from_slice(stored);
        let waiting = self.bytes.get(self.hashed..).unwrap_or_default();
        if waiting.len() >= HASHED_TOGETHER_BYTES {
            self.hasher.update(waiting);
            self.hashed = self.bytes.len();
        }
        self.records = self.records.saturating_add(1);
        let first = self.clocks.map_or(header.clock, |(first, _)| first);
        self.clocks = Some((first, header.clock));
    }

    /// The head at its last record, or at the one before it where it has none.
    pub(crate) fn head(&self) -> Option<Head> {
        let end = self.first_seq.saturating_add(u64::from(self.records));
        let seq = end.checked_sub(1)?;
        let hash = match self.is_empty() {
            true => self.chain_before,
            false => chain(self.chain_before, self.digest()),
        };
        Some(Head { seq, hash })
    }

    /// What an index says of it, where it lies at `offset`; none while it is empty.
    pub(crate) fn entry(&self, offset: u64) -> Option<WindowEntry> {
        let (first_clock, last_clock) = self.clocks?;
        Some(WindowEntry {
            offset,
            length_bytes: u32::try_from(self.bytes.len()).ok()?,
            records: self.records,
            first_seq: self.first_seq,
            first_clock,
            last_clock,
            digest: self.digest(),
        })
    }

    fn digest(&self) -> Digest {
        if self.hashed == 0 {
            return Digest::of(&self.bytes);
        }
        let mut hasher = self.hasher.clone();
        hasher.update(self.bytes.get(self.hashed..).unwrap_or_default());
        hasher.finalize().into()
    }

    /// Ends the window and begins the next, in the same memory.
    pub(crate) fn turn(&mut self, ended: &WindowEntry, previous_clock: PreviousClock) {
        self.first_seq = ended.end_seq();
        self.chain_before = chain(self.chain_before, ended.digest);
        self.previous_clock = previous_clock;
        self.bytes.clear();
        self.records = 0;
        self.clocks = None;
        self.hasher.reset();
        self.hashed = 0;
    }

    pub(crate) fn as_start(&self) -> StartAt<'_> {
        StartAt {
            first_seq: self.first_seq,
            chain_before: self.chain_before,
            window_bytes: &self.bytes,
            previous_clock: self.previous_clock,
        }
    }
}
