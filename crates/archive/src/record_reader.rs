use holobiont_surface::{Damage, Genesis, NewRecord, RECORD_HEADER_BYTES, Record, RecordHeader};

use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_RECORDS};

/// Reads stored records from bytes that come in pieces, and takes none that may not follow.
///
/// Pure, for any bytes. It holds what was pushed and not yet taken, so whoever pushes takes in
/// between.
///
/// ```
/// use holobiont_archive::RecordReader;
/// use holobiont_identity::UniqueId;
/// use holobiont_surface::{Genesis, NewRecord};
///
/// let genesis = Genesis::new(UniqueId::from_name("prices"));
/// let record = NewRecord { clock: 7, closes_clock: true, time_ms: 0, kind: 1, payload: b"1.07" };
/// let mut stored = Vec::new();
/// record.encode_into(41, &mut stored)?;
///
/// let mut reader = RecordReader::new(&genesis, 41);
/// reader.push(&stored[..20]);
/// assert!(reader.take()?.is_none());
/// reader.push(&stored[20..]);
/// let batch = reader.take()?.expect("a whole record");
/// assert_eq!(batch.records(), [record]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RecordReader {
    rules: Rules,
    waiting: Vec<u8>,
}

/// What the next record must be.
#[derive(Debug, Clone)]
struct Rules {
    limit_bytes: u64,
    every_record_closes: bool,
    next_seq: u64,
    /// Clock event of the last record taken and whether that closed it.
    previous: Option<(u64, bool)>,
}

/// A record that is none, or may not follow the one before. The source is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source's record {seq} is refused: {what}; report it to the source's operator")]
pub struct BadRecord {
    /// The sequence number that was due.
    pub seq: u64,
    /// What is wrong.
    pub what: Damage,
}

/// Whole records that follow each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    stored: Vec<u8>,
    count: usize,
}

impl RecordReader {
    /// A reader for a surface of this genesis, whose first record is `next_seq`.
    pub const fn new(genesis: &Genesis, next_seq: u64) -> Self {
        let rules = Rules {
            limit_bytes: genesis.max_window_bytes as u64,
            every_record_closes: genesis.every_record_closes,
            next_seq,
            previous: None,
        };
        Self { rules, waiting: Vec::new() }
    }

    /// Takes in what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Bytes that were pushed and not taken.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.len()
    }

    /// The sequence number of the record that comes next.
    pub const fn next_seq(&self) -> u64 {
        self.rules.next_seq
    }

    /// The whole records that have come, at most [`MAX_BATCH_RECORDS`] and about
    /// [`MAX_BATCH_BYTES`]; none while there is no whole one. Good records before a bad one are
    /// given first.
    ///
    /// # Errors
    ///
    /// [`BadRecord`], as soon as its header shows it.
    pub fn take(&mut self) -> Result<Option<Batch>, BadRecord> {
        let (mut at, mut count) = (0_usize, 0_usize);
        while count < MAX_BATCH_RECORDS && at < MAX_BATCH_BYTES {
            let rest = self.waiting.get(at..).unwrap_or_default();
            match self.rules.admit(rest) {
                Ok(Some(length)) => {
                    at = at.saturating_add(length);
                    count = count.saturating_add(1);
                }
                Ok(None) => break,
                Err(bad) if count == 0 => return Err(bad),
                Err(_) => break,
            }
        }
        if count == 0 {
            return Ok(None);
        }
        let left = self.waiting.split_off(at.min(self.waiting.len()));
        let stored = std::mem::replace(&mut self.waiting, left);
        Ok(Some(Batch { stored, count }))
    }
}

impl Rules {
    /// The length of the whole record that `bytes` begin with; none where more must come.
    fn admit(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadRecord> {
        let seq = self.next_seq;
        let bad = |what| BadRecord { seq, what };
        let Some(header) = bytes.first_chunk::<RECORD_HEADER_BYTES>().map(RecordHeader::decode)
        else {
            return Ok(None);
        };
        self.check(&header).map_err(bad)?;
        let length = usize::try_from(header.stored_size_bytes()).unwrap_or(usize::MAX);
        let Some(stored) = bytes.get(..length) else {
            return Ok(None);
        };
        let record = Record::decode(stored).map_err(bad)?;
        if !record.crc_holds() {
            return Err(bad(Damage::RecordCrc { seq }));
        }
        self.next_seq = seq.checked_add(1).ok_or_else(|| bad(Damage::SequenceEnd))?;
        self.previous = Some((header.clock, header.closes_clock()));
        Ok(Some(length))
    }

    fn check(&self, header: &RecordHeader) -> Result<(), Damage> {
        let (size_bytes, limit_bytes) = (header.stored_size_bytes(), self.limit_bytes);
        if header.seq != self.next_seq {
            return Err(Damage::SequenceBroken { expected: self.next_seq, got: header.seq });
        }
        if size_bytes > limit_bytes {
            return Err(Damage::PayloadTooLong { size_bytes, limit_bytes });
        }
        match self.previous {
            Some((previous, _)) if header.clock < previous => {
                return Err(Damage::ClockWentBack { previous, got: header.clock });
            }
            Some((clock, true)) if header.clock == clock => {
                return Err(Damage::ClockReopened { clock });
            }
            _ => {}
        }
        if self.every_record_closes && !header.closes_clock() {
            return Err(Damage::ClockNotClosed { clock: header.clock });
        }
        Ok(())
    }
}

impl Batch {
    /// The records, borrowed.
    pub fn records(&self) -> Vec<NewRecord<'_>> {
        let mut records = Vec::with_capacity(self.count);
        let mut rest = self.stored.as_slice();
        while let Ok(record) = Record::decode(rest) {
            records.push(NewRecord {
                clock: record.clock(),
                closes_clock: record.closes_clock(),
                time_ms: record.time_ms(),
                kind: record.kind(),
                payload: record.payload(),
            });
            rest = rest.get(record.stored().len()..).unwrap_or_default();
        }
        records
    }

    /// The records as stored, one after the other.
    pub fn stored(&self) -> &[u8] {
        &self.stored
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }
}
