//! Readers of a surface on a disk that does what it likes: they are refused, or get what the index
//! of the surface says. The input is the surface, what the disk does, and what the readers do.

mod input;
mod scratch;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use holobiont_identity::{Digest, UniqueId};
use holobiont_surface::format::{SegmentFooter, SegmentHeader, WindowEntry};
use holobiont_surface::{
    Access, Ahead, Cursor, Genesis, NewRecord, ReadOptions, ReadPool, Record, SealKey, Source,
    Storage, Surface, SurfaceWriter, Trust, WriterOptions,
};
use input::Input;

const SMALL: WriterOptions = WriterOptions { segment_bytes: 400 };
const MAX_RECORDS: usize = 64;
const MAX_STEPS: usize = 200;
const MAX_CURSORS: usize = 4;
const HEADER_BYTES: usize = 128;

pub(crate) fn run(data: &[u8]) {
    let folder = scratch::folder();
    let mut input = Input::new(data);
    let genesis = genesis(&mut input);
    match input.byte() % 3 {
        0 => written(folder.path(), &genesis, &mut input),
        _ => forged(folder.path(), &genesis, &mut input),
    }
    let surface = Surface::open(folder.path()).expect("a surface that was just made");
    let key = SealKey::from_bytes([5; 32]);
    if input.byte() & 1 > 0 {
        // Refused where a window breaks the rules, which is as good.
        drop(surface.seal(&key));
    }
    let told = told(&surface);
    let disk = Disk::new(&surface, &mut input);
    let options = options(&genesis, disk, key, &mut input);
    read(&surface, &told, options, &mut input);
}

fn genesis(input: &mut Input<'_>) -> Genesis {
    let shape = input.byte();
    let mut genesis = Genesis::new(UniqueId::from_name("fuzzed"));
    genesis.window_records = u32::from(shape % 5) + 1;
    genesis.max_window_bytes = [256, 320, 900, 4096][usize::from(shape / 8 % 4)];
    genesis.every_record_closes = shape & 64 > 0;
    genesis
}

fn segment_path(dir: &Path, first_seq: u64, extension: &str) -> PathBuf {
    dir.join(format!("{first_seq:020}.{extension}"))
}

fn written(dir: &Path, genesis: &Genesis, input: &mut Input<'_>) {
    let created = SurfaceWriter::create(dir, genesis.clone(), SMALL);
    let mut writer = created.expect("a sound genesis makes a surface");
    let mut clock = 0;
    for _ in 0..usize::from(input.byte()) % MAX_RECORDS {
        let shape = input.byte();
        let payload = [shape; 256];
        let closes_clock = genesis.every_record_closes || shape & 1 > 0;
        let payload = &payload[..usize::from(shape % 220)];
        writer
            .append(NewRecord { clock, closes_clock, time_ms: 5, kind: 2, payload })
            .expect("room");
        clock += u64::from(closes_clock);
    }
    writer.sync().expect("a sync in a sound folder");
    writer.retain_from(input.number()).expect("a sound surface");
}

/// A segment of windows with any bytes at all, whose digests and chain hold; then one of sound
/// windows, which are what is read when the surface is opened; then an empty one.
fn forged(dir: &Path, genesis: &Genesis, input: &mut Input<'_>) {
    drop(SurfaceWriter::create(dir, genesis.clone(), SMALL).expect("a sound genesis"));
    fs::remove_file(segment_path(dir, 0, "open")).expect("a new surface has a segment");
    let (mut seq, mut chain) = (0, genesis.chain_start());
    let mut clock = 0;
    for is_sound in [false, true] {
        let mut bytes = SegmentHeader::new(genesis, seq, chain).encode();
        let mut entries: Vec<WindowEntry> = Vec::new();
        for _ in 0..if is_sound { 2 } else { input.byte() % 6 } {
            let offset = bytes.len();
            let first_clock = clock;
            let records = match is_sound {
                true => sound_window(&mut bytes, seq, &mut clock, genesis),
                false => any_window(&mut bytes, seq, &mut clock, genesis, input),
            };
            let length = bytes.len() - offset;
            let least = usize::try_from(records).unwrap_or_default() * 32;
            let most = usize::try_from(genesis.max_window_bytes).unwrap_or_default();
            if length < least || length > most || records > genesis.window_records {
                bytes.truncate(offset);
                continue;
            }
            entries.push(WindowEntry {
                offset: u64::try_from(offset).unwrap_or_default(),
                length_bytes: u32::try_from(length).unwrap_or_default(),
                records,
                first_seq: seq,
                first_clock,
                last_clock: clock.saturating_sub(u64::from(is_sound)).max(first_clock),
                digest: Digest::of(&bytes[offset..]),
            });
            seq += u64::from(records);
        }
        let Some(footer) = SegmentFooter::new(chain, entries) else { continue };
        bytes.extend(footer.encode());
        let first_seq = seq - footer.windows.iter().map(|it| u64::from(it.records)).sum::<u64>();
        fs::write(segment_path(dir, first_seq, "segment"), &bytes).expect("a file of the folder");
        chain = footer.chain_after;
    }
    let open = SegmentHeader::new(genesis, seq, chain).encode();
    fs::write(segment_path(dir, seq, "open"), open).expect("a file of the folder");
}

/// A full window whose records close one clock each; the clock after it.
fn sound_window(bytes: &mut Vec<u8>, first_seq: u64, clock: &mut u64, genesis: &Genesis) -> u32 {
    for seq in (first_seq..).take(usize::try_from(genesis.window_records).unwrap_or_default()) {
        let (closes_clock, payload) = (true, &[1; 9][..]);
        let record = NewRecord { clock: *clock, closes_clock, time_ms: 5, kind: 2, payload };
        record.encode_into(seq, bytes).expect("a record of small numbers");
        *clock += 1;
    }
    genesis.window_records
}

/// Raw bytes, or records that the input has chosen the numbers of. It says how many there are.
fn any_window(
    bytes: &mut Vec<u8>,
    first_seq: u64,
    clock: &mut u64,
    genesis: &Genesis,
    input: &mut Input<'_>,
) -> u32 {
    let shape = input.byte();
    let start = bytes.len();
    if shape & 1 > 0 {
        bytes.extend_from_slice(input.blob());
        return u32::from(shape / 2) % genesis.window_records + 1;
    }
    let records = u32::from(shape / 2) % genesis.window_records + 1;
    for seq in (first_seq..).take(usize::try_from(records).unwrap_or_default()) {
        let shape = input.byte();
        let odd = (shape & 64 > 0).then(|| input.number());
        let payload = input.take(usize::from(shape % 12));
        let closes_clock = shape & 16 > 0;
        let record = NewRecord { clock: *clock, closes_clock, time_ms: 5, kind: 2, payload };
        record.encode_into(odd.unwrap_or(seq), bytes).expect("a record of small numbers");
        if shape & 32 > 0 {
            *clock = clock.saturating_add(input.number() % 1000);
        }
    }
    if shape & 128 > 0 {
        let mut window = bytes.split_off(start);
        input.edit(&mut window);
        bytes.extend(window);
    }
    records
}

/// What the index tells of every record: the bytes of its window, taken apart in order.
fn told(surface: &Surface) -> BTreeMap<u64, Vec<Vec<u8>>> {
    let mut told: BTreeMap<u64, Vec<Vec<u8>>> = BTreeMap::new();
    for info in surface.segments() {
        let bytes = fs::read(&info.file).expect("a file of the folder");
        let windows = match info.sealed {
            true => {
                let length = bytes[bytes.len() - 8..].first_chunk().copied().unwrap_or_default();
                let footer = bytes.len() - usize::try_from(u32::from_le_bytes(length)).unwrap_or(0);
                let footer = SegmentFooter::decode(&bytes[footer..]).expect("its footer");
                let range =
                    |it: &WindowEntry| (it.first_seq, it.offset, u64::from(it.length_bytes));
                footer.windows.iter().map(range).collect()
            }
            // Its records were checked one by one when it was opened.
            false => vec![(info.first_seq, 128, info.size_bytes - 128)],
        };
        for (first_seq, offset, length) in windows {
            let place = |at: u64| usize::try_from(at).unwrap_or_default();
            let mut rest = &bytes[place(offset)..place(offset + length)];
            for seq in first_seq.. {
                let Ok(record) = Record::decode(rest) else { break };
                told.entry(seq).or_default().push(record.stored().to_vec());
                rest = &rest[record.stored().len()..];
            }
        }
    }
    told
}

/// The surface's files as the disk gives them: changed after opening, and read by the script.
#[derive(Debug)]
struct Disk {
    files: BTreeMap<PathBuf, Arc<Vec<u8>>>,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug)]
struct Script {
    steps: Vec<u8>,
    next: usize,
}

#[derive(Debug)]
struct OnDisk {
    bytes: Arc<Vec<u8>>,
    script: Arc<Mutex<Script>>,
}

impl Disk {
    fn new(surface: &Surface, input: &mut Input<'_>) -> Self {
        let mut files = BTreeMap::new();
        let changes = input.byte();
        for (number, info) in surface.segments().enumerate() {
            let mut bytes = fs::read(&info.file).expect("a file of the folder");
            if changes >> (number % 8) & 1 > 0 {
                input.edit(&mut bytes);
            }
            files.insert(info.file.clone(), Arc::new(bytes));
        }
        let length = usize::from(input.byte());
        let script = Script { steps: input.take(length).to_vec(), next: 0 };
        Self { files, script: Arc::new(Mutex::new(script)) }
    }
}

impl Storage for Disk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Source>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(OnDisk { bytes: Arc::clone(bytes), script: Arc::clone(&self.script) }))
    }
}

impl Source for OnDisk {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let step = {
            let mut script = self.script.lock().expect("nobody panics with it");
            script.next += 1;
            // It ends, so that a disk that always interrupts does not go on for ever.
            script.steps.get(script.next - 1).copied().unwrap_or(0)
        };
        let rest = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..));
        let rest = rest.unwrap_or_default();
        let mut count = rest.len().min(buffer.len());
        match step % 8 {
            1 => count = count.min(usize::from(step / 8)),
            2 => return Err(io::ErrorKind::Interrupted.into()),
            3 => return Err(io::Error::from_raw_os_error(5)),
            4 => count = 0,
            _ => {}
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        match step % 8 {
            5 => {
                let at = usize::from(step / 8) * count / 32;
                buffer[..count].iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 0x11);
            }
            6 => return Ok(count.saturating_mul(2)),
            _ => {}
        }
        Ok(count)
    }
}

fn options(genesis: &Genesis, disk: Disk, key: SealKey, input: &mut Input<'_>) -> ReadOptions {
    let shape = input.byte();
    let page = 4096;
    let least = 2 * (u64::from(genesis.max_window_bytes).next_multiple_of(page) + page);
    let trust = match shape % 4 {
        0 => Trust::None,
        1 => Trust::Seal(key),
        _ => Trust::Full,
    };
    let access = match shape / 4 % 8 {
        0 => Access::Read,
        1 => Access::Mapped,
        _ => Access::Storage(Arc::new(disk)),
    };
    let budget_bytes = least.saturating_add(input.number().saturating_mul(512));
    ReadOptions { budget_bytes, threads: usize::from(shape / 32 % 3) + 1, trust, access }
}

fn read(
    surface: &Surface,
    told: &BTreeMap<u64, Vec<Vec<u8>>>,
    options: ReadOptions,
    input: &mut Input<'_>,
) {
    let is_full = matches!(options.trust, Trust::Full);
    let budget_bytes = options.budget_bytes;
    let pool = ReadPool::new(options).expect("threads");
    let mut lanes = vec![surface.in_pool(&pool).expect("room for two windows")];
    let mut cursors: Vec<Cursor> = Vec::new();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (step, which) = (input.byte(), usize::from(input.byte()));
        if step % 8 == 0 || cursors.is_empty() {
            let lane = &lanes[which % lanes.len()];
            let first = surface.earliest();
            let from = first + u64::from(step / 8) % (surface.next_seq() - first + 2);
            if let Ok(cursor) = lane.cursor(from) {
                assert_eq!(cursor.next_seq(), from);
                cursors.truncate(MAX_CURSORS - 1);
                cursors.push(cursor);
            }
            continue;
        }
        let place = which % cursors.len();
        match step % 8 {
            1 => drop(cursors.swap_remove(place)),
            2 if lanes.len() > 1 => drop(lanes.pop()),
            2 => lanes.extend(surface.in_pool(&pool)),
            _ => go_on(&mut cursors[place], step, is_full.then_some(told), surface),
        }
        assert!(pool.peak_bytes() <= budget_bytes, "more memory than the budget");
    }
    drop((cursors, lanes));
    assert!(pool.peak_bytes() <= budget_bytes, "more memory than the budget");
}

/// Some records further, in one of the ways there are. What is handed out of hashed windows is what
/// the index tells.
fn go_on(
    cursor: &mut Cursor,
    step: u8,
    told: Option<&BTreeMap<u64, Vec<Vec<u8>>>>,
    surface: &Surface,
) {
    let holds = |record: &Record<'_>, seq: u64| {
        assert_eq!(record.seq(), seq);
        let known = told.is_none_or(|told| {
            told.get(&seq).is_some_and(|all| all.iter().any(|one| one == record.stored()))
        });
        assert!(known, "record {seq} is not what its window's digest is of");
    };
    for _ in 0..=step / 32 {
        let seq = cursor.next_seq();
        let passed: u64 = match step % 8 {
            3 => match cursor.peek() {
                Ok(Some(_)) => {
                    holds(&cursor.current().expect("what was shown"), seq);
                    cursor.advance();
                    1
                }
                _ => 0,
            },
            4 => cursor.next_record().ok().flatten().map_or(0, |record| {
                holds(&record, seq);
                1
            }),
            5 => look_ahead(cursor, seq, holds),
            6 => cursor.records().ok().flatten().map_or(0, |records| {
                let numbered = (seq..).zip(records);
                numbered.map(|(seq, record)| holds(&record, seq)).count().try_into().unwrap_or(0)
            }),
            _ => {
                check_place(cursor, told.is_some(), surface);
                0
            }
        };
        assert_eq!(cursor.next_seq(), seq + passed, "it stays where it is refused");
        if passed == 0 {
            return;
        }
    }
}

fn look_ahead(cursor: &mut Cursor, seq: u64, holds: impl Fn(&Record<'_>, u64)) -> u64 {
    let mut ahead = Ahead::default();
    if !cursor.look_ahead(&mut ahead).unwrap_or(false) {
        return 0;
    }
    let count = ahead.clocks().len().div_ceil(2);
    for (number, seq) in (seq..).take(ahead.clocks().len()).enumerate() {
        holds(&cursor.found(&ahead).record(number).expect("what was found"), seq);
    }
    cursor.pass(&ahead, count);
    u64::try_from(count).unwrap_or_default()
}

fn check_place(cursor: &mut Cursor, is_full: bool, surface: &Surface) {
    let head = cursor.head();
    let open = cursor.open_window();
    assert!(open.first_seq <= cursor.next_seq());
    assert!(cursor.buffer_bytes() <= (256 << 10) + 2 * HEADER_BYTES + 8192);
    let Some(head) = head.filter(|_| is_full) else { return };
    if let Ok(expected) = surface.head_at(head.seq) {
        assert_eq!(head, expected);
    }
}
