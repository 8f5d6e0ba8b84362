use std::io::Read;

use holobiont_identity::{Digest, MAX_CONFIG_BYTES, versioned};

use super::{
    ExportConfigs, ExportStart, ITEM_CONFIG, ITEM_END, ITEM_ENTRY, MAGIC, MAX_ROSTER_BYTES,
    ROSTER_VERSION, START_FIRST, START_SNAPSHOT, UNSIGNED_VERSION, VERSION, checksum,
};
use crate::{
    Certificate, Configs, ExportError, MAX_CERTIFICATE_BYTES, MAX_MACHINE_BYTES, MAX_SIGNED_BYTES,
    Machine, MachineError,
};

/// Reads an export of a committee's log, entry by entry; damage is named with its offset. Give it a
/// buffered reader.
///
/// ```
/// use holobiont_committee::{ExportReader, ExportStart, ExportWriter};
/// use holobiont_identity::Digest;
/// use holobiont_policy::Roster;
///
/// let start = ExportStart::First { content_hash: Digest::of("o"), roster: Roster::replay() };
/// let mut writer = ExportWriter::new(Vec::new(), &start)?;
/// writer.entry(4, b"signed")?;
/// let bytes = writer.finish()?;
///
/// let mut reader = ExportReader::new(bytes.as_slice())?;
/// assert_eq!(reader.entry()?, Some((4, b"signed".to_vec())));
/// assert_eq!(reader.entry()?, None);
/// # Ok::<(), holobiont_committee::ExportError>(())
/// ```
#[derive(Debug)]
pub struct ExportReader<R> {
    input: R,
    hasher: blake3::Hasher,
    offset: u64,
    start: ExportStart,
    configs: ExportConfigs,
    entries: u64,
    last_index: u64,
    done: bool,
}

impl<R: Read> ExportReader<R> {
    /// Opens an export.
    ///
    /// # Errors
    ///
    /// [`ExportError`] for input that cannot be read, is no export, or is of another version.
    pub fn new(input: R) -> Result<Self, ExportError> {
        let (content_hash, roster) =
            (Digest::from_bytes([0; 32]), holobiont_policy::Roster::replay());
        let mut reader = Self {
            input,
            hasher: blake3::Hasher::new(),
            offset: 0,
            start: ExportStart::First { content_hash, roster },
            configs: ExportConfigs::default(),
            entries: 0,
            last_index: 0,
            done: false,
        };
        if reader.array::<4>()? != MAGIC {
            return Err(reader.damage("it does not begin as a log export"));
        }
        match u32::from_le_bytes(reader.array()?) {
            VERSION => {}
            UNSIGNED_VERSION => return Err(ExportError::Unsigned),
            version => return Err(ExportError::UnknownVersion { version }),
        }
        reader.start = reader.read_start()?;
        reader.last_index = reader.start.log_index();
        Ok(reader)
    }

    /// Where it begins.
    #[must_use]
    pub const fn start(&self) -> &ExportStart {
        &self.start
    }

    /// The configs read so far: those that the entries read so far need.
    #[must_use]
    pub const fn configs(&self) -> &ExportConfigs {
        &self.configs
    }

    /// The next entry: its index and the bytes that stand there in the log. None at the end, and
    /// only then is the export whole.
    ///
    /// # Errors
    ///
    /// [`ExportError`] for damage, for a config that is none, and when reading fails.
    pub fn entry(&mut self) -> Result<Option<(u64, Vec<u8>)>, ExportError> {
        while !self.done {
            let begins = self.offset;
            let before = self.hasher.finalize();
            let [kind] = self.array()?;
            if kind == ITEM_END {
                self.end(before.into())?;
                break;
            }
            let limit = match kind {
                ITEM_ENTRY => MAX_SIGNED_BYTES.saturating_add(8),
                ITEM_CONFIG => MAX_CONFIG_BYTES.saturating_add(32),
                _ => return Err(self.damage("an item is of no known kind")),
            };
            let length = u32::from_le_bytes(self.array()?);
            let crc = u32::from_le_bytes(self.array()?);
            let body = self.bytes(length, limit)?;
            let damage = |what| ExportError::Damage { offset: begins, what };
            if checksum(kind, length, [&body, &[]]) != crc {
                return Err(damage("an item's checksum does not match"));
            }
            if kind == ITEM_CONFIG {
                let short = || damage("a config has no content hash");
                let (hash, text) = body.split_first_chunk::<32>().ok_or_else(short)?;
                let text = String::from_utf8(text.to_vec());
                let text = text.map_err(|_| damage("a config is no text"))?;
                self.configs.add(Digest::from_bytes(*hash), text)?;
                continue;
            }
            let short = || damage("an entry has no index");
            let (index, payload) = body.split_first_chunk::<8>().ok_or_else(short)?;
            let index = u64::from_le_bytes(*index);
            if index <= self.last_index {
                return Err(damage("an entry's index is not above the one before it"));
            }
            self.last_index = index;
            self.entries = self.entries.saturating_add(1);
            return Ok(Some((index, payload.to_vec())));
        }
        Ok(None)
    }

    /// The machine that the entries are for, at the export's start.
    ///
    /// # Errors
    ///
    /// [`MachineError`]: its config is not among `configs`, or it is none.
    pub fn machine(&self, configs: &dyn Configs) -> Result<Machine, MachineError> {
        match &self.start {
            ExportStart::First { content_hash, roster } => {
                let organism = configs.organism(content_hash);
                let missing = MachineError::ConfigMissing { content_hash: *content_hash };
                Machine::new(organism.ok_or(missing)?, roster.clone())
            }
            ExportStart::Snapshot { log_index, machine, .. } => {
                let machine = Machine::restore(machine, configs)?;
                if machine.log_index() == *log_index {
                    return Ok(machine);
                }
                Err(MachineError::Snapshot { why: "it is of another index than the export says" })
            }
        }
    }

    fn read_start(&mut self) -> Result<ExportStart, ExportError> {
        match self.array()? {
            [START_FIRST] => {
                let content_hash = Digest::from_bytes(self.array()?);
                let roster = self.blob(MAX_ROSTER_BYTES)?;
                let roster = versioned::decode(ROSTER_VERSION, &roster)
                    .map_err(|_| self.damage("its roster is not readable"))?;
                Ok(ExportStart::First { content_hash, roster })
            }
            [START_SNAPSHOT] => {
                let log_index = u64::from_le_bytes(self.array()?);
                let machine = self.blob(MAX_MACHINE_BYTES)?;
                let certificate = Certificate::decode(&self.blob(MAX_CERTIFICATE_BYTES)?)?;
                if certificate.statement.log_index != log_index {
                    return Err(self.damage("its certificate is of another entry"));
                }
                Ok(ExportStart::Snapshot { log_index, machine, certificate: Box::new(certificate) })
            }
            _ => Err(self.damage("it begins in no known way")),
        }
    }

    fn end(&mut self, before: Digest) -> Result<(), ExportError> {
        let entries = u64::from_le_bytes(self.array()?);
        let digest = Digest::from_bytes(self.array()?);
        if entries != self.entries || digest != before {
            return Err(self.damage("its end does not match its entries"));
        }
        let mut rest = Vec::new();
        self.input.by_ref().take(1).read_to_end(&mut rest).map_err(io)?;
        if !rest.is_empty() {
            return Err(self.damage("there are bytes after its end"));
        }
        self.done = true;
        Ok(())
    }

    fn blob(&mut self, limit: usize) -> Result<Vec<u8>, ExportError> {
        let length = u32::from_le_bytes(self.array()?);
        self.bytes(length, limit)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ExportError> {
        let bytes = self.bytes(u32::try_from(N).unwrap_or(u32::MAX), N)?;
        bytes.first_chunk().copied().ok_or_else(|| self.damage("it ends here"))
    }

    /// Memory grows with what is there, not with what is announced.
    fn bytes(&mut self, length: u32, limit: usize) -> Result<Vec<u8>, ExportError> {
        if usize::try_from(length).map_or(true, |length| length > limit) {
            return Err(self.damage("a length is past its limit"));
        }
        let mut bytes = Vec::new();
        let wanted = u64::from(length);
        self.input.by_ref().take(wanted).read_to_end(&mut bytes).map_err(io)?;
        let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if got < wanted {
            return Err(self.damage("it ends here, before its end mark"));
        }
        self.hasher.update(&bytes);
        self.offset = self.offset.saturating_add(got);
        Ok(bytes)
    }

    const fn damage(&self, what: &'static str) -> ExportError {
        ExportError::Damage { offset: self.offset, what }
    }
}

const fn io(source: std::io::Error) -> ExportError {
    ExportError::Io { doing: "read", source }
}
