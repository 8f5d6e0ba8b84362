//! Surfaces of every shape, and a decoder of their files that shares no code with the crate.

use std::fs;
use std::path::Path;

use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::{Ahead, Cursor, Genesis, Head, NewRecord, SurfaceWriter, WriterOptions};
use proptest::prelude::*;
use tempfile::TempDir;

/// A source of numbers that only look random: the same for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A folder in memory where there is one: what a test writes need not wait for a disk.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// How a surface is made.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) window_records: u32,
    pub(crate) max_window_bytes: u32,
    pub(crate) segment_bytes: u64,
    pub(crate) records: u64,
    pub(crate) max_payload: u64,
    /// Retention keeps what comes after so many of a hundred records.
    pub(crate) dropped_percent: u64,
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let windows = (1..40_u32, prop_oneof![200..6000_u32, 5032..=5100_u32, 60_000..600_000_u32]);
    let files = (1..40_u64, 0..260_u64);
    let rest = (any::<u64>(), 0..=5000_u64, prop_oneof![Just(0), 1..100_u64]);
    (windows, files, rest).prop_map(|(windows, (segments, records), rest)| {
        let (seed, max_payload, dropped_percent) = rest;
        let (window_records, max_window_bytes) = windows;
        let max_payload = max_payload.min(u64::from(max_window_bytes) - 40);
        let segment_bytes = records * max_payload / 2 / segments + 1;
        Shape {
            seed,
            window_records,
            max_window_bytes,
            segment_bytes,
            records,
            max_payload,
            dropped_percent,
        }
    })
}

impl Shape {
    pub(crate) fn genesis(&self) -> Genesis {
        let mut genesis = Genesis::new(UniqueId::from_name(&self.seed.to_string()));
        genesis.window_records = self.window_records;
        genesis.max_window_bytes = self.max_window_bytes;
        genesis
    }

    /// Writes the surface, and gives what it must hold.
    pub(crate) fn write(&self, dir: &Path) -> History {
        let options = WriterOptions { segment_bytes: self.segment_bytes };
        let mut writer = SurfaceWriter::create(dir, self.genesis(), options).unwrap();
        let mut numbers = Numbers::new(self.seed);
        let (mut clock, mut closed) = (0, false);
        let mut clocks = Vec::new();
        let mut payloads = Vec::new();
        for seq in 0..self.records {
            clock += if closed { 1 + numbers.below(3) } else { numbers.below(2) };
            closed = numbers.below(3) == 0;
            let start = numbers.next();
            // Every third one small, so that windows end for their count as well as for their bytes.
            let most = if seq % 3 == 0 { self.max_payload.min(9) } else { self.max_payload };
            let length = numbers.below(most + 1);
            let payload: Vec<_> =
                (0..length).map(|byte| start.wrapping_add(byte).to_le_bytes()[0]).collect();
            let (kind, time_ms) = (7, seq * 3);
            let record =
                NewRecord { clock, closes_clock: closed, time_ms, kind, payload: &payload };
            writer.append(record).unwrap();
            clocks.push((clock, closed));
            payloads.push(payload);
        }
        writer.sync().unwrap();
        writer.retain_from(self.records * self.dropped_percent / 100).unwrap();
        let history = History::of(dir, &self.genesis(), |seq| clocks[place(seq)]);
        assert_eq!(history.first_seq, writer.earliest());
        assert_eq!(history.first_seq + len(&history.stored), self.records);
        for (stored, seq) in history.stored.iter().zip(history.first_seq..) {
            let payload = &payloads[place(seq)];
            assert_eq!(&stored[32..32 + payload.len()], payload, "{seq}");
        }
        history
    }
}

fn place(seq: u64) -> usize {
    usize::try_from(seq).unwrap()
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap()
}

fn link(chain: Digest, window: &[u8]) -> Digest {
    Digest::of([chain.as_bytes().as_slice(), Digest::of(window).as_bytes()].concat())
}

/// What a surface holds, and what every reader must say at every place of it.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) first_seq: u64,
    /// Every record as stored.
    pub(crate) stored: Vec<Vec<u8>>,
    /// Before record `first_seq + n`: one more than there are records.
    places: Vec<Place>,
    /// The most that a window takes.
    pub(crate) largest_window_bytes: u64,
}

#[derive(Debug)]
struct Place {
    head: Option<Head>,
    window_first_seq: u64,
    chain_before: Digest,
    previous_clock: Option<(u64, bool)>,
    window_bytes: Vec<u8>,
}

impl History {
    /// Takes the files apart by the description of the formats alone.
    fn of(dir: &Path, genesis: &Genesis, clock: impl Fn(u64) -> (u64, bool)) -> Self {
        let mut files: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|it| it == "segment" || it == "open"));
        files.sort();
        let u64_at =
            |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let first = fs::read(&files[0]).unwrap();
        let first_seq = u64_at(&first, 72);
        let mut chain = Digest::from_bytes(first[80..112].try_into().unwrap());
        let before = |seq: u64| seq.checked_sub(1).map(&clock);
        let mut stored: Vec<Vec<u8>> = Vec::new();
        for file in &files {
            let bytes = fs::read(file).unwrap();
            let footer = match file.extension().is_some_and(|it| it == "segment") {
                true => u64::from(u32::from_le_bytes(
                    bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap(),
                )),
                false => 0,
            };
            let mut rest = &bytes[128..bytes.len() - place(footer)];
            while !rest.is_empty() {
                let length = u32::from_le_bytes(rest[..4].try_into().unwrap());
                let size = 32 + usize::try_from(length.next_multiple_of(8)).unwrap();
                assert_eq!(u64_at(rest, 8), first_seq + len(&stored));
                stored.push(rest[..size].to_vec());
                rest = &rest[size..];
            }
        }

        let (limit, full) = (genesis.max_window_bytes, genesis.window_records);
        let (limit, full) = (usize::try_from(limit).unwrap(), usize::try_from(full).unwrap());
        let hash = chain;
        let mut place = Place {
            head: first_seq.checked_sub(1).map(|seq| Head { seq, hash }),
            window_first_seq: first_seq,
            chain_before: chain,
            previous_clock: before(first_seq),
            window_bytes: Vec::new(),
        };
        let mut places = Vec::new();
        let (mut records, mut largest_window_bytes) = (0, 0);
        for (number, record) in stored.iter().enumerate() {
            let seq = first_seq + u64::try_from(number).unwrap();
            // Where this one begins a window, the place before it is already after the last one.
            if records == full || place.window_bytes.len() + record.len() > limit {
                chain = link(chain, &place.window_bytes);
                (place.window_first_seq, place.chain_before) = (seq, chain);
                (place.previous_clock, place.window_bytes, records) = (before(seq), Vec::new(), 0);
            }
            let Place { window_bytes, window_first_seq, previous_clock, .. } = &place;
            let next = [window_bytes.as_slice(), record].concat();
            largest_window_bytes = len(&next).max(largest_window_bytes);
            let after = Place {
                head: Some(Head { seq, hash: link(chain, &next) }),
                window_first_seq: *window_first_seq,
                chain_before: chain,
                previous_clock: *previous_clock,
                window_bytes: next,
            };
            places.push(std::mem::replace(&mut place, after));
            records += 1;
        }
        if records == full {
            chain = link(chain, &place.window_bytes);
            let seq = first_seq + len(&stored);
            (place.window_first_seq, place.chain_before) = (seq, chain);
            (place.previous_clock, place.window_bytes) = (before(seq), Vec::new());
        }
        places.push(place);
        Self { first_seq, stored, places, largest_window_bytes }
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.first_seq + len(&self.stored)
    }

    pub(crate) fn record(&self, seq: u64) -> &[u8] {
        &self.stored[place(seq - self.first_seq)]
    }

    pub(crate) fn head(&self) -> Option<Head> {
        self.places.last().unwrap().head
    }

    /// Holds what a cursor says of the place where it is against what is there.
    pub(crate) fn check_place(&self, cursor: &mut Cursor) {
        let place = &self.places[place(cursor.next_seq() - self.first_seq)];
        assert_eq!(cursor.head(), place.head);
        let open = cursor.open_window();
        assert_eq!(open.first_seq, place.window_first_seq, "at {}", cursor.next_seq());
        assert_eq!(open.chain_before, place.chain_before);
        assert_eq!(open.window_bytes, place.window_bytes);
        assert_eq!(open.previous_clock, place.previous_clock);
    }

    /// Reads on to record `to`, or to the end, in changing ways, and holds all of it against what
    /// is there.
    pub(crate) fn read(
        &self,
        cursor: &mut Cursor,
        to: u64,
        numbers: &mut Numbers,
    ) -> Result<(), holobiont_surface::SurfaceError> {
        let mut ahead = Ahead::default();
        while cursor.next_seq() < to {
            let seq = cursor.next_seq();
            match numbers.below(10) {
                0 => {
                    self.check_place(cursor);
                    continue;
                }
                1 => {
                    let header = cursor.peek()?.expect("a record before the end");
                    assert_eq!(cursor.current().unwrap().stored(), self.record(seq));
                    assert_eq!((header.seq, cursor.next_seq()), (seq, seq));
                    assert_eq!(cursor.current().unwrap().header(), &header);
                    cursor.advance();
                    cursor.advance();
                }
                2 | 3 => {
                    assert!(cursor.look_ahead(&mut ahead)?, "a record before the end");
                    let found = ahead.clocks().len();
                    assert_eq!((ahead.first_seq(), cursor.next_seq()), (seq, seq));
                    for (number, next) in (seq..).take(found).enumerate() {
                        let record = cursor.found(&ahead).record(number).unwrap();
                        assert_eq!(record.stored(), self.record(next));
                        assert_eq!(record.clock(), ahead.clocks()[number]);
                    }
                    assert!(cursor.found(&ahead).record(found).is_none());
                    let count = place(numbers.below(to - seq + 1)).min(found);
                    cursor.pass(&ahead, count);
                    assert_eq!(cursor.next_seq(), seq + u64::try_from(count).unwrap());
                    continue;
                }
                4..=6 => {
                    let record = cursor.next_record()?.expect("a record before the end");
                    assert_eq!(record.stored(), self.record(seq));
                }
                _ => {
                    let last = seq + numbers.below(9);
                    let mut records = cursor.records()?.expect("a record before the end");
                    let mut next = seq;
                    let wanted = last.min(to);
                    while let Some(record) = records.next_if(|header| header.seq < wanted) {
                        assert_eq!(record.stored(), self.record(next));
                        next += 1;
                    }
                    drop(records);
                    assert_eq!(cursor.next_seq(), next);
                    continue;
                }
            }
            assert!(cursor.current().is_none());
        }
        self.check_place(cursor);
        if cursor.next_seq() == self.next_seq() {
            assert!(cursor.peek()?.is_none() && cursor.next_record()?.is_none());
            assert!(cursor.records()?.is_none() && cursor.current().is_none());
            self.check_place(cursor);
        }
        Ok(())
    }
}
