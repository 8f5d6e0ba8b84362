use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use holobiont_identity::versioned::{decode, encode};
use holobiont_identity::{Digest, Organism};
use holobiont_policy::{Command, CommitteeState, MAX_COMMAND_BYTES, Roster};

use crate::{Commands, LogError, ReplayError, Snapshot};

const MAGIC: [u8; 4] = *b"HBCL";
const VERSION: u32 = 1;
const ROSTER_VERSION: u8 = 1;
const MAX_ROSTER_BYTES: usize = 4096;

/// Running digest of a committee's log: it commits to every entry and its index.
///
/// `D_0 = blake3("holobiont-log|" ‖ 0x01 ‖ content hash ‖ roster digest)`, then
/// `D_i = blake3(D_i-1 ‖ index ‖ framed command)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDigest(pub(crate) Digest);

impl LogDigest {
    /// `D_0`: before the first entry, under the first config and roster.
    #[must_use]
    pub fn new(content_hash: &Digest, roster: &Roster) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"holobiont-log|\x01");
        hasher.update(content_hash.as_bytes());
        hasher.update(roster.digest().as_bytes());
        Self(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// As it was when [`digest`](Self::digest) gave this.
    #[must_use]
    pub const fn resume(digest: Digest) -> Self {
        Self(digest)
    }

    /// `D_i` up to the last entry.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    /// Takes in an entry: its index, and the encoded command.
    pub fn push(&mut self, index: u64, command: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.0.as_bytes());
        hasher.update(&index.to_le_bytes());
        hasher.update(&u32::try_from(command.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(command);
        self.0 = Digest::from_bytes(*hasher.finalize().as_bytes());
    }
}

/// Writes a log of cuts: the commands that made them, for a replay or an audit.
///
/// ```text
/// "HBCL" ‖ u32 version ‖ content hash ‖ u32 length ‖ roster
/// then per entry:  u32 length ‖ u32 crc32c of index and command ‖ u64 index ‖ command
/// at the end:      u32 0 ‖ u64 entries ‖ running digest
/// ```
///
/// The file appears under its name only when [`finish`](Self::finish) has made it durable.
#[derive(Debug)]
pub struct LogWriter {
    file: PathBuf,
    partial: PathBuf,
    out: BufWriter<File>,
    digest: LogDigest,
    entries: u64,
}

impl LogWriter {
    /// Starts a log at `file`.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`] when the file system refuses.
    pub fn create(file: &Path, organism: &Organism, roster: &Roster) -> Result<Self, LogError> {
        let partial = file.with_extension("partial");
        let out = File::create(&partial).map_err(io(&partial, "create"))?;
        let content_hash = organism.content_hash();
        let mut writer = Self {
            file: file.to_owned(),
            partial,
            out: BufWriter::new(out),
            digest: LogDigest::new(&content_hash, roster),
            entries: 0,
        };
        let roster = encode(ROSTER_VERSION, roster);
        writer.write(&MAGIC)?;
        writer.write(&VERSION.to_le_bytes())?;
        writer.write(content_hash.as_bytes())?;
        writer.write(&u32::try_from(roster.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        writer.write(&roster)?;
        Ok(writer)
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`] when the file system refuses.
    pub fn append(&mut self, index: u64, command: &Command) -> Result<(), LogError> {
        let bytes = command.encode();
        self.write(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        self.write(&checksum(index, &bytes).to_le_bytes())?;
        self.write(&index.to_le_bytes())?;
        self.write(&bytes)?;
        self.digest.push(index, &bytes);
        self.entries = self.entries.saturating_add(1);
        Ok(())
    }

    /// Ends the log, makes it durable, and gives it its name.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`] when the file system refuses.
    pub fn finish(mut self) -> Result<(), LogError> {
        self.write(&0_u32.to_le_bytes())?;
        self.write(&self.entries.to_le_bytes())?;
        let digest = self.digest.0;
        self.write(digest.as_bytes())?;
        self.out.flush().map_err(io(&self.partial, "write"))?;
        self.out.get_ref().sync_all().map_err(io(&self.partial, "sync"))?;
        std::fs::rename(&self.partial, &self.file).map_err(io(&self.file, "name"))?;
        let dir = self.file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or_else(|| Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir, "sync"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.out.write_all(bytes).map_err(io(&self.partial, "write"))
    }
}

/// Reads a log of cuts, entry by entry; damage is named with its offset.
#[derive(Debug)]
pub struct LogReader {
    file: PathBuf,
    input: BufReader<File>,
    offset: u64,
    roster: Roster,
    digest: LogDigest,
    entries: u64,
    last_index: u64,
    done: bool,
}

impl LogReader {
    /// Opens a log that was made under this organism's config.
    ///
    /// # Errors
    ///
    /// [`LogError`] for a file that cannot be read, is no log, is of an unknown version, or was
    /// made under another config.
    pub fn open(file: &Path, organism: &Organism) -> Result<Self, LogError> {
        let input = BufReader::new(File::open(file).map_err(io(file, "open"))?);
        let expected = organism.content_hash();
        let roster = Roster::replay();
        let mut reader = Self {
            file: file.to_owned(),
            input,
            offset: 0,
            digest: LogDigest::new(&expected, &roster),
            roster,
            entries: 0,
            last_index: 0,
            done: false,
        };
        if reader.array::<4>()? != MAGIC {
            return Err(reader.damage("it does not begin as a log of cuts"));
        }
        let version = u32::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(LogError::UnknownVersion { file: file.to_owned(), version });
        }
        let got = Digest::from_bytes(reader.array()?);
        if got != expected {
            return Err(LogError::OtherOrganism { file: file.to_owned(), expected, got });
        }
        let length = u32::from_le_bytes(reader.array()?);
        let bytes = reader.bytes(length, MAX_ROSTER_BYTES)?;
        let decoded: Option<Roster> = decode(ROSTER_VERSION, &bytes).ok();
        reader.roster = decoded.ok_or_else(|| reader.damage("its roster is not readable"))?;
        reader.digest = LogDigest::new(&expected, &reader.roster);
        Ok(reader)
    }

    /// The committee that wrote the log.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Passes the entries that a snapshot stands on.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Log`] for a damaged log, and [`ReplayError::Snapshot`] when this is not
    /// the log that the snapshot was made from.
    pub fn skip_to(&mut self, snapshot: &Snapshot) -> Result<(), ReplayError> {
        while self.last_index < snapshot.log_index && self.entry()?.is_some() {}
        let is_its_log = self.last_index == snapshot.log_index
            && self.digest.0 == snapshot.log_digest
            && self.roster == snapshot.roster;
        if is_its_log {
            return Ok(());
        }
        Err(ReplayError::Snapshot {
            why: format!(
                "{} is not the log it was made from, up to entry {}",
                self.file.display(),
                snapshot.log_index
            ),
        })
    }

    fn entry(&mut self) -> Result<Option<(u64, Command)>, LogError> {
        if self.done {
            return Ok(None);
        }
        let start = self.offset;
        let length = u32::from_le_bytes(self.array()?);
        if length == 0 {
            self.end()?;
            return Ok(None);
        }
        let crc = u32::from_le_bytes(self.array()?);
        let index = u64::from_le_bytes(self.array()?);
        let bytes = self.bytes(length, MAX_COMMAND_BYTES)?;
        let damage = |what| LogError::Damage { file: self.file.clone(), offset: start, what };
        if checksum(index, &bytes) != crc {
            return Err(damage("an entry's checksum does not match"));
        }
        if index <= self.last_index {
            return Err(damage("an entry's index is not above the one before it"));
        }
        let command = Command::decode(&bytes).map_err(|source| LogError::Command {
            file: self.file.clone(),
            offset: start,
            source,
        })?;
        self.digest.push(index, &bytes);
        self.entries = self.entries.saturating_add(1);
        self.last_index = index;
        Ok(Some((index, command)))
    }

    fn end(&mut self) -> Result<(), LogError> {
        let entries = u64::from_le_bytes(self.array()?);
        let digest = Digest::from_bytes(self.array()?);
        if entries != self.entries || digest != self.digest.0 {
            return Err(self.damage("its end does not match its entries"));
        }
        let mut rest = [0_u8; 1];
        if self.input.read(&mut rest).map_err(io(&self.file, "read"))? != 0 {
            return Err(self.damage("there are bytes after its end"));
        }
        self.done = true;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LogError> {
        let mut out = [0_u8; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn bytes(&mut self, length: u32, limit: usize) -> Result<Vec<u8>, LogError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limit {
            return Err(self.damage("a length is past its limit"));
        }
        let mut out = vec![0_u8; length];
        self.fill(&mut out)?;
        Ok(out)
    }

    fn fill(&mut self, out: &mut [u8]) -> Result<(), LogError> {
        match self.input.read_exact(out) {
            Ok(()) => {
                let read = u64::try_from(out.len()).unwrap_or(u64::MAX);
                self.offset = self.offset.saturating_add(read);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damage("it ends here, before its end mark"))
            }
            Err(source) => Err(LogError::Io { file: self.file.clone(), doing: "read", source }),
        }
    }

    fn damage(&self, what: &'static str) -> LogError {
        LogError::Damage { file: self.file.clone(), offset: self.offset, what }
    }
}

impl Commands for LogReader {
    fn next(&mut self, _state: &CommitteeState) -> Result<Option<(u64, Command)>, ReplayError> {
        Ok(self.entry()?)
    }
}

fn checksum(index: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&index.to_le_bytes()), bytes)
}

fn io<'a>(file: &'a Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> LogError + 'a {
    move |source| LogError::Io { file: file.to_owned(), doing, source }
}
