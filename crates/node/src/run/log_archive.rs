use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holobiont_committee::{Certificate, ExportError, ExportStart, ExportWriter, MAX_SIGNED_BYTES};
use holobiont_committee_store::{NodeSnapshot, Payload};
use holobiont_identity::Digest;

use crate::failure::Failure;
use crate::files;

/// A file is closed when it has that many bytes.
const FILE_BYTES: u64 = 16 << 20;
/// What stands before an entry: its index, its length, and a checksum over both and the entry.
const HEADER_BYTES: usize = 16;
/// Largest snapshot that an archive may begin with, in bytes.
const MAX_START_BYTES: u64 = 256 << 20;

/// The committee's log as it was committed, for auditors: the engine's own is pruned.
///
/// `cuts/{first index}.entries`: `u64 index ‖ u32 length ‖ u32 crc32c ‖ signed command`. A torn end
/// is cut off and written again from the engine's log. Where that was pruned past the end (this
/// node was away for long, and began again from a snapshot), the archive begins anew there, with
/// that snapshot in `start`.
pub(crate) struct LogArchive {
    dir: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    start: ExportStart,
    /// First index of each file, ascending.
    files: Vec<u64>,
    open: Option<(File, u64)>,
    last_index: u64,
}

impl LogArchive {
    /// Opens the folder, and makes it where there is none; `first` is where the committee's log
    /// begins.
    pub(crate) fn open(dir: &Path, first: ExportStart) -> Result<Self, Failure> {
        std::fs::create_dir_all(dir).map_err(Failure::io(dir, "creating"))?;
        let start_file = dir.join(START);
        let start = match start_file.is_file() {
            false => first,
            true => start_of(&files::read_bytes(&start_file, MAX_START_BYTES)?)
                .ok_or_else(|| damaged(&start_file))?,
        };
        let begins = start.log_index();
        let mut firsts: Vec<u64> = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(Failure::io(dir, "listing"))? {
            let path = entry.map_err(Failure::io(dir, "listing"))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let first = name.strip_suffix(ENDING).and_then(|name| name.parse::<u64>().ok());
            // What is before the start is left from before it began anew.
            firsts.extend(first.filter(|first| *first > begins));
        }
        firsts.sort_unstable();
        let mut inner = Inner { start, files: firsts, open: None, last_index: begins };
        // One that holds nothing whole is removed: it goes on in the one before.
        while let (None, Some(last)) = (&inner.open, inner.files.last().copied()) {
            let path = path_of(dir, last);
            inner.recover(&path).map_err(Failure::io(&path, "recovering"))?;
        }
        Ok(Self { dir: dir.to_owned(), inner: Mutex::new(inner) })
    }

    /// The first index that is not here yet.
    pub(crate) fn next_index(&self) -> u64 {
        self.lock().last_index.saturating_add(1)
    }

    /// Keeps entries that follow on what is here.
    pub(crate) fn append(&self, entries: &[(u64, Option<Payload>)]) -> io::Result<()> {
        let mut inner = self.lock();
        for (index, payload) in entries {
            if *index <= inner.last_index {
                continue;
            }
            if let Some(payload) = payload {
                inner.write(&self.dir, *index, &payload.0)?;
            }
            inner.last_index = *index;
        }
        Ok(())
    }

    /// Begins anew from a snapshot, since what is between is nowhere on this node any more.
    pub(crate) fn begin_anew(&self, snapshot: &NodeSnapshot) -> Result<(), Failure> {
        let certificate = Certificate::decode(&snapshot.certificate)
            .map_err(|_| damaged(&self.dir.join(START)))?;
        let log_index = certificate.statement.log_index;
        let bytes = encode_start(log_index, &snapshot.machine, &snapshot.certificate);
        files::replace(&self.dir.join(START), &bytes)?;
        let machine = snapshot.machine.clone();
        let start =
            ExportStart::Snapshot { log_index, machine, certificate: Box::new(certificate) };
        *self.lock() = Inner { start, files: Vec::new(), open: None, last_index: log_index };
        Ok(())
    }

    /// Makes what was kept durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &self.lock().open {
            Some((file, _)) => file.sync_data(),
            None => Ok(()),
        }
    }

    /// Writes it all as an export, with the configs that it needs. Entries before `from` are left
    /// out: such an export goes on where another ended, and says nothing alone.
    pub(crate) fn export<W: Write>(
        &self,
        out: W,
        configs: &[(Digest, Arc<str>)],
        from: u64,
    ) -> Result<W, ExportError> {
        // The last file grows meanwhile: what is there now is whole.
        let (start, firsts, to, last_bytes) = {
            let inner = self.lock();
            let last_bytes = inner.open.as_ref().map(|(_, bytes)| *bytes);
            (inner.start.clone(), inner.files.clone(), inner.last_index, last_bytes)
        };
        let mut writer = ExportWriter::new(out, &start)?;
        for (hash, text) in configs {
            writer.config(hash, text)?;
        }
        for (place, first) in firsts.iter().enumerate() {
            let next = firsts.get(place.saturating_add(1));
            if next.is_some_and(|next| *next <= from) {
                continue;
            }
            let path = path_of(&self.dir, *first);
            let failed = |doing| {
                let file = path.clone();
                move |source| ExportError::File { file, doing, source }
            };
            let file = File::open(&path).map_err(failed("open"))?;
            let bytes = match (next, last_bytes) {
                (None, Some(bytes)) => bytes,
                _ => file.metadata().map_err(failed("read"))?.len(),
            };
            let mut input = BufReader::new(file).take(bytes);
            let mut last = None;
            loop {
                match read(&mut input).map_err(failed("read"))? {
                    Read::End if input.limit() == 0 => break,
                    Read::Entry(index, payload) => {
                        if (from..=to).contains(&index) {
                            writer.entry(index, &payload)?;
                        }
                        last = Some(index);
                    }
                    // An export that ended here would look whole.
                    Read::End | Read::Damaged => {
                        return Err(failed("read")(damaged_after(last, *first)));
                    }
                }
            }
        }
        writer.finish()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, dir: &Path, index: u64, payload: &[u8]) -> io::Result<()> {
        if let Some((file, _)) = self.open.take_if(|(_, bytes)| *bytes >= FILE_BYTES) {
            file.sync_data()?;
        }
        let (file, bytes) = match &mut self.open {
            Some(open) => open,
            none => {
                let mut options = OpenOptions::new();
                let options = options.create(true).truncate(true).write(true);
                let file = options.open(path_of(dir, index))?;
                self.files.push(index);
                none.insert((file, 0))
            }
        };
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut entry = Vec::with_capacity(payload.len().saturating_add(HEADER_BYTES));
        entry.extend(index.to_le_bytes());
        entry.extend(length.to_le_bytes());
        entry.extend(checksum(index, payload).to_le_bytes());
        entry.extend(payload);
        // Over what an attempt that failed may have left.
        file.write_all_at(&entry, *bytes)?;
        *bytes = bytes.saturating_add(u64::try_from(entry.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Goes on in the last file, after its last whole entry.
    fn recover(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let (mut whole_bytes, mut input) = (0_u64, BufReader::new(&file));
        while let Read::Entry(index, payload) = read(&mut input)? {
            self.last_index = index;
            let entry_bytes = HEADER_BYTES.saturating_add(payload.len());
            whole_bytes = whole_bytes.saturating_add(u64::try_from(entry_bytes).unwrap_or(0));
        }
        if whole_bytes == 0 {
            self.files.pop();
            return std::fs::remove_file(path);
        }
        file.set_len(whole_bytes)?;
        self.open = Some((file, whole_bytes));
        Ok(())
    }
}

const START: &str = "start";
const ENDING: &str = ".entries";

fn path_of(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}{ENDING}"))
}

fn checksum(index: u64, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&index.to_le_bytes()), payload)
}

/// What comes next in a file.
enum Read {
    Entry(u64, Vec<u8>),
    End,
    /// What follows is no whole entry.
    Damaged,
}

fn read(input: &mut impl io::Read) -> io::Result<Read> {
    let mut header = Vec::new();
    let wanted = u64::try_from(HEADER_BYTES).unwrap_or(0);
    input.by_ref().take(wanted).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(Read::End);
    }
    let split = header.split_first_chunk::<8>().and_then(|(index, rest)| {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        Some((index, length, rest.first_chunk::<4>()?))
    });
    let Some((index, length, crc)) = split else { return Ok(Read::Damaged) };
    let (index, length) = (u64::from_le_bytes(*index), u32::from_le_bytes(*length));
    if usize::try_from(length).map_or(true, |length| length > MAX_SIGNED_BYTES) {
        return Ok(Read::Damaged);
    }
    let mut payload = Vec::new();
    input.by_ref().take(length.into()).read_to_end(&mut payload)?;
    let is_whole = u32::try_from(payload.len()) == Ok(length)
        && checksum(index, &payload) == u32::from_le_bytes(*crc);
    Ok(if is_whole { Read::Entry(index, payload) } else { Read::Damaged })
}

fn damaged_after(last: Option<u64>, first: u64) -> io::Error {
    let place = match last {
        Some(last) => format!("the log entry after {last}"),
        None => format!("its first log entry, {first},"),
    };
    let what = format!("{place} is damaged: fetch the export from another node");
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// `u64 log index ‖ u32 length of the certificate ‖ certificate ‖ machine`.
fn encode_start(log_index: u64, machine: &[u8], certificate: &[u8]) -> Vec<u8> {
    let length = u32::try_from(certificate.len()).unwrap_or(u32::MAX);
    [&log_index.to_le_bytes()[..], &length.to_le_bytes(), certificate, machine].concat()
}

fn start_of(bytes: &[u8]) -> Option<ExportStart> {
    let (log_index, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (certificate, machine) = rest.split_at_checked(length)?;
    let certificate = Box::new(Certificate::decode(certificate).ok()?);
    let log_index = u64::from_le_bytes(*log_index);
    let is_one = certificate.statement.log_index == log_index;
    is_one.then(|| ExportStart::Snapshot { log_index, machine: machine.to_vec(), certificate })
}

fn damaged(file: &Path) -> Failure {
    Failure::Input {
        file: file.to_owned(),
        place: Default::default(),
        what: "holds no snapshot that the log could begin with".to_owned(),
        help: "remove the folder: the node fills it again from its newest snapshot on",
    }
}

#[cfg(test)]
mod tests {
    use holobiont_committee::ExportReader;
    use holobiont_policy::Roster;

    use super::*;

    fn first() -> ExportStart {
        ExportStart::First { content_hash: Digest::of("o"), roster: Roster::replay() }
    }

    fn entry(index: u64) -> (u64, Option<Payload>) {
        (
            index,
            (!index.is_multiple_of(3)).then(|| Payload(vec![7; usize::try_from(index).unwrap()])),
        )
    }

    fn exported(archive: &LogArchive) -> Vec<u64> {
        let bytes = archive.export(Vec::new(), &[], 0).unwrap();
        let mut reader = ExportReader::new(bytes.as_slice()).unwrap();
        let mut indices = Vec::new();
        while let Some((index, payload)) = reader.entry().unwrap() {
            assert_eq!(Some(Payload(payload)), entry(index).1);
            indices.push(index);
        }
        indices
    }

    #[test]
    fn a_last_file_that_holds_nothing_does_not_hide_those_before() {
        let dir = tempfile::tempdir().unwrap();
        let entries: Vec<_> = (1..=20).map(entry).collect();
        LogArchive::open(dir.path(), first()).unwrap().append(&entries).unwrap();
        std::fs::write(path_of(dir.path(), 21), [7; 5]).unwrap();
        let archive = LogArchive::open(dir.path(), first()).unwrap();
        assert_eq!(archive.next_index(), 21);
        archive.append(&[entry(22)]).unwrap();
        assert_eq!(exported(&archive).last(), Some(&22));
    }

    #[test]
    fn a_damaged_entry_ends_an_export_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let entries: Vec<_> = (1..=20).map(entry).collect();
        let archive = LogArchive::open(dir.path(), first()).unwrap();
        archive.append(&entries).unwrap();
        let file = path_of(dir.path(), 1);
        let whole = std::fs::read(&file).unwrap();
        // What is still being written is no damage.
        std::fs::write(&file, [&whole[..], &[7; 5]].concat()).unwrap();
        assert_eq!(exported(&archive).last(), Some(&20));
        let said = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            let error = archive.export(Vec::new(), &[], 0).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        let mut bad = whole.clone();
        bad[HEADER_BYTES] ^= 1;
        assert!(said(&bad).contains("its first log entry, 1, is damaged"));
        bad = whole.clone();
        bad[whole.len() / 2] ^= 1;
        assert!(said(&bad).contains("the log entry after 11 is damaged"), "{}", said(&bad));
        assert!(said(&whole[..whole.len() - 1]).contains("the log entry after 19"));
        let last = HEADER_BYTES + 20;
        assert!(said(&whole[..whole.len() - last]).contains("the log entry after 19"));
    }

    #[test]
    fn a_torn_end_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let entries: Vec<_> = (1..=20).map(entry).collect();
        let archive = LogArchive::open(dir.path(), first()).unwrap();
        archive.append(&entries[..10]).unwrap();
        drop(archive);
        let file = path_of(dir.path(), 1);
        let whole = std::fs::read(&file).unwrap();
        for cut in [0, 1, 5, 30] {
            std::fs::write(&file, &whole[..whole.len() - cut]).unwrap();
            let archive = LogArchive::open(dir.path(), first()).unwrap();
            let next = usize::try_from(archive.next_index()).unwrap();
            assert!(next <= 11, "{next}");
            archive.append(&entries[next - 1..]).unwrap();
            let indices: Vec<u64> =
                (1..=20).filter(|index: &u64| !index.is_multiple_of(3)).collect();
            assert_eq!(exported(&archive), indices);
        }
    }
}
