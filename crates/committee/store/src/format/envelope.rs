use crate::Defect;

const PREFIX_BYTES: usize = 8;
const HASH_BYTES: usize = 32;

/// Four bytes that name a kind of file, a version, and at the end a hash over all of it.
pub(crate) struct Envelope {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
}

impl Envelope {
    /// What the envelope adds to a body, in bytes.
    pub(crate) const BYTES: usize = PREFIX_BYTES + HASH_BYTES;

    /// The first bytes of a file.
    pub(crate) fn prefix(&self) -> [u8; PREFIX_BYTES] {
        let [a, b, c, d] = self.magic;
        let [e, f, g, h] = self.version.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    pub(crate) fn close(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = [&self.prefix(), body].concat();
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// The body, once magic, version and hash are right.
    pub(crate) fn open<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Defect> {
        let rest = self.begins(bytes)?;
        let (body, hash) = rest.split_last_chunk::<HASH_BYTES>().ok_or(Defect::Short)?;
        let length = bytes.len().saturating_sub(HASH_BYTES);
        let content = bytes.get(..length).unwrap_or_default();
        match blake3::hash(content) == *hash {
            true => Ok(body),
            false => Err(Defect::Checksum),
        }
    }

    /// What follows the prefix, once that is right.
    pub(crate) fn begins<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Defect> {
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(Defect::Short)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(Defect::Short)?;
        if *magic != self.magic {
            return Err(Defect::Magic);
        }
        let version = u32::from_le_bytes(*version);
        if version != self.version {
            return Err(Defect::Version { version, known: self.version });
        }
        Ok(rest)
    }
}
