use std::io::Write;

use holobiont_identity::{Digest, MAX_CONFIG_BYTES, Organism, versioned};

use super::{
    ExportStart, ITEM_CONFIG, ITEM_END, ITEM_ENTRY, MAGIC, MAX_EXPORT_CONFIGS, ROSTER_VERSION,
    START_FIRST, START_SNAPSHOT, VERSION, checksum,
};
use crate::{ExportError, MAX_SIGNED_BYTES};

/// Writes an export of a committee's log, to wherever bytes go.
///
/// ```text
/// "HBCL" ‖ u32 version ‖ u8 kind of start ‖ start
///   kind 0:  first content hash ‖ framed first roster
///   kind 1:  u64 log index ‖ framed machine snapshot ‖ framed certificate
/// then per item:  u8 kind ‖ u32 length ‖ u32 crc32c of kind, length and body ‖ body
///   kind 1, an entry:   u64 log index ‖ signed command
///   kind 2, a config:   content hash ‖ organism.toml
/// at the end:     u8 0 ‖ u64 entries ‖ blake3 of all before this end
/// ```
#[derive(Debug)]
pub struct ExportWriter<W> {
    out: W,
    hasher: blake3::Hasher,
    entries: u64,
    last_index: u64,
    configs: usize,
}

impl<W: Write> ExportWriter<W> {
    /// Begins an export.
    ///
    /// # Errors
    ///
    /// [`ExportError::Io`] when `out` refuses.
    pub fn new(out: W, start: &ExportStart) -> Result<Self, ExportError> {
        let last_index = start.log_index();
        let mut writer =
            Self { out, hasher: blake3::Hasher::new(), entries: 0, last_index, configs: 0 };
        writer.write(&MAGIC)?;
        writer.write(&VERSION.to_le_bytes())?;
        match start {
            ExportStart::First { content_hash, roster } => {
                writer.write(&[START_FIRST])?;
                writer.write(content_hash.as_bytes())?;
                writer.blob(&versioned::encode(ROSTER_VERSION, roster))?;
            }
            ExportStart::Snapshot { log_index, machine, certificate } => {
                writer.write(&[START_SNAPSHOT])?;
                writer.write(&log_index.to_le_bytes())?;
                writer.blob(machine)?;
                writer.blob(&certificate.encode())?;
            }
        }
        Ok(writer)
    }

    /// Adds a config, by its `organism.toml`: before the entry that needs it.
    ///
    /// # Errors
    ///
    /// [`ExportError::TooLarge`] for a text or a number of configs past its limit,
    /// [`ExportError::Config`] for a text that is no config of that hash, [`ExportError::Io`].
    pub fn config(&mut self, content_hash: &Digest, text: &str) -> Result<(), ExportError> {
        if self.configs >= MAX_EXPORT_CONFIGS || text.len() > MAX_CONFIG_BYTES {
            return Err(ExportError::TooLarge { what: "configs" });
        }
        if Organism::parse(text).map_or(true, |it| it.content_hash() != *content_hash) {
            return Err(ExportError::Config { content_hash: *content_hash });
        }
        self.configs = self.configs.saturating_add(1);
        self.item(ITEM_CONFIG, [content_hash.as_bytes(), text.as_bytes()])
    }

    /// Adds an entry of the log: its index and its bytes as they stand there.
    ///
    /// # Errors
    ///
    /// [`ExportError::TooLarge`] for an entry over [`MAX_SIGNED_BYTES`], [`ExportError::Unordered`] for
    /// an index that is not above the one before, [`ExportError::Io`].
    pub fn entry(&mut self, index: u64, payload: &[u8]) -> Result<(), ExportError> {
        if payload.len() > MAX_SIGNED_BYTES {
            return Err(ExportError::TooLarge { what: "an entry" });
        }
        if index <= self.last_index {
            return Err(ExportError::Unordered { index, last: self.last_index });
        }
        self.item(ITEM_ENTRY, [&index.to_le_bytes(), payload])?;
        self.last_index = index;
        self.entries = self.entries.saturating_add(1);
        Ok(())
    }

    /// Ends the export.
    ///
    /// # Errors
    ///
    /// [`ExportError::Io`] when `out` refuses.
    pub fn finish(mut self) -> Result<W, ExportError> {
        let digest = self.hasher.finalize();
        let entries = self.entries;
        self.write(&[ITEM_END])?;
        self.write(&entries.to_le_bytes())?;
        self.write(digest.as_bytes())?;
        self.out.flush().map_err(|source| ExportError::Io { doing: "write", source })?;
        Ok(self.out)
    }

    /// Where the bytes go, for a sender that takes them out in pieces.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    fn item(&mut self, kind: u8, body: [&[u8]; 2]) -> Result<(), ExportError> {
        let length = body.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.write(&[kind])?;
        self.write(&length.to_le_bytes())?;
        self.write(&checksum(kind, length, body).to_le_bytes())?;
        body.into_iter().try_for_each(|part| self.write(part))
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.write(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.hasher.update(bytes);
        self.out.write_all(bytes).map_err(|source| ExportError::Io { doing: "write", source })
    }
}
